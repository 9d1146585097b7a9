//go:build unix

package apply

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"packlift/internal/fault"
	"packlift/internal/pack"
)

// What another hand does to a pack between a crash and its recovery.

var handsOld = tree{
	"f": file("f 1"), "x/g": fileMode("g 1", 0o755), "gone/h": file("h"), "l": link("f"), "m": file("m"), "d": dir(0o755), "same": file("same"),
}

var handsNew = handsOld.with(tree{
	"f": file("f 2"), "x/g": fileMode("g 2", 0o755), "gone": none, "l": link("x/g"), "m": fileMode("m", 0o600), "d": dir(0o700), "new/n": file("n"),
})

// interruptions are packs that a crash left: old files away, new ones placed, or
// on the way back from either.
var interruptions = []struct {
	name         string
	placed, back bool
}{{"away", false, false}, {"placed", true, false}, {"away, going back", false, true}, {"placed, going back", true, true}}

// handling is one act of another hand on one piece.
type handling struct {
	name string
	do   func(piece, outside string) error
}

var onFiles = []handling{
	{"a byte changed", func(piece, _ string) error { return edit(piece, func(b []byte) []byte { b[len(b)/2] ^= 1; return b }) }},
	{"cut", func(piece, _ string) error { return edit(piece, func(b []byte) []byte { return b[:len(b)/2] }) }},
	{"emptied", func(piece, _ string) error { return edit(piece, func([]byte) []byte { return nil }) }},
	{"grown", func(piece, _ string) error { return edit(piece, func(b []byte) []byte { return append(b, "x\n"...) }) }},
	{"grown by much", func(piece, _ string) error { return os.Truncate(piece, 50<<20) }},
	{"open to all", func(piece, _ string) error { return os.Chmod(piece, 0o777) }},
	{"another's", func(piece, _ string) error { return chown(piece) }},
	{"a link outside", func(piece, outside string) error {
		return errors.Join(os.Remove(piece), os.Symlink(filepath.Join(outside, "secret"), piece))
	}},
	{"a second name outside", func(piece, outside string) error { return os.Link(piece, filepath.Join(outside, "linked")) }},
	{"the second name of a file outside", func(piece, outside string) error {
		return errors.Join(os.Remove(piece), os.Link(filepath.Join(outside, "secret"), piece))
	}},
	{"a pipe", func(piece, _ string) error { return errors.Join(os.Remove(piece), syscall.Mkfifo(piece, 0o600)) }},
	{"a folder", func(piece, _ string) error { return errors.Join(os.Remove(piece), os.Mkdir(piece, 0o755)) }},
	{"gone", func(piece, _ string) error { return os.Remove(piece) }},
}

var onLinks = []handling{
	{"another target", func(piece, _ string) error { return errors.Join(os.Remove(piece), os.Symlink("same", piece)) }},
	{"a link outside", func(piece, outside string) error { return errors.Join(os.Remove(piece), os.Symlink(outside, piece)) }},
	{"a file", func(piece, _ string) error {
		return errors.Join(os.Remove(piece), os.WriteFile(piece, []byte("x"), 0o600))
	}},
	{"a folder", func(piece, _ string) error { return errors.Join(os.Remove(piece), os.Mkdir(piece, 0o755)) }},
	{"gone", func(piece, _ string) error { return os.Remove(piece) }},
}

var onFolders = []handling{
	{"gone", func(piece, _ string) error { return os.RemoveAll(piece) }},
	{"a link outside", func(piece, outside string) error {
		return errors.Join(os.Rename(piece, filepath.Join(outside, "moved")), os.Symlink(filepath.Join(outside, "moved"), piece))
	}},
	{"a file", func(piece, _ string) error {
		return errors.Join(os.RemoveAll(piece), os.WriteFile(piece, []byte("x"), 0o600))
	}},
	{"more in it", func(piece, _ string) error { return os.WriteFile(filepath.Join(piece, "more"), []byte("x"), 0o600) }},
	{"a hidden file in it", func(piece, _ string) error {
		return os.WriteFile(filepath.Join(piece, ".DS_Store"), []byte("x"), 0o600)
	}},
}

func edit(name string, change func([]byte) []byte) error {
	b, err := os.ReadFile(name)
	if err != nil || len(b) == 0 {
		return errors.Join(err, os.WriteFile(name, []byte("forged"), 0o600))
	}
	return os.WriteFile(name, change(b), 0o600)
}

func chown(name string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	return os.Lchown(name, otherUser, otherUser)
}

// pieces lists what a crashed run keeps, with TXN for the run's id.
func pieces(t *testing.T, p *pack.Pack, txn string) (files, links, folders []string) {
	t.Helper()
	top := filepath.Join(p.Dir(), dataDir)
	must(t, filepath.WalkDir(top, func(name string, e fs.DirEntry, err error) error {
		rel, _ := filepath.Rel(top, name)
		rel = strings.ReplaceAll(rel, txn, "TXN")
		switch {
		case err != nil || rel == ".":
		case e.IsDir():
			folders = append(folders, rel)
		case e.Type()&fs.ModeSymlink != 0:
			links = append(links, rel)
		case rel != "lock":
			files = append(files, rel)
		}
		return err
	}))
	return files, links, folders
}

// TestHands lets another hand do each of its acts to each piece of an interrupted
// run. Recovery then ends on the old or the new level, exactly, or names what is
// wrong, has lost nothing, and ends well once the piece is as it was. Nothing outside
// the pack is touched, and nothing is waited for.
func TestHands(t *testing.T) {
	for _, in := range interruptions {
		p, tr := interruptedHands(t, in.placed, in.back)
		files, links, folders := pieces(t, p, tr.head.Txn)
		if len(files) < 10 || len(links) < 1 || len(folders) < 8 {
			t.Fatalf("%s: only %v, %v and %v", in.name, files, links, folders)
		}
		for _, acts := range []struct {
			pieces []string
			acts   []handling
		}{{files, onFiles}, {links, onLinks}, {folders, onFolders}} {
			for _, piece := range acts.pieces {
				for _, act := range acts.acts {
					t.Run(in.name+"/"+piece+"/"+act.name, func(t *testing.T) {
						p, tr := interruptedHands(t, in.placed, in.back)
						handled(t, p, strings.ReplaceAll(piece, "TXN", tr.head.Txn), act)
					})
				}
			}
		}
	}
}

func interruptedHands(t *testing.T, placed, back bool) (*pack.Pack, *transaction) {
	t.Helper()
	p, tr := interruptedIn(t, handsOld, handsNew, placed)
	if back {
		must(t, p.Root().Rename(journalName, undoName))
	}
	return p, tr
}

func handled(t *testing.T, p *pack.Pack, piece string, act handling) {
	outside := scratch(t)
	must(t, os.WriteFile(filepath.Join(outside, "secret"), []byte("not the pack's"), 0o640))
	full := filepath.Join(p.Dir(), dataDir, piece)
	put := keep(t, full, scratch(t))
	before, old := readTree(t, p.Dir()), contents(t, p.Dir())
	must(t, act.do(full, outside))
	theirs := readAll(t, outside)
	err := within(t, func() error { return recoverAnew(p.Dir()) })
	sameTree(t, "outside", readAll(t, outside), theirs)
	if err != nil {
		if fault.HintOf(err) == "" {
			t.Errorf("no hint with: %v", err)
		}
		if now := readTree(t, p.Dir()).String(); now != before.whole().String() && now != handsOld.whole().String() && now != handsNew.whole().String() {
			t.Errorf("after %v the tree is\n%s", err, now)
		}
		now := contents(t, p.Dir())
		for p, n := range handsOld {
			if n.kind == "file" && old[n.text] && !now[n.text] && put.text != n.text && !put.folder {
				t.Errorf("%s: %q is lost, after %v", p, n.text, err)
			}
		}
		put.back(t)
		if err := recoverAnew(p.Dir()); err != nil {
			t.Fatalf("with the piece put back: %v", err)
		}
	}
	_ = within(t, func() error { endsWell(t, p); return nil })
}

// kept is a piece as it was before another hand came.
type kept struct {
	full, copy string
	folder     bool
	text       string
}

func keep(t *testing.T, full, dir string) kept {
	t.Helper()
	k := kept{full: full, copy: filepath.Join(dir, "kept")}
	info, err := os.Lstat(full)
	must(t, err)
	k.folder = info.IsDir()
	if !k.folder && info.Mode().IsRegular() {
		b, err := os.ReadFile(full)
		must(t, err)
		k.text = string(b)
	}
	copyAll(t, full, k.copy)
	return k
}

func (k kept) back(t *testing.T) {
	t.Helper()
	must(t, os.RemoveAll(k.full))
	copyAll(t, k.copy, k.full)
}

func copyAll(t *testing.T, from, to string) {
	t.Helper()
	must(t, filepath.WalkDir(from, func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(from, name)
		target := filepath.Join(to, rel)
		info, err := e.Info()
		if err != nil {
			return err
		}
		switch {
		case e.IsDir():
			return errors.Join(os.Mkdir(target, 0o700), os.Chmod(target, info.Mode().Perm()))
		case info.Mode()&fs.ModeSymlink != 0:
			link, err := os.Readlink(name)
			return errors.Join(err, os.Symlink(link, target))
		}
		b, err := os.ReadFile(name)
		return errors.Join(err, os.WriteFile(target, b, 0o600), os.Chmod(target, info.Mode().Perm()))
	}))
}

// contents is every file content below top.
func contents(t *testing.T, top string) map[string]bool {
	t.Helper()
	out := map[string]bool{}
	for name, n := range readAll(t, top) {
		if !strings.HasPrefix(name, "updates/packlift/") || strings.Contains(name, "/tree/") || strings.Contains(name, "/old/") {
			out[n.text] = true
		}
	}
	return out
}

// readAll is what lies at top, the pack's own data too; of large files and of
// pipes only that they are there.
func readAll(t *testing.T, top string) tree {
	t.Helper()
	out := tree{}
	must(t, filepath.WalkDir(top, func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(top, name)
		info, err := e.Info()
		n := node{mode: info.Mode().Perm(), kind: "other"}
		if info.Mode().IsRegular() && info.Size() < 1<<20 {
			b, rerr := os.ReadFile(name)
			n.kind, n.text, err = "file", string(b), errors.Join(err, rerr)
		}
		if rel != "." {
			out[rel] = n
		}
		return err
	}))
	return out
}

func recoverAnew(dir string) error {
	p, err := pack.Open(dir)
	if err != nil {
		return err
	}
	defer p.Close()
	_, err = Recover(context.Background(), p, nil)
	return err
}

// within gives what act returns, and fails the test where it waits for something.
func within(t *testing.T, act func() error) error {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- act() }()
	select {
	case err := <-done:
		return err
	case <-time.After(2 * time.Minute):
		t.Fatal("it waits")
		return nil
	}
}

// endsWell wants the pack to be on the level that its state says, exactly.
func endsWell(t *testing.T, p *pack.Pack) {
	t.Helper()
	s, err := p.State()
	must(t, err)
	want := handsOld
	if s.Level == 10 {
		want = handsNew
	}
	sameTree(t, fmt.Sprintf("level %d", s.Level), readTree(t, p.Dir()), want)
	for _, name := range []string{journalName, undoName} {
		if ok, err := p.Root().Exists(name); ok || err != nil {
			t.Errorf("%s is there (%v)", name, err)
		}
	}
}

// TestJournalRemoved: who removes the journal to be rid of an interrupted run does
// not have the next one throw away what is nowhere else. With a backup the run is taken
// back by its record; without one it is told what to do, and the stage stays.
func TestJournalRemoved(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*Options)
		revert bool
		undone bool
	}{
		{"backup in the pack", func(*Options) {}, false, true},
		{"backup outside", func(o *Options) { o.BackupDir = filepath.Join(scratch(t), "b") }, false, true},
		{"no backup", func(o *Options) { o.NoBackup = true }, false, false},
		{"revert", func(*Options) {}, true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := testOptions()
			c.change(&o)
			p, away := interruptedWith(t, o, c.revert)
			journal, err := os.ReadFile(filepath.Join(p.Dir(), journalName))
			must(t, err)
			must(t, os.Remove(filepath.Join(p.Dir(), journalName)))
			if c.undone {
				recovers(t, p, ActionUndone, handsOld)
				return
			}
			for range 2 {
				_, err = Recover(context.Background(), p, nil)
				if fault.ClassOf(err) != fault.Unrecoverable || !strings.Contains(err.Error(), "its journal") || !strings.Contains(fault.HintOf(err), "put the journal back") {
					t.Errorf("%v, hint %q", err, fault.HintOf(err))
				}
				sameTree(t, "untouched", readTree(t, p.Dir()), away)
			}
			must(t, os.WriteFile(filepath.Join(p.Dir(), journalName), journal, 0o600))
			out, err := Recover(context.Background(), p, nil)
			if err != nil || out.Action != ActionFinished {
				t.Errorf("with the journal put back: %+v, %v", out, err)
			}
			endsWell(t, p)
			tidy(t, p)
		})
	}
}

// interruptedWith stops an update, or the revert of one, after the old files were
// moved away; it returns the tree as it is then.
func interruptedWith(t *testing.T, o Options, reverts bool) (*pack.Pack, tree) {
	t.Helper()
	p, f := newPack(t, handsOld, 3), newFake(t, handsOld, handsNew, 3, 10)
	pl, err := f.plan(p, o)
	must(t, err)
	o = o.withDefaults()
	if reverts {
		_, err := f.run(context.Background(), p, pl, o)
		must(t, err)
		pl, err = NewRevert(context.Background(), p, o)
		must(t, err)
	}
	pl.states(o.Now())
	must(t, newStager(p, pl, o).stage(context.Background(), &fakeBlobs{f: f}))
	tr := &transaction{p: p, log: o.Log, engine: engine{root: p.Root(), head: pl.head, ops: pl.ops}}
	must(t, tr.begin())
	must(t, tr.each(false, (*op).movesAway, tr.moveAway))
	return p, readTree(t, p.Dir())
}

// TestBackupOpenToAll: a revert gives back the modes that the record states,
// whatever became of those of the files that lay in the backup.
func TestBackupOpenToAll(t *testing.T) {
	p, f := newPack(t, handsOld, 3), newFake(t, handsOld, handsNew, 3, 10)
	update(t, p, f, testOptions())
	must(t, os.Chmod(filepath.Join(p.Dir(), treeName(1, "f")), 0o777))
	revert(t, p, testOptions())
	sameTree(t, "reverted", readTree(t, p.Dir()), handsOld)
}
