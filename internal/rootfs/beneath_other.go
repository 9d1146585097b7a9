//go:build !linux

package rootfs

import (
	"io/fs"
	"os"
)

func (r *Root) lstat(name string) (fs.FileInfo, error) { return r.root.Lstat(name) }

func (r *Root) openFile(name string, flag int, perm fs.FileMode) (*os.File, error) {
	return r.root.OpenFile(name, flag, perm)
}

func (r *Root) openFolder(name string) (*os.File, error) {
	return r.root.OpenFile(name, os.O_RDONLY, 0)
}
