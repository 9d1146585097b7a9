package apply

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"packlift/internal/fault"
	"packlift/internal/manifest"
)

var none node

// big is longer than what is held in memory while it is staged.
var big = strings.Repeat("big content ", smallBlob/12+1)

var oldTree = tree{
	"README.txt":       file("one\n"),
	"bin/run.sh":       fileMode("#!/bin/sh\necho 1\n", 0o755),
	"lib/core.jar":     file("core 1"),
	"lib/same.jar":     file("same"),
	"lib/gone.jar":     file("gone"),
	"old/deep/a.txt":   file("a"),
	"old/deep/b.txt":   file("b"),
	"empty":            dir(0o755),
	"goes":             dir(0o750),
	"conf/app.conf":    file("conf 1"),
	"current":          link("lib"),
	"dangling":         link("nowhere"),
	"turns/into/file":  file("x"),
	"turns2":           file("becomes a folder"),
	"turns3":           link("lib/core.jar"),
	"turns4":           file("becomes a link"),
	"mode":             file("mode only"),
	"modedir":          dir(0o755),
	"modedir/kept.txt": file("kept"),
	"readonly":         dir(0o555),
	"readonly/f":       fileMode("ro 1", 0o444),
}

var newTree = oldTree.with(tree{
	"README.txt":      file("two\n"),
	"bin/run.sh":      fileMode("#!/bin/sh\necho 2\n", 0o755),
	"lib/core.jar":    file("core 2"),
	"lib/copy.jar":    file("core 2"),
	"lib/gone.jar":    none,
	"old":             none,
	"goes":            none,
	"new/deep/c.txt":  file("c"),
	"new/empty":       dir(0o700),
	"conf/app.conf":   file("conf 1"),
	"current":         link("new"),
	"dangling":        none,
	"fresh":           link("lib/core.jar"),
	"turns":           none,
	"turns2":          none,
	"turns2/inside":   file("inside"),
	"turns3":          file("now a file"),
	"turns4":          link("conf/app.conf"),
	"mode":            fileMode("mode only", 0o600),
	"modedir":         dir(0o700),
	"readonly/f":      fileMode("ro 2", 0o444),
	"readonly/closed": dir(0o555),
	"big.bin":         file(big),
	"big2.bin":        file(big),
}).with(tree{"turns": file("now a file too")})

func TestUpdateAndRevert(t *testing.T) {
	for _, mode := range []string{"pack", "outside", "none"} {
		t.Run(mode, func(t *testing.T) {
			o := testOptions()
			switch mode {
			case "outside":
				o.BackupDir = filepath.Join(scratch(t), "backups")
			case "none":
				o.NoBackup = true
			}
			p := newPack(t, oldTree, 3)
			f := newFake(t, oldTree, newTree, 3, 10)
			res := update(t, p, f, o)
			sameTree(t, "after the update", readTree(t, p.Dir()), newTree)
			tidy(t, p)
			s, err := p.State()
			must(t, err)
			if s.Level != 10 || s.Manifest != f.info.TargetManifest || !s.FloorSeen || len(s.History) != 2 {
				t.Errorf("state: %+v", s)
			}
			if b, err := os.ReadFile(filepath.Join(p.Dir(), "updates/changelog-0003-0010.md")); err != nil || !strings.Contains(string(b), "lib/copy.jar") {
				t.Errorf("changelog: %s, %v", b, err)
			}
			if rep, err := VerifyPack(context.Background(), p, 0); err != nil || rep.Err() != nil {
				t.Errorf("verify-pack: %+v, %v", rep, err)
			}
			if mode == "none" {
				if _, err := NewRevert(context.Background(), p, o); fault.ClassOf(err) != fault.Differs {
					t.Errorf("revert without a backup: %v", err)
				}
				return
			}
			if res.Generation != 1 || res.Backup == "" {
				t.Errorf("result: %+v", res)
			}
			revert(t, p, testOptions())
			sameTree(t, "after the revert", readTree(t, p.Dir()), oldTree)
			tidy(t, p)
			s, err = p.State()
			must(t, err)
			if s.Level != 3 || s.Manifest != f.info.BaseManifest || !s.FloorSeen || s.Generation != 1 || len(s.History) != 3 {
				t.Errorf("state after the revert: %+v", s)
			}
			if floor, ok, err := p.Floor(); !ok || err != nil || floor != f.info.MinSequence {
				t.Errorf("floor: %v, %v, %v", floor, ok, err)
			}
			if rep, err := VerifyPack(context.Background(), p, 0); err != nil || rep.Err() != nil {
				t.Errorf("verify-pack after the revert: %+v, %v", rep, err)
			}
			if _, err := os.Lstat(res.Backup); !os.IsNotExist(err) {
				t.Errorf("the generation %s is still there: %v", res.Backup, err)
			}
			if _, err := NewRevert(context.Background(), p, o); err == nil {
				t.Error("a second revert is planned")
			}
			update(t, p, f, testOptions())
			sameTree(t, "again", readTree(t, p.Dir()), newTree)
		})
	}
}

// A chain of levels goes up and comes down one by one.
func TestGenerations(t *testing.T) {
	trees := []tree{{"a": file("1"), "b": file("b")}, {"a": file("2"), "c/d": file("d")}, {"a": file("3"), "c/d": file("e")}}
	p := newPack(t, trees[0], 0)
	for i := range 2 {
		update(t, p, newFake(t, trees[i], trees[i+1], i, i+1), testOptions())
		sameTree(t, "up", readTree(t, p.Dir()), trees[i+1])
	}
	for i := 1; i >= 0; i-- {
		revert(t, p, testOptions())
		sameTree(t, "down", readTree(t, p.Dir()), trees[i])
	}
	if _, err := NewRevert(context.Background(), p, testOptions()); err == nil {
		t.Error("there is nothing left to revert")
	}
}

func TestFull(t *testing.T) {
	full := newFake(t, nil, newTree, 0, 10)
	p := newPack(t, tree{}, -1)
	update(t, p, full, testOptions())
	sameTree(t, "into an empty pack", readTree(t, p.Dir()), newTree)
	revert(t, p, testOptions())
	sameTree(t, "empty again", readTree(t, p.Dir()), tree{})

	q := newPack(t, oldTree, 3)
	if _, err := full.plan(q, testOptions()); fault.ClassOf(err) != fault.WrongLevel {
		t.Errorf("a full bundle on a pack that init alone knows: %v", err)
	}
	middle := oldTree.with(tree{"README.txt": file("middle\n")})
	update(t, q, newFake(t, oldTree, middle, 3, 5), testOptions())
	update(t, q, full, testOptions())
	sameTree(t, "from a signed level", readTree(t, q.Dir()), newTree)
	revert(t, q, testOptions())
	sameTree(t, "back on the signed level", readTree(t, q.Dir()), middle)
}

func TestSitesOwnFiles(t *testing.T) {
	own := tree{"own.txt": file("own"), "old/deep/own.txt": file("own"), "lib/own.jar": file("own"), "goes/x/y": file("own")}
	p := newPack(t, oldTree.with(own), 3)
	f := newFake(t, oldTree, newTree, 3, 10)
	pl, err := f.plan(p, testOptions())
	must(t, err)
	if got := strings.Join(pl.Kept, " "); got != "goes old old/deep" {
		t.Errorf("kept: %s", got)
	}
	update(t, p, f, testOptions())
	want := newTree.with(own).with(tree{"goes": dir(0o750)})
	sameTree(t, "with the site's own files", readTree(t, p.Dir()), want)
	must(t, os.WriteFile(filepath.Join(p.Dir(), "new/deep/made.txt"), []byte("made since"), 0o644))
	must(t, os.Chmod(filepath.Join(p.Dir(), "new/deep/made.txt"), 0o644))
	revert(t, p, testOptions())
	sameTree(t, "reverted", readTree(t, p.Dir()), oldTree.with(own).with(tree{"new/deep/made.txt": file("made since")}))
}

func TestConflicts(t *testing.T) {
	cases := []struct {
		name   string
		change tree
		path   string
		reason string
	}{
		{"changed", tree{"lib/core.jar": file("mine 1")}, "lib/core.jar", "changed here and by the update"},
		{"changed, other size", tree{"lib/core.jar": file("longer mine")}, "lib/core.jar", "changed here and by the update"},
		{"removed by the update", tree{"lib/gone.jar": file("mine")}, "lib/gone.jar", "changed here and removed by the update"},
		{"removed here", tree{"lib/core.jar": none}, "lib/core.jar", "removed here and changed by the update"},
		{"added by both", tree{"lib/copy.jar": file("mine")}, "lib/copy.jar", "added here and by the update"},
		{"a link here", tree{"lib/core.jar": link("same.jar")}, "lib/core.jar", "is a link here and changed by the update"},
		{"an added link", tree{"new": link("lib")}, "new", "is a link here and added by the update"},
		{"another link", tree{"current": link("conf")}, "current", "changed here and by the update"},
		{"a folder here", tree{"lib/core.jar": dir(0o755), "lib/core.jar/x": file("x")}, "lib/core.jar", "is a folder here and changed by the update"},
		{"a folder in the way", tree{"big.bin/x": file("x")}, "big.bin", "is a folder here and added as a file by the update"},
		{"own file where a file comes", tree{"turns/own": file("own")}, "turns", "holds files of its own"},
		{"linked folder", tree{"lib2/core.jar": file("core 1"), "lib": link("lib2")}, "lib/core.jar", "lies under the linked folder lib"},
		{"linked folder that leaves", tree{"lib": link("/usr/lib")}, "lib/core.jar", "lies under the linked folder lib, which leaves the pack"},
		{"both modes", tree{"mode": fileMode("mode only", 0o640)}, "mode", "mode changed here"},
		{"a file instead of a folder", tree{"readonly": none}, "readonly/f", "removed here and changed"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			c.change.canBe(t)
			before := oldTree
			for p, n := range c.change {
				if n.kind == manifest.Symlink {
					before = before.with(tree{p: none})
				}
			}
			before = before.with(c.change)
			p := newPack(t, before, 3)
			f := newFake(t, oldTree, newTree, 3, 10)
			pl, err := f.plan(p, testOptions())
			must(t, err)
			found := false
			for _, x := range pl.Conflicts {
				found = found || x.Path == c.path && strings.Contains(x.Reason, c.reason)
			}
			if !found {
				t.Errorf("conflicts %+v lack %s: %s", pl.Conflicts, c.path, c.reason)
			}
			if _, err := f.run(context.Background(), p, pl, testOptions()); fault.ClassOf(err) != fault.Conflict {
				t.Errorf("run: %v", err)
			}
			sameTree(t, "untouched", readTree(t, p.Dir()), before)
		})
	}
}

// What the site did already, or did to what the update leaves alone, is no conflict.
func TestNoConflict(t *testing.T) {
	cases := []struct {
		name         string
		change, want tree
	}{
		{"done already", tree{"lib/core.jar": file("core 2")}, nil},
		{"removed already", tree{"lib/gone.jar": none, "old/deep/a.txt": none}, nil},
		{"added already", tree{"lib/copy.jar": file("core 2")}, nil},
		{"own change elsewhere", tree{"conf/app.conf": file("mine")}, tree{"conf/app.conf": file("mine")}},
		{"own mode survives", tree{"README.txt": fileMode("one\n", 0o600)}, tree{"README.txt": fileMode("two\n", 0o600)}},
		{"own mode of a removed file", tree{"lib/gone.jar": fileMode("gone", 0o600)}, nil},
		{"removed folder is made again", tree{"bin": none, "bin/run.sh": none}, nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			base, target := oldTree, newTree
			if strings.HasPrefix(c.name, "removed folder") {
				base, target = tree{"bin": dir(0o755)}, tree{"bin/new": file("n")}
			}
			p := newPack(t, base.with(c.change), 3)
			f := newFake(t, base, target, 3, 10)
			o := testOptions()
			o.AcceptDifferent = c.name == "removed already" // two of its files
			pl, err := f.plan(p, o)
			must(t, err)
			if len(pl.Conflicts) > 0 || pl.Remedy() != "" {
				t.Fatalf("conflicts: %+v: %s", pl.Conflicts, pl.Remedy())
			}
			before := readTree(t, p.Dir())
			update(t, p, f, o)
			sameTree(t, "updated", readTree(t, p.Dir()), target.with(c.want))
			revert(t, p, testOptions())
			sameTree(t, "reverted", readTree(t, p.Dir()), before)
		})
	}
}

func TestRevertRefusals(t *testing.T) {
	start := func(t *testing.T, o Options) *fixture {
		p := newPack(t, oldTree, 3)
		res := update(t, p, newFake(t, oldTree, newTree, 3, 10), o)
		return &fixture{p.Dir(), res.Backup, func() error { _, err := NewRevert(context.Background(), p, testOptions()); return err }}
	}
	for _, o := range []Options{testOptions(), func() Options { o := testOptions(); o.BackupDir = filepath.Join(scratch(t), "b"); return o }()} {
		f := start(t, o)
		must(t, os.WriteFile(filepath.Join(f.backup, "tree/lib/core.jar"), []byte("forged"), 0o644))
		must(t, os.Remove(filepath.Join(f.backup, "tree/lib/gone.jar")))
		err := f.revert()
		if fault.ClassOf(err) != fault.Differs || !strings.Contains(err.Error(), "lib/core.jar: changed") || !strings.Contains(err.Error(), "lib/gone.jar: missing") {
			t.Errorf("damaged backup: %v", err)
		}
		f = start(t, o)
		must(t, os.RemoveAll(f.backup))
		if err := f.revert(); fault.ClassOf(err) != fault.Differs || !strings.Contains(err.Error(), "missing") {
			t.Errorf("no backup: %v", err)
		}
	}
	f := start(t, testOptions())
	name := filepath.Join(f.dir, generationDir(1), backupRecord)
	b, err := os.ReadFile(name)
	must(t, err)
	must(t, os.WriteFile(name, []byte(strings.Replace(string(b), "lib/core.jar", "../core.jar", 1)), 0o600))
	if err := f.revert(); fault.ClassOf(err) != fault.Differs {
		t.Errorf("forged manifest of the backup: %v", err)
	}
}

type fixture struct {
	dir, backup string
	revert      func() error
}

func TestRevertConflicts(t *testing.T) {
	p := newPack(t, oldTree, 3)
	update(t, p, newFake(t, oldTree, newTree, 3, 10), testOptions())
	must(t, os.WriteFile(filepath.Join(p.Dir(), "lib/core.jar"), []byte("edited"), 0o644))
	must(t, os.WriteFile(filepath.Join(p.Dir(), "lib/gone.jar"), []byte("made"), 0o644))
	pl, err := NewRevert(context.Background(), p, testOptions())
	must(t, err)
	if len(pl.Conflicts) != 2 || pl.Conflicts[0].Path != "lib/core.jar" || pl.Conflicts[1].Path != "lib/gone.jar" {
		t.Errorf("conflicts: %+v", pl.Conflicts)
	}
	before := readTree(t, p.Dir())
	if _, err := RunRevert(context.Background(), p, pl, testOptions()); fault.ClassOf(err) != fault.Conflict {
		t.Errorf("run: %v", err)
	}
	sameTree(t, "untouched", readTree(t, p.Dir()), before)
}

func TestFit(t *testing.T) {
	f := newFake(t, oldTree, newTree, 3, 10)
	p := newPack(t, oldTree, 3)
	check := func(what string, level int, want fault.Class, there bool) {
		t.Helper()
		fit, err := fitInfo(p, &f.info, level)
		if got := fault.ClassOf(err); (err != nil) != (want != fault.General) || err != nil && got != want || fit.AlreadyThere != there {
			t.Errorf("%s: %+v, %v (%v)", what, fit, err, got)
		}
	}
	check("start", 0, fault.General, false)
	check("level 10", 10, fault.General, false)
	check("level 7", 7, fault.WrongLevel, false)
	check("level 12", 12, fault.WrongLevel, false)
	f.info.Product = "other"
	check("product", 0, fault.WrongProduct, false)
	f.info.Product, f.info.Start = "demo", 4
	check("higher start", 0, fault.WrongLevel, false)
	f.info.Start = 3
	must(t, p.RaiseFloor(manifest.Sequence{Level: 11}))
	check("floor", 0, fault.Rollback, false)
	must(t, os.Remove(filepath.Join(p.Dir(), "updates/packlift/floor.json")))
	check("lost floor", 0, fault.Rollback, false)
	must(t, p.RaiseFloor(manifest.Sequence{Level: 3}))
	update(t, p, f, testOptions())
	check("there", 0, fault.General, true)
	f.info.End = 9
	check("newer than the bundle", 0, fault.WrongLevel, false)
	g := newFake(t, oldTree, newTree.with(tree{"z": file("z")}), 10, 11)
	f.info, f.info.Start = g.info, 10
	check("another base", 0, fault.WrongLevel, false)
}

func TestBackupDirInsidePack(t *testing.T) {
	p := newPack(t, oldTree, 3)
	f := newFake(t, oldTree, newTree, 3, 10)
	linked := filepath.Join(scratch(t), "l")
	must(t, os.Symlink(p.Dir(), linked))
	for _, dir := range []string{p.Dir(), filepath.Join(p.Dir(), "x/y"), filepath.Join(linked, "z")} {
		o := testOptions()
		o.BackupDir = dir
		if _, err := f.plan(p, o); fault.ClassOf(err) != fault.Usage {
			t.Errorf("%s: %v", dir, err)
		}
	}
	o := testOptions()
	o.BackupDir = filepath.Join(scratch(t), "b")
	update(t, p, f, o)
	if c, err := p.Config(); err != nil || c.BackupDir != o.BackupDir {
		t.Errorf("config: %+v, %v", c, err)
	}
}

func TestSpace(t *testing.T) {
	p := newPack(t, oldTree, 3)
	pl, err := newFake(t, oldTree, newTree, 3, 10).plan(p, testOptions())
	must(t, err)
	must(t, pl.CheckSpace())
	if pl.Write < 2*int64(len(big)) || len(pl.Space) != 1 || pl.Space[0].Need < uint64(pl.Write) {
		t.Errorf("write %d, space %+v", pl.Write, pl.Space)
	}
	pl.Space[0].Free = pl.Space[0].Need - 1
	if err := pl.CheckSpace(); fault.ClassOf(err) != fault.NoSpace || !strings.Contains(err.Error(), itoa(int(pl.Space[0].Need))) {
		t.Errorf("full disk: %v", err)
	}
}

// A file that changes between plan and move ends the run, and everything else goes back.
func TestChangedMeanwhile(t *testing.T) {
	for _, name := range []string{"turns2", "lib/core.jar", "big.bin", "new", "modedir/../turns/into/own"} {
		p := newPack(t, oldTree, 3)
		f := newFake(t, oldTree, newTree, 3, 10)
		pl, err := f.plan(p, testOptions())
		must(t, err)
		must(t, os.WriteFile(filepath.Join(p.Dir(), name), []byte("just now"), 0o644))
		before := readTree(t, p.Dir())
		if _, err := f.run(context.Background(), p, pl, testOptions()); fault.ClassOf(err) != fault.Conflict {
			t.Errorf("%s: %v", name, err)
		}
		sameTree(t, name, readTree(t, p.Dir()), before)
		tidy(t, p)
		if out, err := Recover(context.Background(), p, nil); err != nil || out.Action != ActionNone {
			t.Errorf("%s: recover: %+v, %v", name, out, err)
		}
	}
}

func TestCancelled(t *testing.T) {
	p := newPack(t, oldTree, 3)
	f := newFake(t, oldTree, newTree, 3, 10)
	o := testOptions()
	o.BackupDir = filepath.Join(scratch(t), "b")
	pl, err := f.plan(p, o)
	must(t, err)
	ctx, cancel := context.WithCancelCause(context.Background())
	o.Progress = func(done, _ int64) {
		if done > 1<<20 {
			cancel(errors.New("a signal came"))
		}
	}
	if _, err := f.run(ctx, p, pl, o); fault.ClassOf(err) != fault.Interrupted || fmt.Sprint(err) != "a signal came" {
		t.Errorf("run: %v", err)
	}
	sameTree(t, "cancelled", readTree(t, p.Dir()), oldTree)
	tidy(t, p)
	if list, err := filepath.Glob(filepath.Join(o.BackupDir, "*/*")); err != nil || len(list) > 0 {
		t.Errorf("left outside: %v, %v", list, err)
	}
}

func TestLyingPayload(t *testing.T) {
	for _, lie := range []string{"bytes", "missing", "longer"} {
		p := newPack(t, oldTree, 3)
		f := newFake(t, oldTree, newTree, 3, 10)
		switch d := f.contents[2].SHA256; lie {
		case "bytes":
			f.bodies[d] = []byte(strings.Repeat("?", len(f.bodies[d])))
		case "longer":
			f.bodies[d] = append(f.bodies[d], '!')
		default:
			f.lacks = 1
		}
		pl, err := f.plan(p, testOptions())
		must(t, err)
		if _, err := f.run(context.Background(), p, pl, testOptions()); fault.ClassOf(err) != fault.Tampered {
			t.Errorf("%s: %v", lie, err)
		}
		sameTree(t, lie, readTree(t, p.Dir()), oldTree)
		tidy(t, p)
	}
}

// A name that changes only in case is removed and added: on a file system that
// ignores case both names find one file.
func TestCaseOnlyRename(t *testing.T) {
	before := tree{"Lib/Core.jar": file("core"), "Lib/Gone": file("x"), "Link": link("Lib/Core.jar"), "Same/a.txt": file("a"), "Empty": dir(0o755)}
	after := tree{"lib/core.jar": file("core"), "link": link("lib/core.jar"), "Same/A.txt": file("changed"), "empty": dir(0o755)}
	p := newPack(t, before, 3)
	update(t, p, newFake(t, before, after, 3, 10), testOptions())
	sameTree(t, "updated", readTree(t, p.Dir()), after)
	revert(t, p, testOptions())
	sameTree(t, "reverted", readTree(t, p.Dir()), before)
	q, _ := interruptedIn(t, before, after, false)
	recovers(t, q, ActionFinished, after)
}

// One inode under both names is what such a file system shows.
func TestAliasIsNoConflict(t *testing.T) {
	before := tree{"Lib/a": file("a")}
	p := newPack(t, before, 3)
	if err := os.Mkdir(filepath.Join(p.Dir(), "lib"), 0o755); errors.Is(err, os.ErrExist) {
		t.Skip("both names are one folder here, which needs no link")
	} else if err != nil {
		t.Fatal(err)
	}
	must(t, os.Link(filepath.Join(p.Dir(), "Lib/a"), filepath.Join(p.Dir(), "lib/a")))
	pl, err := newFake(t, before, tree{"lib/a": file("changed")}, 3, 10).plan(p, testOptions())
	if err != nil || len(pl.Conflicts) > 0 {
		t.Errorf("conflicts: %+v, %v", pl.Conflicts, err)
	}
}

// A run over an unfinished one is refused.
func TestUnfinished(t *testing.T) {
	p, _ := interruptedPack(t, false)
	f := newFake(t, oldTree, newTree, 3, 10)
	pl, err := f.plan(p, testOptions())
	must(t, err)
	pl.Conflicts = nil
	if _, err := f.run(context.Background(), p, pl, testOptions()); fault.ClassOf(err) != fault.Unrecoverable {
		t.Errorf("run: %v", err)
	}
}
