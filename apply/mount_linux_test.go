package apply

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"packlift/internal/fault"
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

// Part of the pack lies on another mount: it is staged there, and backed up by copy.
func TestOtherMount(t *testing.T) {
	for _, how := range []string{"apply", "recover", "changed"} {
		top := filepath.Join(scratch(t), "pack")
		mountAt(t, filepath.Join(top, "lib"))
		p := initPack(t, top, oldTree, 3)
		f := newFake(t, oldTree, newTree.with(tree{"lib/sub/x": file("x"), "lib/same.jar": none}), 3, 10)
		want := newTree.with(tree{"lib/sub/x": file("x"), "lib/same.jar": none})
		pl, err := f.plan(p, testOptions())
		must(t, err)
		if len(pl.head.Mounts) != 1 || pl.head.Mounts[0] != "lib" || len(pl.Space) != 2 {
			t.Fatalf("mounts %v, space %+v", pl.head.Mounts, pl.Space)
		}
		switch how {
		case "apply":
			_, err = f.run(context.Background(), p, pl, testOptions())
			must(t, err)
		case "recover":
			o := testOptions().withDefaults()
			pl.states(o.Now())
			must(t, newStager(p, pl, o).stage(context.Background(), &fakeBlobs{f: f}))
			tr := &transaction{p: p, log: o.Log, engine: engine{root: p.Root(), head: pl.head, ops: pl.ops}}
			must(t, tr.begin())
			must(t, tr.each(false, (*op).movesAway, tr.moveAway))
			recovers(t, p, ActionFinished, want)
		case "changed":
			must(t, os.WriteFile(filepath.Join(top, "lib/core.jar"), []byte("just now"), 0o644))
			if _, err := f.run(context.Background(), p, pl, testOptions()); fault.ClassOf(err) != fault.Conflict {
				t.Errorf("run: %v", err)
			}
			want = oldTree.with(tree{"lib/core.jar": file("just now")})
		}
		sameTree(t, how, readTree(t, top), want)
		tidy(t, p)
		if how != "changed" {
			revert(t, p, testOptions())
			sameTree(t, "reverted", readTree(t, top), oldTree)
			tidy(t, p)
		}
		p.Close()
	}
}
