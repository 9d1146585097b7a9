//go:build failpoint && disks

package apply

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"packlift/internal/disktest"
	"packlift/internal/fault"
	"packlift/internal/pack"
)

// caseTrees differ in the case of names: of files that stay the same and that
// change, of links, of folders with all in them.
func caseTrees() (from, to tree) {
	common := tree{"Same.txt": file("same"), "sub/Deep/x": file("x")}
	return common.with(tree{"readme.TXT": file("read me"), "Notes": file("one"), "lib/A.jar": file("a"), "lib/deep/B.jar": file("b"), "cur": link("lib"),
			"empty": dir(0o755), "what": file("a file"), "which/f": file("f"), "run.sh": fileMode("run", 0o755)}),
		common.with(tree{"README.txt": file("read me"), "NOTES": file("two"), "Lib/a.jar": file("a"), "Lib/Deep/B.jar": file("b 2"), "Cur": link("Lib"),
			"Empty": dir(0o700), "WHAT/f": file("f"), "WHICH": file("a file"), "Run.sh": fileMode("run", 0o700)})
}

func foldPack(t *testing.T, from tree) *pack.Pack {
	t.Helper()
	dir := filepath.Join(disktest.Scratch(t), "disk")
	disktest.FoldCase(t, dir)
	if err := os.WriteFile(filepath.Join(dir, "Probe"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "pROBE")); err != nil {
		t.Fatalf("the file system does not ignore case: %v", err)
	}
	p := initPack(t, filepath.Join(dir, "pack"), from, 3)
	t.Cleanup(func() { p.Close() })
	return p
}

// Where the target ignores case, names change their case all the same, forward
// and back, finished or undone from the middle.
func TestDiskCaseFold(t *testing.T) {
	from, to := caseTrees()
	p := foldPack(t, from)
	for range 2 {
		update(t, p, newFake(t, from, to, 3, 10), testOptions())
		sameTree(t, "updated", readTree(t, p.Dir()), to)
		tidy(t, p)
		revert(t, p, testOptions())
		sameTree(t, "reverted", readTree(t, p.Dir()), from)
		tidy(t, p)
	}
}

func TestDiskCaseFoldRecovery(t *testing.T) {
	from, to := caseTrees()
	steps := []func(*transaction) error{
		func(tr *transaction) error { return nil },
		func(tr *transaction) error { return tr.each(false, (*op).movesAway, tr.moveAway) },
		func(tr *transaction) error { return tr.each(true, (*op).removesDir, tr.removeDir) },
		func(tr *transaction) error { return tr.each(false, (*op).makesDir, tr.makeDir) },
		func(tr *transaction) error { return tr.each(false, (*op).placesNew, tr.place) },
		func(tr *transaction) error { return tr.each(false, (*op).makesLink, tr.makeLink) },
	}
	for n := range steps {
		for _, undo := range []bool{false, true} {
			p := foldPack(t, from)
			f := newFake(t, from, to, 3, 10)
			pl, err := f.plan(p, testOptions())
			must(t, err)
			tr := staged(t, p, f, pl)
			for _, step := range steps[:n+1] {
				must(t, step(tr))
			}
			if undo {
				must(t, p.Root().Rename(journalName, undoName))
				recovers(t, p, ActionUndone, from)
			} else {
				recovers(t, p, ActionFinished, to)
			}
			tidy(t, p)
		}
	}
}

// Killed before each effect, and again in recovery, the pack comes to exactly one
// of the two spellings.
func TestDiskCaseFoldKilled(t *testing.T) {
	for _, c := range [][2]string{{"apply", "case"}, {"revert", "case"}, {"apply", "recased"}, {"revert", "recased"}} {
		job := c[0]
		dir := filepath.Join(disktest.Scratch(t), "disk")
		disktest.FoldCase(t, dir)
		d := &disk{kind: "case", dir: dir, job: job, trees: c[1]}
		d.from, d.to = diskTrees(c[1])
		must(t, initPack(t, d.pack(), d.from, 3).Close())
		if job == "revert" {
			d.works(t, "apply")
			d.from, d.to = d.to, d.from
		}
		d.killedAnywhere(t)
	}
}

func (d *disk) killedAnywhere(t *testing.T) {
	d.fresh(t)
	list := d.dir + ".effects"
	d.spawn(t, d.job, "count:"+list)
	b, err := os.ReadFile(list)
	must(t, err)
	effects, ends := strings.Split(strings.TrimSpace(string(b)), "\n"), map[bool]int{}
	for n := 1; n <= len(effects); n += max(cutStep()/2, 1) {
		what := d.job + " killed before " + effects[n-1]
		d.fresh(t)
		if d.spawn(t, d.job, fmt.Sprint("kill:", n)) != nil {
			t.Fatalf("%s: it was not", what)
		}
		d.spawn(t, "recover", fmt.Sprint("kill:", 1+n%23))
		d.works(t, "recover")
		got := readTree(t, d.pack()).String()
		onNew := got == d.to.whole().String()
		if ends[onNew]++; !onNew && got != d.from.whole().String() {
			t.Errorf("%s: the tree is neither old nor new:\n%s", what, got)
		}
	}
	t.Logf("%s of %s: %d effects; old %d times, new %d times", d.job, d.trees, len(effects), ends[false], ends[true])
	if ends[false] == 0 || ends[true] == 0 {
		t.Error("recovery never goes both ways")
	}
}

// A file of the site's own whose name differs only in case from one that is
// added is in the way; so is a customized one under another case.
func TestDiskCaseFoldConflict(t *testing.T) {
	from, to := caseTrees()
	p := foldPack(t, from)
	must(t, os.WriteFile(filepath.Join(p.Dir(), "EXTRA"), []byte("own"), 0o644))
	must(t, os.WriteFile(filepath.Join(p.Dir(), "notes"), []byte("changed here"), 0o644))
	pl, err := newFake(t, from, to.with(tree{"extra": file("new")}), 3, 10).plan(p, testOptions())
	must(t, err)
	var paths []string
	for _, c := range pl.Conflicts {
		paths = append(paths, c.Path+": "+c.Reason)
	}
	if got := strings.Join(paths, "; "); !strings.Contains(got, "extra: ") || !strings.Contains(got, "Notes: ") || fault.ClassOf(pl.refuse()) != fault.Conflict {
		t.Errorf("conflicts: %s", got)
	}
	before := from.with(tree{"EXTRA": file("own"), "Notes": file("changed here")})
	sameTree(t, "untouched", readTree(t, p.Dir()), before)
}

// A folder that changes its case and holds a file of the site's own keeps the
// file, and what the update brings comes beside it.
func TestDiskCaseFoldOwn(t *testing.T) {
	from := tree{"lib/a": file("a"), "z": file("z")}
	to := tree{"Lib/a": file("a 2"), "z": file("z")}
	p := foldPack(t, from)
	must(t, os.WriteFile(filepath.Join(p.Dir(), "lib/own"), []byte("own"), 0o644))
	update(t, p, newFake(t, from, to, 3, 10), testOptions())
	sameTree(t, "updated", readTree(t, p.Dir()), tree{"lib/a": file("a 2"), "lib/own": file("own"), "z": file("z")})
	tidy(t, p)
	revert(t, p, testOptions())
	sameTree(t, "reverted", readTree(t, p.Dir()), tree{"lib/a": file("a"), "lib/own": file("own"), "z": file("z")})
	tidy(t, p)
}
