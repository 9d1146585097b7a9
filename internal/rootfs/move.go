package rootfs

import (
	"errors"
	"io/fs"
)

// errNoMove: this system or file system has no rename that refuses to replace.
var errNoMove = errors.New("no exclusive rename here")

// Move is Rename that replaces nothing: if to is there, however recently it was
// made, the error is fs.ErrExist and both stay as they are. On a file system
// that has no such operation it looks first and then renames, so that a file
// made between the two is lost.
func (r *Root) Move(from, to string) error {
	if err := r.guard(opRename, from); err != nil {
		return err
	}
	return r.makes(opRename, to, func() error {
		err := r.moveExclusive(from, to)
		if !errors.Is(err, errNoMove) {
			return err
		}
		return r.moveChecked(from, to)
	})
}

func (r *Root) moveChecked(from, to string) error {
	if _, err := r.root.Lstat(to); err == nil {
		return fs.ErrExist
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return r.root.Rename(from, to)
}
