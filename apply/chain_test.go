package apply

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"packlift/bundle"
	"packlift/internal/fault"
	"packlift/internal/manifest"
	"packlift/internal/pack"
)

// long is a text that differs from others of its name by a number alone.
func long(name string, n int) node {
	return file(fmt.Sprintf("%s %d %s", name, n, strings.Repeat("all that stays of "+name+" ", 300)))
}

// chainTrees are five levels: a changes on each, b comes and goes, c comes, goes
// and comes again, d moves, e is changed once.
var chainTrees = []tree{
	{"a": long("a", 0), "c": long("c", 0), "d/one": long("d", 0), "e": long("e", 0), "same": file("same")},
	{"a": long("a", 1), "b": long("b", 0), "c": long("c", 1), "d/one": long("d", 1), "e": long("e", 0), "same": file("same")},
	{"a": long("a", 2), "b": long("b", 1), "c": long("c", 2), "d/two": long("d", 1), "e": long("e", 0), "same": file("same")},
	{"a": long("a", 3), "b": long("b", 2), "c": long("c", 3), "d/two": long("d", 1), "d/twin": long("d", 1), "e": long("e", 1), "same": file("same")},
	{"a": long("a", 4), "bb": long("b", 3), "c": long("c", 1), "d/two": long("d", 2), "e": long("e", 1), "same": file("same")},
}

// newChain is a bundle with a stop on each tree, on levels 3, 5, 7 and on, the last on 10 or further. Every
// content that may be is a delta, in each step of the file at the same path, or
// for one of another name of a file of the same kind.
func newChain(tb testing.TB, trees ...tree) *fakeBundle {
	tb.Helper()
	f := newFake(tb, trees[0], trees[len(trees)-1], 3, max(10, 3+2*(len(trees)-1)))
	f.contents, f.between = nil, map[int]*manifest.Manifest{}
	levels := []*manifest.Manifest{f.base}
	for i, t := range trees[1 : len(trees)-1] {
		m := t.manifest(tb, 5+2*i)
		f.between[m.Level] = m
		f.info.Between = append(f.info.Between, bundle.Stop{Level: m.Level, Manifest: m.Digest()})
		levels = append(levels, m)
	}
	levels = append(levels, f.target)
	plain := manifest.NewSteps(f.base)
	for _, m := range levels[1:] {
		must(tb, plain.Go(m, wholes(plain.Needed(m))))
	}
	s := manifest.NewSteps(f.base)
	for i, m := range levels[1:] {
		from := len(f.contents)
		for _, b := range s.Needed(m) {
			if plain.Again(b.SHA256) {
				f.carry(tb, b, tree{}, trees[i+1])
			} else {
				f.carry(tb, b, trees[i].with(renames(trees[i], trees[i+1])), trees[i+1])
			}
		}
		must(tb, s.Go(m, f.contents[from:]))
	}
	return f
}

// renames gives for each path of now that old lacks a file of old whose text
// begins alike.
func renames(old, now tree) tree {
	out := tree{}
	for p, n := range now {
		if _, ok := old[p]; ok || n.kind != manifest.File {
			continue
		}
		for _, q := range old.paths() {
			if old[q].kind == manifest.File && len(n.text) > 2 && strings.HasPrefix(old[q].text, n.text[:2]) {
				out[p] = old[q]
			}
		}
	}
	return out
}

func wholes(list []manifest.Blob) (out []manifest.Content) {
	for _, b := range list {
		out = append(out, manifest.Content{Blob: b})
	}
	return out
}

// From each stop to each later one, and back.
func TestChain(t *testing.T) {
	f := newChain(t, chainTrees...)
	made := 0
	for from := range chainTrees {
		for to := from + 1; to < len(chainTrees); to++ {
			t.Run(fmt.Sprint(from, " to ", to), func(t *testing.T) {
				p := newPack(t, chainTrees[from], 3+2*from)
				o := testOptions()
				o.Level = 3 + 2*to
				pl, err := f.plan(p, o)
				must(t, err)
				if len(pl.Conflicts) > 0 || len(pl.onTheWay()) > 0 != (to > from+1) {
					t.Errorf("%d on the way, conflicts %v", len(pl.onTheWay()), pl.Conflicts)
				}
				made += len(pl.onTheWay())
				res, err := f.run(context.Background(), p, pl, o)
				must(t, err)
				sameTree(t, "updated", readTree(t, p.Dir()), chainTrees[to])
				atStop(t, p, f, o.Level)
				tidy(t, p)
				if res.To != o.Level {
					t.Errorf("%+v", res)
				}
				revert(t, p, testOptions())
				sameTree(t, "reverted", readTree(t, p.Dir()), chainTrees[from])
			})
		}
	}
	if made < 10 {
		t.Errorf("only %d contents are made on the way", made)
	}
}

func atStop(t *testing.T, p *pack.Pack, f *fakeBundle, level int) {
	t.Helper()
	s, err := p.State()
	must(t, err)
	stop, _ := stopAt(&f.info, level)
	if s.Level != level || s.Sequence.Level != level || s.Manifest != stop.Manifest {
		t.Errorf("the state says %+v", s)
	}
}

// From stop to stop with one bundle, each run on what the one before left.
func TestChainStepByStep(t *testing.T) {
	f := newChain(t, chainTrees...)
	p := newPack(t, chainTrees[0], 3)
	for _, to := range []int{1, 3, 4} {
		o := testOptions()
		if o.Level = 3 + 2*to; to == 4 {
			o.Level = 0
		}
		update(t, p, f, o)
		sameTree(t, "updated", readTree(t, p.Dir()), chainTrees[to])
	}
	fit, err := fitInfo(p, &f.info, 0)
	if err != nil || !fit.AlreadyThere || fit.To != 11 {
		t.Errorf("%+v, %v", fit, err)
	}
}

func TestChainFit(t *testing.T) {
	f := newChain(t, chainTrees...)
	f.info.MinSequence = manifest.Sequence{Level: 6}
	for _, c := range []struct {
		at, level int
		class     fault.Class
		words     string
	}{
		{5, 6, fault.WrongLevel, "by way of 5, 7, 9 to 11; it cannot stop at level 6"},
		{4, 0, fault.WrongLevel, "from level 3 by way of 5, 7, 9 to 11, the pack is at level 4"},
		{12, 0, fault.WrongLevel, "the pack is at level 12"},
		{9, 7, fault.WrongLevel, "above level 7"},
		{7, 3, fault.WrongLevel, "cannot stop at level 3"},
		{3, 5, fault.Rollback, "level 5 (sequence 0.5.0) is below the floor 0.6.0"},
	} {
		p := newPack(t, chainTrees[0], c.at)
		_, err := fitInfo(p, &f.info, c.level)
		if fault.ClassOf(err) != c.class || !strings.Contains(err.Error(), c.words) {
			t.Errorf("at %d to %d: %v", c.at, c.level, err)
		}
		if c.at == 4 && !strings.Contains(fault.HintOf(err), "--between 4=TREE") {
			t.Errorf("the hint is %s", fault.HintOf(err))
		}
	}
	p := newPack(t, chainTrees[1], 5)
	if fit, err := fitInfo(p, &f.info, 7); err != nil || fit.From != 5 || fit.To != 7 {
		t.Errorf("%+v, %v", fit, err)
	}
	other := newChain(t, slices.Replace(slices.Clone(chainTrees), 1, 2, chainTrees[1].with(tree{"same": file("other")}))...)
	update(t, p, f, testOptions())
	revert(t, p, testOptions())
	if _, err := fitInfo(p, &other.info, 0); fault.ClassOf(err) != fault.WrongLevel || !strings.Contains(err.Error(), "another level 5") {
		t.Errorf("%v", err)
	}
}

// A file whose loss breaks the chain is a conflict, named with the way out;
// one that the bundle sends whole, or that another file replaces, is none.
func TestChainBroken(t *testing.T) {
	f := newChain(t, chainTrees...)
	for path, broken := range map[string]bool{"b": false, "a": true, "same": false, "d/one": true, "e": true} {
		p := newPack(t, chainTrees[1], 5)
		must(t, os.Remove(filepath.Join(p.Dir(), path)))
		o := testOptions()
		o.AcceptDifferent = true
		pl, err := f.plan(p, o)
		must(t, err)
		if (len(pl.Conflicts) > 0) != broken || broken && pl.Conflicts[0].Path != path {
			t.Errorf("without %s: %+v", path, pl.Conflicts)
		}
		if path == "d/one" && (!strings.Contains(pl.Conflicts[0].Reason, "d/two") || !strings.Contains(pl.Remedy(), "--whole")) {
			t.Errorf("%+v, %s", pl.Conflicts, pl.Remedy())
		}
	}
}

// What only the chain needs and is not here is made of what the bundle sends whole.
func TestChainFromWhole(t *testing.T) {
	f := newChain(t, chainTrees...)
	p := newPack(t, chainTrees[2], 7)
	must(t, os.Remove(filepath.Join(p.Dir(), "b")))
	o := testOptions()
	o.AcceptDifferent = true
	pl, err := f.plan(p, o)
	must(t, err)
	_, err = f.run(context.Background(), p, pl, o)
	must(t, err)
	sameTree(t, "updated", readTree(t, p.Dir()), chainTrees[4])
	if len(pl.onTheWay()) != 4 { // a, and three of b
		t.Errorf("%d are made on the way", len(pl.onTheWay()))
	}
}

// A delta on the way that makes something else ends the run before it begins to move.
func TestChainLies(t *testing.T) {
	f := newChain(t, chainTrees...)
	p := newPack(t, chainTrees[0], 3)
	pl, err := f.plan(p, testOptions())
	must(t, err)
	body := f.bodies[pl.onTheWay()[0].SHA256]
	body[len(body)-1] ^= 1
	_, err = f.run(context.Background(), p, pl, testOptions())
	if fault.ClassOf(err) != fault.Tampered {
		t.Errorf("%v", err)
	}
	sameTree(t, "as it was", readTree(t, p.Dir()), chainTrees[0])
	tidy(t, p)
}

// What is staged ahead through a chain leaves nothing of the way, and a run that
// finds all of it, or a part, needs no more than what is left.
func TestChainStaged(t *testing.T) {
	for _, lost := range []int{0, 1, 3} {
		f := newChain(t, chainTrees...)
		p := newPack(t, chainTrees[0], 3)
		o := testOptions().withDefaults()
		pl, err := f.plan(p, o)
		must(t, err)
		info, err := pl.stageAll(context.Background(), p, &fakeBlobs{f: f}, o)
		must(t, err)
		list, err := os.ReadDir(filepath.Join(p.Dir(), stagedDir))
		must(t, err)
		if len(list) != info.Contents+1 {
			t.Errorf("%d contents are staged: %v", info.Contents, list)
		}
		gone := 0
		for _, e := range list {
			if gone < lost && e.Name() != "bundle.json" {
				must(t, os.Remove(filepath.Join(p.Dir(), stagedDir, e.Name())))
				gone++
			}
		}
		pl, err = f.plan(p, o)
		must(t, err)
		if left := len(pl.onTheWay()); lost == 0 && left > 0 {
			t.Errorf("%d are to be made though all lies ready", left)
		}
		_, err = f.run(context.Background(), p, pl, o)
		must(t, err)
		sameTree(t, "updated", readTree(t, p.Dir()), chainTrees[4])
		must(t, DropStaged(p))
		tidy(t, p)
	}
}
