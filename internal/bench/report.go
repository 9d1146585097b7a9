package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// report is the table of one transition, and what it says of the goals.
func (b *bench) report(t *trees, results []result, v verifying, left []string) string {
	best := bestOf(results)
	var out strings.Builder
	fmt.Fprintf(&out, "%d files new or changed, %d bytes.\n\n", len(t.changed), t.bytes)
	rows := [][]string{{"", "bytes", "create s", "apply s", "create MiB", "apply MiB", "bytes ÷ best", "create ÷ best", "apply ÷ best"}}
	for _, r := range results {
		row := []string{r.name, fmt.Sprint(r.size), r.create.seconds(b.spread), r.apply.seconds(b.spread), r.create.mebibytes(), r.apply.mebibytes(), "", "", ""}
		if best != nil {
			row[6], row[7], row[8] = figures(float64(r.size)/float64(best.size)), ratio(r.create, best.create), ratio(r.apply, best.apply)
		}
		rows = append(rows, row)
	}
	out.WriteString(table(rows))
	if len(left) > 0 {
		fmt.Fprintf(&out, "\nLeft out: %s.\n", strings.Join(left, "; "))
	}
	out.WriteString("\n" + table(goals(t.transition, results, v)))
	return out.String()
}

// bestOf is the peer of the smallest patch; nil without peers.
func bestOf(results []result) *result {
	var best *result
	for i := range results[1:] {
		r := &results[1+i]
		if !r.whole && (best == nil || r.size < best.size) {
			best = r
		}
	}
	return best
}

func ratio(a, b cost) string {
	if len(a.walls) == 0 || b.wall() == 0 {
		return "–"
	}
	return figures(a.wall().Seconds() / b.wall().Seconds())
}

// goals compares what was reached with what is aimed at; ours is the first result.
func goals(c transition, results []result, v verifying) [][]string {
	ours, peers, whole := results[0], []result{}, []result{}
	for _, r := range results[1:] {
		if r.whole {
			whole = append(whole, r)
		} else {
			peers = append(peers, r)
		}
	}
	rows := [][]string{{"goal", "beside", "reached", "at most"}}
	add := func(goal, beside, reached string, most float64) {
		rows = append(rows, []string{goal, beside, reached, figures(most)})
	}
	if best := bestOf(results); best != nil {
		add("size", best.name, figures(float64(ours.size)/float64(best.size)), c.most)
		near := slices.DeleteFunc(slices.Clone(peers), func(r result) bool { return float64(r.size) > 1.1*float64(best.size) })
		quick := fastest(near, func(r result) time.Duration { return r.create.wall() })
		add("create", quick.name, ratio(ours.create, quick.create), 1)
		quick = fastest(peers, func(r result) time.Duration { return r.apply.wall() })
		add("apply", quick.name, ratio(ours.apply, quick.apply), 2)
	}
	for _, r := range peers {
		if strings.Contains(r.name, "age") {
			add("apply", r.name, ratio(ours.apply, r.apply), 2)
		}
	}
	for _, r := range whole {
		add("apply", r.name, ratio(ours.apply, r.apply), 1)
	}
	add("verify", "openssl dgst -sha256: "+v.openssl.seconds(false)+" s", ratio(v.ours, v.openssl), 1)
	add("memory of create, MiB", "", ours.create.mebibytes(), 1024)
	add("memory of apply, MiB", "", ours.apply.mebibytes(), 256)
	add("memory of verify, MiB", "", v.ours.mebibytes(), 64)
	return rows
}

func fastest(all []result, of func(result) time.Duration) result {
	return slices.MinFunc(all, func(a, b result) int { return cmp.Compare(of(a), of(b)) })
}
