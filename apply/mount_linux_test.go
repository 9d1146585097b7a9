package apply

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"packlift/internal/fault"
	"packlift/internal/pack"
)

// mountAt puts another file system at dir, or skips.
func mountAt(t *testing.T, dir string) {
	t.Helper()
	must(t, os.MkdirAll(dir, 0o755))
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=32m,mode=755"); err != nil {
		t.Skipf("cannot mount a tmpfs here: %v", err)
	}
	t.Cleanup(func() { unix.Unmount(dir, unix.MNT_DETACH) })
}

// bindAt shows what at dir, or skips; both lie on one file system.
func bindAt(t *testing.T, what, dir string) {
	t.Helper()
	if err := unix.Mount(what, dir, "", unix.MS_BIND, ""); err != nil {
		t.Skipf("cannot make a bind mount here: %v", err)
	}
	t.Cleanup(func() { unix.Unmount(dir, unix.MNT_DETACH) })
}

// readOnly makes the mount at dir read-only.
func readOnly(t *testing.T, dir string) {
	t.Helper()
	must(t, unix.Mount("", dir, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY, ""))
}

// mountScene is a pack whose folders lie on several mounts. made lays what is
// mounted before the pack's tree is written, later what can only be mounted then.
type mountScene struct {
	name        string
	made, later func(t *testing.T, top string)
	mounts      int // that an update of the whole tree stages on
}

func mountScenes() []mountScene {
	at := func(dirs ...string) func(*testing.T, string) {
		return func(t *testing.T, top string) {
			for _, dir := range dirs {
				mountAt(t, filepath.Join(top, dir))
			}
		}
	}
	bind := func(dirs ...string) func(*testing.T, string) {
		return func(t *testing.T, top string) {
			for _, dir := range dirs {
				behind := filepath.Join(filepath.Dir(top), "behind-"+filepath.Base(dir))
				must(t, os.MkdirAll(behind, 0o755))
				must(t, os.MkdirAll(filepath.Join(top, dir), 0o755))
				bindAt(t, behind, filepath.Join(top, dir))
			}
		}
	}
	none := func(*testing.T, string) {}
	return []mountScene{
		{"another file system", at("lib"), none, 1},
		{"a bind mount", bind("lib"), none, 1},
		{"two bind mounts", bind("lib", "conf"), none, 2},
		{"two file systems", at("lib", "conf"), none, 2},
		{"a mount in a mount", at("lib", "lib/sub"), none, 2},
		{"the pack's own data elsewhere", at("updates"), none, 1},
		{"the pack's own data on a bind mount", bind("updates"), none, 1},
		{"the stage elsewhere", none, at("updates/packlift/stage"), 1},
		{"the backups elsewhere", none, at("updates/packlift/backup"), 0},
		{"the backups on a bind mount", none, bind("updates/packlift/backup"), 0},
		{"the whole pack", at("."), none, 0},
	}
}

// mountTrees change every kind of path, within lib and conf too.
func mountTrees() (from, to tree) {
	from = oldTree.with(tree{
		"lib/out/deep/x": file("x"), "lib/turn": file("t"), "lib/mode": file("m"), "lib/l": link("core.jar"), "lib/sub/own": file("1"), "conf/out": dir(0o750),
		"lib/shut": dir(0o555), "lib/shut/f": file("1"),
	})
	to = newTree.with(tree{
		"lib/out": none, "lib/turn/y": file("y"), "lib/mode": fileMode("m", 0o600), "lib/l": link("copy.jar"), "lib/sub/own": file("2"), "conf/out": none,
		"conf/in/z": file("z"), "lib/shut/f": file("2"), "lib/shut": dir(0o555), "lib/same.jar": none,
	})
	return from, to
}

func (s *mountScene) pack(t *testing.T, from tree) *pack.Pack {
	t.Helper()
	top := filepath.Join(scratch(t), "pack")
	must(t, os.MkdirAll(top, 0o755))
	s.made(t, top)
	p := initPack(t, top, from, 3)
	t.Cleanup(func() { p.Close() })
	s.later(t, top)
	return p
}

// Part of the pack lies on another mount: it is staged there, and backed up by
// copy. No rename leaves a mount, of the same file system or not.
func TestMounts(t *testing.T) {
	from, to := mountTrees()
	for _, s := range mountScenes() {
		for _, how := range []string{"apply", "recover", "undo", "changed"} {
			t.Run(s.name+"/"+how, func(t *testing.T) { s.run(t, how, from, to) })
		}
	}
}

func (s *mountScene) run(t *testing.T, how string, from, to tree) {
	p := s.pack(t, from)
	f := newFake(t, from, to, 3, 10)
	pl, err := f.plan(p, testOptions())
	must(t, err)
	if len(pl.head.Mounts) != s.mounts {
		t.Fatalf("staged on %q, want %d", pl.head.Mounts, s.mounts)
	}
	want := to
	switch how {
	case "apply":
		_, err = f.run(context.Background(), p, pl, testOptions())
		must(t, err)
	case "recover", "undo":
		tr := staged(t, p, f, pl)
		must(t, tr.each(false, (*op).movesAway, tr.moveAway))
		if how == "recover" {
			recovers(t, p, ActionFinished, to)
			break
		}
		must(t, p.Root().Rename(journalName, undoName))
		recovers(t, p, ActionUndone, from)
		want = from
	case "changed":
		must(t, os.WriteFile(filepath.Join(p.Dir(), "lib/core.jar"), []byte("just now"), 0o644))
		if _, err := f.run(context.Background(), p, pl, testOptions()); fault.ClassOf(err) != fault.Conflict {
			t.Errorf("run: %v", err)
		}
		want = from.with(tree{"lib/core.jar": file("just now")})
	}
	sameTree(t, how, readTree(t, p.Dir()), want)
	tidy(t, p)
	if how == "apply" || how == "recover" {
		revert(t, p, testOptions())
		sameTree(t, "reverted", readTree(t, p.Dir()), from)
		tidy(t, p)
	}
}

// staged brings a run to where its journal stands and nothing is moved.
func staged(t *testing.T, p *pack.Pack, f *fakeBundle, pl *Plan) *transaction {
	t.Helper()
	o := testOptions().withDefaults()
	pl.states(o.Now())
	must(t, newStager(p, pl, o).stage(context.Background(), &fakeBlobs{f: f}))
	tr := &transaction{p: p, log: o.Log, engine: engine{root: p.Root(), head: pl.head, ops: pl.ops}}
	must(t, tr.begin())
	return tr
}

// What is mounted read-only is told in the plan, before anything is staged.
func TestReadOnlyMount(t *testing.T) {
	for _, n := range []int{0, 1, 2} {
		s := mountScenes()[n]
		p := s.pack(t, oldTree)
		readOnly(t, filepath.Join(p.Dir(), "lib"))
		_, err := newFake(t, oldTree, newTree, 3, 10).plan(p, testOptions())
		lib := filepath.Join(p.Dir(), "lib")
		if err == nil || !strings.Contains(err.Error(), `"lib/`) || !strings.Contains(err.Error(), lib) || !strings.Contains(fault.HintOf(err), "mount -o remount,rw "+lib) {
			t.Errorf("%s: %v (%s)", s.name, err, fault.HintOf(err))
		}
		if _, err := os.Stat(filepath.Join(p.Dir(), stageRoot)); err == nil {
			t.Errorf("%s: a stage was made", s.name)
		}
		// An update that leaves lib alone is none of the mount's business.
		to := oldTree.with(tree{"README.txt": file("two\n")})
		update(t, p, newFake(t, oldTree, to, 3, 10), testOptions())
		sameTree(t, s.name, readTree(t, p.Dir()), to)
	}
}

// A folder that the update removes comes back with its owner, wherever the
// backup lies.
func TestRemovedFolderOwner(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give folders away")
	}
	for _, s := range append(mountScenes(), mountScene{name: "outside", made: func(*testing.T, string) {}, later: func(*testing.T, string) {}}) {
		from := oldTree.with(tree{"lib/out": dir(0o750)})
		p := s.pack(t, from)
		o := testOptions()
		if s.name == "outside" {
			o.BackupDir = filepath.Join(scratch(t), "backups")
		}
		for _, name := range []string{"goes", "lib/out"} {
			must(t, os.Chown(filepath.Join(p.Dir(), name), 1234, 5678))
		}
		update(t, p, newFake(t, from, newTree, 3, 10), o)
		revert(t, p, testOptions())
		for _, name := range []string{"goes", "lib/out"} {
			if uid, gid, _, err := p.Root().OwnerOf(name); uid != 1234 || gid != 5678 || err != nil {
				t.Errorf("%s: %s belongs to %d:%d, %v", s.name, name, uid, gid, err)
			}
		}
	}
}

// A file or folder that is a mount of its own cannot be moved or removed: the
// file is a conflict, told in the plan; the folder stays.
func TestMountPoints(t *testing.T) {
	from := oldTree.with(tree{"goes": none, "goes/f": file("f"), "turns/f": file("f")})
	to := newTree.with(tree{"turns": none}).with(tree{"turns": file("a file now")})
	p := newPack(t, from, 3)
	out := scratch(t)
	must(t, os.WriteFile(filepath.Join(out, "f"), []byte("conf 1"), 0o644))
	for i, name := range []string{"goes", "turns"} {
		behind := filepath.Join(out, fmt.Sprint(i))
		must(t, os.Mkdir(behind, 0o755))
		must(t, os.WriteFile(filepath.Join(behind, "f"), []byte("f"), 0o644))
		bindAt(t, behind, filepath.Join(p.Dir(), name))
	}
	f := newFake(t, from, to, 3, 10)
	pl, err := f.plan(p, testOptions())
	must(t, err)
	if len(pl.Conflicts) != 1 || pl.Conflicts[0].Path != "turns" || !strings.Contains(pl.Conflicts[0].Reason, "mount") || !strings.Contains(pl.Remedy(), "unmount") {
		t.Errorf("conflicts %+v, %s", pl.Conflicts, pl.Remedy())
	}
	must(t, unix.Unmount(filepath.Join(p.Dir(), "turns"), 0))
	bindAt(t, filepath.Join(out, "f"), filepath.Join(p.Dir(), "README.txt"))
	if pl, err = f.plan(p, testOptions()); err != nil || len(pl.Conflicts) != 1 || pl.Conflicts[0].Path != "README.txt" {
		t.Errorf("%v, %+v", err, pl)
	}
	must(t, unix.Unmount(filepath.Join(p.Dir(), "README.txt"), 0))
	update(t, p, f, testOptions())
	want := to.with(tree{"goes": dir(0o755)}) // empty: what was mounted there had the product's file
	sameTree(t, "updated", readTree(t, p.Dir()), want)
	if list, err := os.ReadDir(filepath.Join(out, "0")); err != nil || len(list) != 0 {
		t.Errorf("behind the mount: %v, %v", list, err)
	}
	tidy(t, p)
	revert(t, p, testOptions())
	sameTree(t, "reverted", readTree(t, p.Dir()), from)
	tidy(t, p)
}
