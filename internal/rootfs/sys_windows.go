package rootfs

import (
	"os"
	"strings"

	"golang.org/x/sys/windows"
)

const (
	nonblock     = 0
	syncsFolders = false
)

// Device is always 0 here.
func (r *Root) Device(name string) (uint64, error) {
	_, err := r.Lstat(name)
	return 0, err
}

// OwnerOf always says that there is none here.
func (r *Root) OwnerOf(name string) (uid, gid int, ok bool, err error) {
	_, err = r.Lstat(name)
	return 0, 0, false, err
}

// CopyMetaFrom does nothing here: access control lists are inherited from the folder.
func (r *Root) CopyMetaFrom(*Root, string, string) error { return nil }

func (r *Root) freeAt(name string) (Space, error) {
	dir, err := windows.UTF16PtrFromString(r.Full(name))
	if err != nil {
		return Space{}, r.wrap("statfs", name, err)
	}
	var free, total, all uint64
	if err := windows.GetDiskFreeSpaceEx(dir, &free, &total, &all); err != nil {
		return Space{}, r.wrap("statfs", name, err)
	}
	return Space{Bytes: free, Inodes: unlimited, Block: 4096}, nil
}

// SyncFS always returns ErrNoSyncFS here.
func (r *Root) SyncFS() error { return ErrNoSyncFS }

// StartWriteback does nothing here.
func (f *File) StartWriteback(off, n int64) {}

func (r *Root) plainFolder(string) bool { return false }

// moveExclusive is MoveFileEx without MOVEFILE_REPLACE_EXISTING, by whole path:
// Windows has no such call that works from open folders in package os.
func (r *Root) moveExclusive(from, to string) error {
	a, err := windows.UTF16PtrFromString(longPath(r.Full(from)))
	if err != nil {
		return err
	}
	b, err := windows.UTF16PtrFromString(longPath(r.Full(to)))
	if err != nil {
		return err
	}
	return windows.MoveFileEx(a, b, windows.MOVEFILE_WRITE_THROUGH)
}

// longPath lifts the limit of 260 characters off an absolute, clean path
// ("Maximum Path Length Limitation", Microsoft).
func longPath(p string) string {
	switch {
	case strings.HasPrefix(p, `\\?\`):
		return p
	case strings.HasPrefix(p, `\\`):
		return `\\?\UNC\` + p[2:]
	}
	return `\\?\` + p
}

func links(f *os.File) (uint64, error) {
	var info windows.ByHandleFileInformation
	if err := windows.GetFileInformationByHandle(windows.Handle(f.Fd()), &info); err != nil {
		return 0, err
	}
	return uint64(info.NumberOfLinks), nil
}
