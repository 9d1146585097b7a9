package apply

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"packlift/internal/fault"
	"packlift/internal/rootfs"
)

// The journal's length is known before it is written.
func TestRecordSize(t *testing.T) {
	from := oldTree.with(tree{"lib/é 日本": file("x"), "lib/ünder": link("é 日本"), "zero": file("")})
	to := newTree.with(tree{"lib/é 日本": fileMode("x", 0o600), "lib/ünder": link("core.jar"), "zero": file("no more")})
	for _, outside := range []bool{false, true} {
		p := newPack(t, from, 3)
		o := testOptions()
		if outside {
			o.BackupDir = filepath.Join(scratch(t), "b <&> é")
		}
		pl, err := newFake(t, from, to, 3, 10).plan(p, o)
		must(t, err)
		want, err := recordSize(pl.head, pl.ops)
		must(t, err)
		must(t, writeRecord(p.Root(), "record", pl.head, pl.ops, (*rootfs.Pending).Commit))
		info, err := os.Stat(filepath.Join(p.Dir(), "record"))
		must(t, err)
		if info.Size() != want {
			t.Errorf("%d bytes, foretold were %d", info.Size(), want)
		}
		revert := func() int64 { // places in the stage and in a tree alike
			pl.head.Reverts, pl.ops[0].New = 1, treeName(1, pl.ops[0].Path)
			n, err := recordSize(pl.head, pl.ops)
			must(t, err)
			return n
		}
		want = revert()
		must(t, writeRecord(p.Root(), "record", pl.head, pl.ops, (*rootfs.Pending).Commit))
		if info, err = os.Stat(filepath.Join(p.Dir(), "record")); err != nil || info.Size() != want {
			t.Errorf("%v, foretold were %d, %v", info, want, err)
		}
	}
}

// What is kept in reserve is there until the last steps begin, in each way that
// a run ends, and is gone afterwards.
func TestReserve(t *testing.T) {
	held := func(top string) (n int, bytes int64) {
		list, err := filepath.Glob(filepath.Join(top, reservePrefix+"*"))
		must(t, err)
		for _, name := range list {
			info, err := os.Stat(name)
			must(t, err)
			bytes += info.Size()
		}
		return len(list), bytes
	}
	for _, undo := range []bool{false, true} {
		p := newPack(t, crashOld, 3)
		f := crashBundle()
		pl, err := f.plan(p, testOptions())
		must(t, err)
		o := testOptions().withDefaults()
		pl.states(o.Now())
		must(t, newStager(p, pl, o).stage(context.Background(), &fakeBlobs{f: f}))
		if n, bytes := held(p.Dir()); n == 0 || int64(n) != pl.reserve.inodes || bytes != pl.reserve.bytes || bytes == 0 {
			t.Errorf("%d files of %d bytes are kept, %+v were wanted", n, bytes, pl.reserve)
		}
		tr := &transaction{p: p, log: o.Log, engine: engine{root: p.Root(), head: pl.head, ops: pl.ops}}
		must(t, tr.begin())
		if undo {
			must(t, tr.undo())
		} else {
			must(t, tr.execute())
		}
		tidy(t, p)
	}
	// A run that was ended before its journal left the reserve.
	p := newPack(t, crashOld, 3)
	must(t, reserve{5000, 3}.hold(p.Root()))
	if n, bytes := held(p.Dir()); n != 3 || bytes != 5000 {
		t.Error(n, bytes)
	}
	_, err := Recover(context.Background(), p, nil)
	must(t, err)
	tidy(t, p)
}

// Where a manifest's folder is nearly full of names, one more block is foreseen.
func TestFolderGrowth(t *testing.T) {
	c := costs{kind: rootfs.Ext, block: 1024}
	if used := c.entry(strings.Repeat("a", 69)); used != 80 {
		t.Errorf("a name of 69 bytes takes %d", used)
	}
	if got := c.folder(1024 - 12 - 24); got != 1024 {
		t.Errorf("a block of names takes %d", got)
	}
	if got := c.folder(1024 - 12 - 24 + 12); got != 3*1024 {
		t.Errorf("a block and a name take %d", got)
	}
	if got := c.growth(1024, 900, 80); got != 0 {
		t.Errorf("a name that fits takes %d", got)
	}
	if got := c.growth(1024, 980, 80); got != 2*1024 {
		t.Errorf("a name that does not fit takes %d", got)
	}
	if got := c.file(5 * 32768 * 1024); got != 5*32768*1024+1024 {
		t.Errorf("a file of five extents takes %d", got)
	}
}

// Both numbers stand in the message, and what to do in the hint.
func TestNoInodes(t *testing.T) {
	p := newPack(t, crashOld, 3)
	pl, err := crashBundle().plan(p, testOptions())
	must(t, err)
	if len(pl.Space) != 1 || pl.Space[0].NeedInodes < 20 {
		t.Fatalf("%+v", pl.Space)
	}
	s := &pl.Space[0]
	s.FreeInodes = s.NeedInodes - 3
	err = pl.CheckSpace()
	if fault.ClassOf(err) != fault.NoSpace || !strings.Contains(err.Error(), itoa(int(s.NeedInodes))+" inodes are needed, "+itoa(int(s.FreeInodes))+" are free") ||
		!strings.Contains(fault.HintOf(err), "remove 3 files") {
		t.Errorf("%v (%s)", err, fault.HintOf(err))
	}
	if !noSpace(errors.Join(errors.New("x"), syscall.ENOSPC)) {
		t.Error("ENOSPC is not about space")
	}
}
