package main

import (
	"fmt"
	"os"
	"strings"
)

const levelsName = "every level of allure"

// levelVersions are five releases after a first one; ten levels lie between two.
var levelVersions = []string{"2.40.0", "2.41.0", "2.42.1", "2.43.0", "2.44.0", "2.46.1"}

// levels compares a bundle that stops at each of five releases with one from end to end.
func (b *bench) levels() (section, error) {
	t := &trees{dir: b.path("levels")}
	defer os.RemoveAll(t.dir)
	var trees []string
	for _, version := range levelVersions {
		tree := t.path(version)
		if err := os.MkdirAll(tree, 0o755); err != nil {
			return section{}, err
		}
		if err := b.layOne("allure", version, tree); err != nil {
			return section{}, err
		}
		trees = append(trees, tree)
	}
	all := b.levelContenders(t, trees)
	results, err := b.contest(levelsName, t, all)
	if err != nil {
		return section{}, err
	}
	return section{levelsName, levelsTable(results, b.spread)}, nil
}

func (b *bench) levelContenders(t *trees, trees []string) (all []contender) {
	last := len(trees) - 1
	var between []string
	for i, tree := range trees[1:last] {
		between = append(between, "--between", fmt.Sprintf("%d=%s", 10*(i+1), tree))
	}
	product, end := "allure-"+levelVersions[0], fmt.Sprint(10*last)
	for _, c := range []struct {
		name string
		more []string
	}{{"end to end", nil}, {"every level", between}} {
		bundle := t.path(c.name + ".packlift")
		all = append(all, contender{
			name: c.name, create: b.createUpdate(trees[0], trees[last], product, "0", end, bundle, c.more...), size: func() (int64, error) { return lessTools(bundle) },
			fresh: func() error {
				if err := t.fresh(); err != nil {
					return err
				}
				return b.newPack(trees[0], t.path("out"), product, "0")
			},
			apply: b.applyUpdate(t.path("out"), bundle),
			check: func() error { return equalTrees(t.path("out"), trees[last], "updates") },
		})
	}
	return all
}

func levelsTable(results []result, spread bool) string {
	rows := [][]string{{strings.Join(levelVersions, ", "), "bytes", "create s", "apply s", "create MiB", "apply MiB", "bytes ÷ end to end", "at most"}}
	for i, r := range results {
		most := ""
		if i > 0 {
			most = "1.60"
		}
		rows = append(rows, []string{r.name, fmt.Sprint(r.size), r.create.seconds(spread), r.apply.seconds(spread), r.create.mebibytes(), r.apply.mebibytes(),
			figures(float64(r.size) / float64(results[0].size)), most})
	}
	return table(rows)
}
