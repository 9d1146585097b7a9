//go:build unix

package regular

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

func TestOpen(t *testing.T) {
	dir := t.TempDir()
	file, link, pipe := filepath.Join(dir, "file"), filepath.Join(dir, "link"), filepath.Join(dir, "pipe")
	if err := errors.Join(os.WriteFile(file, []byte("x"), 0o600), os.Symlink("file", link), syscall.Mkfifo(pipe, 0o600)); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]error{file: nil, link: nil, dir: ErrNot, pipe: ErrNot, os.DevNull: ErrNot, filepath.Join(dir, "none"): fs.ErrNotExist} {
		opened := make(chan error, 1)
		go func() {
			f, err := Open(name)
			if f != nil {
				f.Close()
			}
			opened <- err
		}()
		select {
		case err := <-opened:
			if !errors.Is(err, want) {
				t.Errorf("%s: %v", name, err)
			}
		case <-time.After(2 * time.Minute):
			t.Fatalf("%s: it waits", name)
		}
	}
}
