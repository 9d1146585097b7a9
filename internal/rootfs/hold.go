package rootfs

import (
	"errors"
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
