//go:build failpoint && disks

package apply

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"packlift/internal/pack"
)

// A customized file whose name the update gives another case, alone, in a folder that
// changes its case, and one that becomes a folder.
var (
	recasedBase  = tree{"read.me": file("1\n2\n3\n"), "conf/app.ini": file("a\nb\nc\n"), "what": file("w\n"), "z": file("z")}
	recasedLevel = tree{"READ.me": file("1\n2\nnew\n"), "Conf/App.ini": file("a\nb\nnew\n"), "WHAT/in": file("in\n"), "z": file("z 2")}
	recasedSite  = recasedBase.with(tree{"read.me": file("mine\n2\n3\n"), "conf/app.ini": file("mine\nb\nc\n"), "what": file("mine\n")})
)

// One file is decided by F.final, one by --theirs and one by --ours.
var (
	recasedKept = recasedSite.with(tree{"read.me.final": file("both\n")})
	recasedDone = recasedKept.with(tree{"read.me": none, "read.me.final": none, "READ.me": file("both\n"), "conf/app.ini": none, "Conf/App.ini": file("a\nb\nnew\n"), "z": file("z 2")})
)

func recasedDecide(f *fakeBundle, o *Options) {
	o.open, o.AcceptDifferent = f.options().open, true
	o.Finals, o.Theirs, o.Ours = []string{"read.me"}, []string{"conf/**"}, []string{"what"}
}

// recasedRun plans, runs and reverts on a target that ignores case.
func recasedRun(t *testing.T, p *pack.Pack, decide func(*Options), site, want tree) {
	t.Helper()
	f := textFake(t, recasedBase, recasedLevel)
	o := f.options()
	o.AcceptDifferent = true
	decide(&o)
	pl, err := f.plan(p, o)
	must(t, err)
	if len(pl.Conflicts) > 0 {
		t.Fatalf("undecided: %+v", pl.Conflicts)
	}
	_, err = f.run(context.Background(), p, pl, o)
	must(t, err)
	sameTree(t, "updated", readTree(t, p.Dir()), want)
	tidy(t, p)
	revert(t, p, testOptions())
	sameTree(t, "reverted", readTree(t, p.Dir()), site)
	tidy(t, p)
}

// Both names are one file there: what is decided about it holds for both.
func TestDiskCaseFoldDecided(t *testing.T) {
	for name, c := range map[string]struct {
		decide func(*Options)
		want   tree
	}{
		"ours":   {func(o *Options) { o.Ours = []string{"**"} }, recasedSite.with(tree{"z": file("z 2")})},
		"theirs": {func(o *Options) { o.Theirs = []string{"**"} }, recasedLevel},
		"each": {func(o *Options) { o.Ours, o.Theirs = []string{"conf/**", "what"}, []string{"read.me"} },
			recasedSite.with(tree{"read.me": none, "READ.me": file("1\n2\nnew\n"), "z": file("z 2")})},
	} {
		t.Run(name, func(t *testing.T) { recasedRun(t, foldPack(t, recasedSite), c.decide, recasedSite, c.want) })
	}
}

// The update waits, with its own version beside the file; F.final comes under the new name.
func TestDiskCaseFoldWaits(t *testing.T) {
	p := foldPack(t, recasedSite)
	suspend := func() *Plan {
		f := textFake(t, recasedBase, recasedLevel)
		o := f.options()
		o.AcceptDifferent = true
		pl, err := f.plan(p, o)
		must(t, err)
		_, err = pl.suspend(context.Background(), p, &fakeBlobs{f: f}, &Pending{Source: Source{File: "/stick/b.packlift"}}, o)
		must(t, err)
		return pl
	}
	pl := suspend()
	reasons := map[string]string{"read.me": "changed here and named READ.me by the update", "conf/app.ini": "changed here and named Conf/App.ini by the update", "what": "changed here and named WHAT by the update"}
	for _, c := range pl.Conflicts {
		if reasons[c.Path] != c.Reason {
			t.Errorf("%s: %s", c.Path, c.Reason)
		}
	}
	if len(pl.Conflicts) != len(reasons) {
		t.Errorf("%d conflicts", len(pl.Conflicts))
	}
	sameTree(t, "waiting", readTree(t, p.Dir()), recasedSite.with(tree{"read.me.new": file("1\n2\nnew\n"), "conf/app.ini.new": file("a\nb\nnew\n")}))
	must(t, dropNow(p))
	sameTree(t, "dropped", readTree(t, p.Dir()), recasedSite)

	suspend()
	for _, name := range []string{"read.me.final", "conf/app.ini.final"} {
		must(t, os.WriteFile(filepath.Join(p.Dir(), name), []byte("both\n"), 0o644))
	}
	want := recasedSite.with(tree{"read.me": none, "READ.me": file("both\n"), "conf/app.ini": none, "conf/App.ini": file("both\n"), "z": file("z 2")}) // conf held the helpers
	back := recasedSite.with(tree{"read.me.final": file("both\n"), "conf/app.ini.final": file("both\n")})
	recasedRun(t, p, func(o *Options) {
		w, err := ReadPending(p)
		must(t, err)
		o.Finals, o.Ours = w.Paths(), []string{"what"}
	}, back, want)
}

// A file of the site's own under a name that the update adds in another case.
func TestDiskCaseFoldAdded(t *testing.T) {
	base, level := tree{"z": file("z")}, tree{"extra": file("theirs\n"), "z": file("z")}
	site := base.with(tree{"EXTRA": file("mine\n")})
	for name, c := range map[string]struct {
		decide     func(*Options)
		want, back tree
	}{
		"ours":   {func(o *Options) { o.Ours = []string{"extra"} }, site, site},
		"theirs": {func(o *Options) { o.Theirs = []string{"extra"} }, level, base.with(tree{"extra": file("mine\n")})},
	} {
		t.Run(name, func(t *testing.T) {
			p, f := foldPack(t, site), textFake(t, base, level)
			o := f.options()
			o.AcceptDifferent = true
			pl, err := f.plan(p, o)
			if err != nil || len(pl.Conflicts) != 1 || pl.Conflicts[0].Path != "extra" {
				t.Fatalf("%+v, %v", pl.Conflicts, err)
			}
			c.decide(&o)
			pl, err = f.plan(p, o)
			must(t, err)
			_, err = f.run(context.Background(), p, pl, o)
			must(t, err)
			sameTree(t, name, readTree(t, p.Dir()), c.want)
			revert(t, p, testOptions())
			sameTree(t, name+", reverted", readTree(t, p.Dir()), c.back)
		})
	}
}

// A folder that becomes a file of another case and holds what stays is in the way, and
// is told so before anything is staged.
func TestDiskCaseFoldFolderStays(t *testing.T) {
	base, level := tree{"lib/a": file("1\n"), "z": file("z")}, tree{"LIB": file("now a file\n"), "z": file("z")}
	p, f := foldPack(t, base.with(tree{"lib/a": file("mine\n")})), textFake(t, base, level)
	o := f.options()
	o.AcceptDifferent, o.Ours = true, []string{"lib/a"}
	pl, err := f.plan(p, o)
	must(t, err)
	if len(pl.Conflicts) != 1 || pl.Conflicts[0].Path != "LIB" || pl.Suspends() {
		t.Errorf("%+v", pl.Conflicts)
	}
	o.Ours, o.Theirs = nil, []string{"lib/a"}
	pl, err = f.plan(p, o)
	must(t, err)
	_, err = f.run(context.Background(), p, pl, o)
	must(t, err)
	sameTree(t, "theirs", readTree(t, p.Dir()), level)
}

// A folder that kept its case for a file of the site's own is still there when that
// file is gone, and the revert leads back.
func TestDiskCaseFoldOwnRemoved(t *testing.T) {
	base, level := tree{"lib": dir(0o755), "lib/a": file("a")}, tree{"Lib": dir(0o700), "Lib/a": file("a 2")}
	p := foldPack(t, base)
	own := filepath.Join(p.Dir(), "lib/own")
	must(t, os.WriteFile(own, []byte("own"), 0o644))
	update(t, p, newFake(t, base, level, 3, 10), testOptions())
	sameTree(t, "updated", readTree(t, p.Dir()), tree{"lib": dir(0o700), "lib/a": file("a 2"), "lib/own": file("own")})
	must(t, os.Remove(own))
	revert(t, p, testOptions())
	sameTree(t, "reverted", readTree(t, p.Dir()), base)
	tidy(t, p)
}
