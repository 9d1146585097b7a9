package rootfs

import (
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

func (r *Root) plainFolder(string) bool { return false }
