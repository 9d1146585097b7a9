package rootfs

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"time"
)

// Sweep removes temporary files that a killed run left in a folder: those whose
// names are ones that Pending makes, whole. The caller knows that no other run is
// at work there.
func (r *Root) Sweep(dir string) error { return r.sweep(dir, r.Remove) }

// SweepOthers is Sweep for a folder in which others may be at work: a file that
// a live process holds stays, and one that is another user's. Where files cannot be
// held, one goes that nobody has written to for a day.
func (r *Root) SweepOthers(dir string) error {
	return r.sweep(dir, func(name string) error {
		err := r.removeLeft(name)
		if errors.Is(err, ErrHeld) || errors.Is(err, errChanged) || errors.Is(err, fs.ErrPermission) {
			return nil
		}
		return err
	})
}

func (r *Root) sweep(dir string, remove func(string) error) error {
	entries, err := r.ReadDir(dir)
	if err != nil {
		return ignoreMissing(err)
	}
	for _, e := range entries {
		if !isTemp(e.Name()) || !e.Type().IsRegular() {
			continue
		}
		if err := remove(path.Join(dir, e.Name())); ignoreMissing(err) != nil {
			return err
		}
	}
	return nil
}

// removeLeft removes a temporary file while it holds it, so that nobody can
// begin to work on it meanwhile.
func (r *Root) removeLeft(name string) error {
	f, err := r.openExisting(name, os.O_RDWR) // some network file systems hold only what may be written
	if err != nil {
		return err
	}
	defer f.Close()
	err = hold(f)
	if errors.Is(err, ErrNoHold) || err == nil && !holdsWhileRenamed {
		err = longAgo(f)
	}
	if err == nil {
		err = r.stillAt(name, f)
	}
	if err != nil {
		return err
	}
	if !holdsWhileRenamed { // Windows removes no file that is open
		f.Close()
	}
	return r.Remove(name)
}

// longAgo is ErrHeld for a file that was written to lately.
func longAgo(f *os.File) error {
	info, err := f.Stat()
	if err == nil && time.Since(info.ModTime()) < oldTemp {
		err = ErrHeld
	}
	return err
}
