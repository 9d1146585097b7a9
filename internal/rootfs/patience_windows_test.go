package rootfs

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/windows"
)

// A rename that replaces waits for who reads what is replaced.
func TestShortlyOpenTargetIsWaitedFor(t *testing.T) {
	r, dir := open(t)
	put(t, filepath.Join(dir, "f"), "old")
	held, err := os.Open(filepath.Join(dir, "f"))
	if err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(200*time.Millisecond, func() { held.Close() })
	if err := r.WriteFile("f", []byte("new"), 0o600); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(filepath.Join(dir, "f")); string(b) != "new" || err != nil {
		t.Errorf("%q, %v", b, err)
	}
}

// takesName are the effects that another program's open file stands in the way of.
var takesName = map[string]func(r *Root) error{
	"Move":   func(r *Root) error { return r.Move("f", "g") },
	"Rename": func(r *Root) error { return r.Rename("f", "g") },
	"Remove": func(r *Root) error { return r.Remove("f") },
}

// A scanner that has a file open for a moment ends nothing.
func TestShortlyOpenFileIsWaitedFor(t *testing.T) {
	for name, do := range takesName {
		t.Run(name, func(t *testing.T) {
			r, dir := open(t)
			put(t, filepath.Join(dir, "f"), "x")
			held, err := os.Open(filepath.Join(dir, "f")) // does not share the right to delete
			if err != nil {
				t.Fatal(err)
			}
			time.AfterFunc(200*time.Millisecond, func() { held.Close() })
			if err := do(r); err != nil {
				t.Error(err)
			}
			if _, err := os.Stat(filepath.Join(dir, "f")); err == nil {
				t.Error("it is still there")
			}
		})
	}
}

// One that keeps it is told as what it is, and soon.
func TestKeptFileIsASharingViolation(t *testing.T) {
	for name, do := range takesName {
		t.Run(name, func(t *testing.T) {
			r, dir := open(t)
			put(t, filepath.Join(dir, "f"), "x")
			held, err := os.Open(filepath.Join(dir, "f"))
			if err != nil {
				t.Fatal(err)
			}
			defer held.Close()
			begun := time.Now()
			if err := do(r); !errors.Is(err, windows.ERROR_SHARING_VIOLATION) {
				t.Errorf("%v", err)
			}
			if took := time.Since(begun); took < firstPause || took > 2*patience {
				t.Errorf("it took %v", took)
			}
		})
	}
}
