package rootfs

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// left makes a temporary file as a killed run leaves it: nobody holds it.
func left(t *testing.T, r *Root, name string) string {
	t.Helper()
	p, err := r.Pending(name, 0o600)
	if err == nil {
		err = p.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	yesterday := time.Now().Add(-2 * oldTemp) // counts only where files cannot be held
	if err := os.Chtimes(r.Full(p.temp), yesterday, yesterday); err != nil {
		t.Fatal(err)
	}
	return r.Full(p.temp)
}

// TestSweepOthers: what a killed run left goes; what a live one works on stays,
// and can be brought to its name.
func TestSweepOthers(t *testing.T) {
	r, dir := open(t)
	other, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	live, err := r.Pending("bundle", 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer live.Cleanup()
	dead := left(t, r, "bundle")
	put(t, filepath.Join(dir, TempPrefix+"notes.txt"), "the user's own")
	if err := other.SweepOthers("."); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(dead); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what nobody holds stays: %v", err)
	}
	if _, err := os.Lstat(filepath.Join(dir, TempPrefix+"notes.txt")); err != nil {
		t.Errorf("another's file: %v", err)
	}
	if err := live.Commit(); err != nil {
		t.Errorf("what a live run works on is gone: %v", err)
	}
	if err := other.SweepOthers("missing"); err != nil {
		t.Errorf("a folder that is not there: %v", err)
	}
}

// TestSweepNotHeld: where files cannot be held, their age decides.
func TestSweepNotHeld(t *testing.T) {
	r, dir := open(t)
	put(t, filepath.Join(dir, "f"), "")
	f, err := r.Open("f")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := longAgo(f); !errors.Is(err, ErrHeld) {
		t.Errorf("just written: %v", err)
	}
	old := time.Now().Add(-oldTemp - time.Hour)
	if err := os.Chtimes(filepath.Join(dir, "f"), old, old); err != nil {
		t.Fatal(err)
	}
	if err := longAgo(f); err != nil {
		t.Errorf("old: %v", err)
	}
}

// TestPendingSwept: a file that is removed before it is held is made once more.
func TestPendingSwept(t *testing.T) {
	r, dir := open(t)
	put(t, filepath.Join(dir, "t"), "")
	f, err := r.Update("t", 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := os.Rename(filepath.Join(dir, "t"), filepath.Join(dir, "away")); err != nil {
		t.Skip("an open file cannot be moved here:", err)
	}
	if r.holdTemp("t", f) {
		t.Error("a file without its name is taken to be held")
	}
}

func TestHoldFolder(t *testing.T) {
	r, dir := open(t)
	if err := os.Mkdir(filepath.Join(dir, "d"), 0o755); err != nil {
		t.Fatal(err)
	}
	f, err := r.HoldFolder("d")
	if errors.Is(err, ErrNoHold) {
		t.Skip("folders cannot be held here")
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.HoldFolder("d"); !errors.Is(err, ErrHeld) {
		t.Errorf("held twice: %v", err)
	}
	f.Close()
	again, err := r.HoldFolder("d")
	if err != nil {
		t.Fatalf("not let go: %v", err)
	}
	again.Close()
}
