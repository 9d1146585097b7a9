package rootfs

import (
	"errors"
	"io/fs"
	"os"
)

// ErrHeld says that another process, or another opening of this one, holds a
// file or folder. ErrNoHold says that here none can be held.
var (
	ErrHeld   = errors.New("is held by another process")
	ErrNoHold = errors.New("cannot be held here")
)

// HoldFolder opens the folder name and holds it until it is closed, by this
// process or by its end (flock; Windows holds no folders, nor do some network
// file systems: ErrNoHold). Holding changes nothing: it keeps out only who asks.
func (r *Root) HoldFolder(name string) (*os.File, error) {
	f, err := r.Open(name)
	if err != nil {
		return nil, err
	}
	err = hold(f)
	if err == nil {
		err = r.stillAt(name, f)
	}
	if err != nil {
		f.Close()
		return nil, r.wrap("hold", name, err)
	}
	return f, nil
}

// HoldFile opens a regular file for writing and reading, makes it if it is missing,
// and holds it until it is closed. ErrHeld also says that another process was quicker:
// the name leads to another file by now, or to none.
func (r *Root) HoldFile(name string, perm fs.FileMode) (*File, error) {
	f, err := r.Create(name, perm)
	if errors.Is(err, fs.ErrExist) {
		if f, err = r.Update(name, 0); errors.Is(err, fs.ErrNotExist) || errors.Is(err, errChanged) {
			err = r.wrap("hold", name, ErrHeld)
		}
	}
	if err != nil {
		return nil, err
	}
	err = hold(f.f)
	if err == nil && r.stillAt(name, f.f) != nil {
		err = ErrHeld
	}
	if err != nil {
		f.Close()
		return nil, r.wrap("hold", name, err)
	}
	return f, nil
}

// stillAt: the open file is what has the name now.
func (r *Root) stillAt(name string, f *os.File) error {
	held, err := f.Stat()
	if err != nil {
		return err
	}
	now, err := r.Lstat(name)
	if err == nil && !os.SameFile(held, now) {
		err = errChanged
	}
	return err
}
