package apply

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"packlift/internal/fault"
	"packlift/internal/pack"
)

// interruptedPack stops an update after the journal and the first moves: old files
// are away, no new one is placed, unless placed is set.
func interruptedPack(t *testing.T, placed bool) (*pack.Pack, *transaction) {
	t.Helper()
	return interruptedIn(t, oldTree, newTree, placed)
}

func interruptedIn(t *testing.T, from, to tree, placed bool) (*pack.Pack, *transaction) {
	t.Helper()
	p := newPack(t, from, 3)
	f := newFake(t, from, to, 3, 10)
	pl, err := f.plan(p, testOptions())
	must(t, err)
	o := testOptions().withDefaults()
	pl.states(o.Now())
	must(t, newStager(p, pl, o).stage(context.Background(), &fakeBlobs{f: f}))
	tr := &transaction{p: p, log: o.Log, engine: engine{root: p.Root(), head: pl.head, ops: pl.ops}}
	must(t, tr.begin())
	must(t, tr.loosen())
	must(t, tr.each(false, (*op).movesAway, tr.moveAway))
	if placed {
		must(t, tr.each(true, (*op).removesDir, tr.removeDir))
		must(t, tr.each(false, (*op).makesDir, tr.makeDir))
		must(t, tr.each(false, (*op).placesNew, tr.place))
	}
	return p, tr
}

func recovers(t *testing.T, p *pack.Pack, action string, want tree) {
	t.Helper()
	out, err := Recover(context.Background(), p, nil)
	if err != nil || out.Action != action || out.Action != ActionNone && (out.From != 3 || out.To != 10) {
		t.Errorf("recover: %+v, %v; want %s", out, err, action)
	}
	sameTree(t, action, readTree(t, p.Dir()), want)
	tidy(t, p)
}

func TestRecoverForward(t *testing.T) {
	for _, placed := range []bool{false, true} {
		p, _ := interruptedPack(t, placed)
		recovers(t, p, ActionFinished, newTree)
		recovers(t, p, ActionNone, newTree)
		revert(t, p, testOptions())
		sameTree(t, "reverted", readTree(t, p.Dir()), oldTree)
	}
}

func TestRecoverStageDamaged(t *testing.T) {
	for _, how := range []string{"changed", "missing", "link"} {
		p, tr := interruptedPack(t, false)
		var name string
		for _, o := range tr.ops {
			if o.Path == "lib/core.jar" {
				name = filepath.Join(p.Dir(), o.New)
			}
		}
		must(t, os.Remove(name))
		switch how {
		case "changed":
			must(t, os.WriteFile(name, []byte("forged"), 0o644))
		case "link":
			must(t, os.Symlink("/etc/passwd", name))
		}
		recovers(t, p, ActionUndone, oldTree)
	}
}

// opOf is the op of a path.
func opOf(t *testing.T, ops []op, path string) *op {
	t.Helper()
	for i := range ops {
		if ops[i].Path == path {
			return &ops[i]
		}
	}
	t.Fatalf("no op of %s", path)
	return nil
}

// With a damaged stage the only way is back: what is in the way of that is named, and
// not the staged contents, which nobody can put right.
func TestRecoverNeitherWay(t *testing.T) {
	p, tr := interruptedPack(t, false)
	o := opOf(t, tr.ops, "lib/core.jar")
	must(t, os.Remove(filepath.Join(p.Dir(), o.New)))
	old := filepath.Join(p.Dir(), o.Old)
	kept, err := os.ReadFile(old)
	must(t, err)
	must(t, os.WriteFile(old, []byte("damaged"), 0o644))
	_, err = Recover(context.Background(), p, nil)
	if fault.ClassOf(err) != fault.Unrecoverable || !strings.Contains(err.Error(), "lib/core.jar: its old content, kept as "+o.Old) || strings.Contains(err.Error(), "staged") {
		t.Errorf("recover: %v", err)
	}
	must(t, os.WriteFile(old, kept, 0o644))
	recovers(t, p, ActionUndone, oldTree)
}

// A file that was put where one was to be added is no reason not to go back.
func TestRecoverBackPastAnEdit(t *testing.T) {
	p, tr := interruptedPack(t, false)
	must(t, os.Remove(filepath.Join(p.Dir(), opOf(t, tr.ops, "lib/core.jar").New)))
	must(t, os.WriteFile(filepath.Join(p.Dir(), "fresh"), []byte("edited"), 0o644))
	out, err := Recover(context.Background(), p, nil)
	if err != nil || out.Action != ActionUndone {
		t.Fatalf("recover: %+v, %v", out, err)
	}
	if b, err := os.ReadFile(filepath.Join(p.Dir(), "fresh")); err != nil || string(b) != "edited" {
		t.Errorf("the edit is gone: %q, %v", b, err)
	}
	must(t, os.Remove(filepath.Join(p.Dir(), "fresh")))
	sameTree(t, "undone", readTree(t, p.Dir()), oldTree)
}

// Someone edits while the pack is in between: nothing is overwritten, each
// path is named, and once it is moved aside recovery goes on.
func TestRecoverEditedSince(t *testing.T) {
	for _, c := range []struct {
		path   string
		placed bool
	}{{"lib/core.jar", false}, {"lib/core.jar", true}, {"big.bin", false}, {"new/deep/c.txt", true}, {"mode", false}, {"turns", true}, {"fresh", false}} {
		p, _ := interruptedPack(t, c.placed)
		name := filepath.Join(p.Dir(), c.path)
		var kept []byte
		if c.path == "mode" {
			kept, _ = os.ReadFile(name)
		}
		os.Remove(name)
		must(t, os.WriteFile(name, []byte("edited"), 0o644))
		before := readTree(t, p.Dir())
		_, err := Recover(context.Background(), p, nil)
		if fault.ClassOf(err) != fault.Unrecoverable || !strings.Contains(err.Error(), "\n  "+c.path+": ") {
			t.Errorf("%s: %v", c.path, err)
		}
		sameTree(t, c.path, readTree(t, p.Dir()), before)
		must(t, os.Remove(name))
		switch {
		case c.path == "mode":
			must(t, os.WriteFile(name, kept, 0o644))
			must(t, os.Chmod(name, 0o644))
			recovers(t, p, ActionFinished, newTree)
		case c.placed:
			recovers(t, p, ActionUndone, oldTree) // the new content is gone with it
		default:
			recovers(t, p, ActionFinished, newTree)
		}
	}
}

func TestRecoverLinkPlanted(t *testing.T) {
	p, _ := interruptedPack(t, false)
	outside := scratch(t)
	lib := filepath.Join(p.Dir(), "lib")
	must(t, os.Rename(lib, filepath.Join(outside, "lib")))
	must(t, os.Symlink(filepath.Join(outside, "lib"), lib))
	if _, err := Recover(context.Background(), p, nil); fault.ClassOf(err) != fault.Unrecoverable || !strings.Contains(err.Error(), "lib/core.jar") {
		t.Errorf("recover: %v", err)
	}
	if list, err := os.ReadDir(filepath.Join(outside, "lib")); err != nil || len(list) != 1 {
		t.Errorf("something was written through the link: %v, %v", list, err)
	}
}

// reseal gives a forged journal the digest that fits it.
func reseal(b []byte) []byte {
	lines := bytes.SplitAfter(b, []byte("\n"))
	body := bytes.Join(lines[:len(lines)-2], nil)
	sum := sha256.Sum256(body)
	return append(body, []byte(`{"sha256":"`+hex.EncodeToString(sum[:])+"\"}\n")...)
}

func TestForgedJournal(t *testing.T) {
	swap := func(old, new string) func([]byte) []byte {
		return func(b []byte) []byte {
			out := bytes.Replace(b, []byte(old), []byte(new), 1)
			if bytes.Equal(out, b) {
				t.Fatalf("the journal has no %s", old)
			}
			return reseal(out)
		}
	}
	cases := map[string]func([]byte) []byte{
		"flipped":        func(b []byte) []byte { return bytes.Replace(b, []byte("lib/core"), []byte("lib/c0re"), 1) },
		"cut":            func(b []byte) []byte { return b[:len(b)/2] },
		"empty":          func([]byte) []byte { return nil },
		"trailing":       func(b []byte) []byte { return append(b, "x\n"...) },
		"climbing path":  swap(`"path":"lib/core.jar"`, `"path":"../core.jar"`),
		"reserved path":  swap(`"path":"lib/core.jar"`, `"path":"updates/x"`),
		"climbing stage": swap(`"new":"updates/packlift/stage/`, `"new":"../../stage/`),
		"other stage":    swap(`/new/0000000"`, `/new/0000001"`),
		"other place":    swap(`tree/lib/core.jar"`, `tree/lib/c0re.jar"`),
		"run's id":       swap(`"txn":"`, `"txn":"../`),
		"count":          swap(`"count":`, `"count":9`),
		"format":         swap(`"format":3`, `"format":4`),
		"unknown field":  swap(`"kind":`, `"x":1,"kind":`),
		"huge mode":      swap(`"mode":420`, `"mode":2541`),
		"changelog":      swap(`updates/changelog-`, `bin/changelog-`),
		"mount":          swap(`"state_before"`, `"mounts":["../x"],"state_before"`),
		"as a backup":    swap(`"record":"journal"`, `"record":"backup"`),
	}
	p, _ := interruptedPack(t, false)
	name := filepath.Join(p.Dir(), journalName)
	good, err := os.ReadFile(name)
	must(t, err)
	before := readTree(t, p.Dir())
	for what, forge := range cases {
		must(t, os.WriteFile(name, forge(bytes.Clone(good)), 0o600))
		if _, err := Recover(context.Background(), p, nil); fault.ClassOf(err) != fault.Unrecoverable {
			t.Errorf("%s: %v", what, err)
		}
		sameTree(t, what, readTree(t, p.Dir()), before)
	}
	must(t, os.WriteFile(name, good, 0o600))
	recovers(t, p, ActionFinished, newTree)
}

// A backup of format 1, which did not name its base, still leads back.
func TestOlderBackup(t *testing.T) {
	p := newPack(t, oldTree, 3)
	f := newFake(t, oldTree, newTree, 3, 10)
	update(t, p, f, testOptions())
	name := filepath.Join(p.Dir(), generationDir(1), backupRecord)
	b, err := os.ReadFile(name)
	must(t, err)
	for _, swap := range [][2]string{{`"format":3`, `"format":1`}, {`,"base":"` + f.info.BaseManifest.String() + `"`, ""}} {
		if !bytes.Contains(b, []byte(swap[0])) {
			t.Fatalf("the backup has no %s", swap[0])
		}
		b = bytes.Replace(b, []byte(swap[0]), []byte(swap[1]), 1)
	}
	must(t, os.WriteFile(name, reseal(b), 0o600))
	revert(t, p, testOptions())
	sameTree(t, "reverted", readTree(t, p.Dir()), oldTree)
	if s, err := p.State(); err != nil || s.Level != 3 || !s.Manifest.IsZero() {
		t.Errorf("state: %+v, %v", s, err)
	}
}

// A journal of another state of the pack is not followed.
func TestStaleJournal(t *testing.T) {
	p, _ := interruptedPack(t, false)
	s, err := p.State()
	must(t, err)
	s.Level, s.Generation = 4, 7
	must(t, p.SaveState(s))
	if _, err := Recover(context.Background(), p, nil); fault.ClassOf(err) != fault.Unrecoverable {
		t.Errorf("recover: %v", err)
	}
}

// What a run left before its journal goes; what no run made is named, and
// nothing outside is removed that does not carry the run's name.
func TestSweepStage(t *testing.T) {
	p := newPack(t, oldTree, 3)
	f := newFake(t, oldTree, newTree, 3, 10)
	o := testOptions()
	o.BackupDir = filepath.Join(scratch(t), "b")
	pl, err := f.plan(p, o)
	must(t, err)
	o = o.withDefaults()
	pl.states(o.Now())
	must(t, newStager(p, pl, o).stage(context.Background(), &fakeBlobs{f: f}))
	recovers(t, p, ActionNone, oldTree)
	if _, err := os.Stat(pl.head.Outside); !os.IsNotExist(err) {
		t.Errorf("the backup outside is left: %v", err)
	}
	precious := scratch(t)
	at := places{strings.Repeat("0", 16)}
	must(t, os.MkdirAll(filepath.Join(p.Dir(), at.stage()), 0o700))
	must(t, os.WriteFile(filepath.Join(p.Dir(), at.note()), []byte(`{"outside":"`+precious+`"}`), 0o600))
	recovers(t, p, ActionNone, oldTree)
	if _, err := os.Stat(precious); err != nil {
		t.Errorf("a folder that no run made is gone: %v", err)
	}
	must(t, os.MkdirAll(filepath.Join(p.Dir(), at.stage()), 0o700))
	must(t, os.WriteFile(filepath.Join(p.Dir(), at.note()), []byte(`{"mounts":["../x"]}`), 0o600))
	if _, err := Recover(context.Background(), p, nil); err == nil {
		t.Error("a climbing mount is swept")
	}
}
