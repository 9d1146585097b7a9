//go:build linux || darwin

package rootfs

import (
	"errors"
	"os"
	"path"

	"golang.org/x/sys/unix"
)

// moveExclusive works from the open folders of both names, so that a link put
// in the place of a parent leads nowhere outside.
func (r *Root) moveExclusive(from, to string) error {
	a, err := r.folderOf(from)
	if err != nil {
		return err
	}
	defer a.Close()
	b := a
	if path.Dir(from) != path.Dir(to) {
		if b, err = r.folderOf(to); err != nil {
			return err
		}
		defer b.Close()
	}
	err = renameNew(int(a.Fd()), path.Base(from), int(b.Fd()), path.Base(to))
	if errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOTSUP) || errors.Is(err, unix.EOPNOTSUPP) {
		return errNoMove
	}
	return err
}

func (r *Root) folderOf(name string) (*os.File, error) {
	return r.openFolder(path.Dir(name))
}
