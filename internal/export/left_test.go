package export

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"packlift/internal/fault"
	"packlift/internal/rootfs"
)

// pending begins a file in dir as a run does; a dead run has let go of it.
func pending(t *testing.T, dir string, dead bool) string {
	t.Helper()
	root, err := rootfs.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	p, err := root.Pending("x", 0o600)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	if dead {
		p.Close()
		long := time.Now().Add(-30 * 24 * time.Hour) // where files cannot be held their age tells
		if err := os.Chtimes(p.Name(), long, long); err != nil {
			t.Fatal(err)
		}
	}
	return p.Name()
}

// TestWhatAKilledRunLeft goes with the next run: beside the output and in the
// pack's bin, which could not be listed with it. Another run's work stays.
func TestWhatAKilledRunLeft(t *testing.T) {
	t.Parallel()
	o, _ := options(t)
	o.Pack = o.To
	dead, live := pending(t, o.Output, true), pending(t, o.Output, false)
	inBin := pending(t, filepath.Join(o.To, packBinDir), true)
	made := create(t, o)
	for _, name := range []string{dead, inBin} {
		if _, err := os.Lstat(name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is still there: %v", name, err)
		}
	}
	if _, err := os.Lstat(live); err != nil {
		t.Errorf("another run's file: %v", err)
	}
	if got := names(t, o.Output); len(got) != 3 { // the bundle, its sidecar, the other run's file
		t.Errorf("%s holds %v", made.Path, got)
	}
}

// TestSignalWhilePublishing: what is written is said to be written.
func TestSignalWhilePublishing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "b.packlift")
	out, err := newOutput(path)
	if err != nil {
		t.Fatal(err)
	}
	defer out.cleanup()
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("a signal"))
	c := &creation{CreateOptions: CreateOptions{Output: path}, ctx: ctx, out: out}
	c.made.Path = path
	_, err = c.finish()
	if fault.ClassOf(err) != fault.Interrupted || !strings.Contains(err.Error(), "a signal; the bundle is written all the same: "+path) {
		t.Errorf("%v", err)
	}
	if got := names(t, filepath.Dir(path)); len(got) != 2 {
		t.Errorf("published: %v", got)
	}
}
