package rootfs

import (
	"runtime"

	"golang.org/x/sys/unix"
)

func blockSize(st *unix.Statfs_t) int64 {
	if st.Frsize > 0 {
		return int64(st.Frsize)
	}
	return int64(st.Bsize)
}

// SyncFS makes durable all that was written to the file system of the folder
// itself; what lies below it on other mounts needs a Sub of its own.
func (r *Root) SyncFS() error {
	return r.effect("syncfs", ".", func() error { return unix.Syncfs(int(r.dir.Fd())) })
}

// plainFolder asks the kernel in one call whether name is a folder reached
// without any link. False also means: not to be told this way (before Linux 5.6).
func (r *Root) plainFolder(name string) bool {
	fd, err := unix.Openat2(int(r.dir.Fd()), name, &unix.OpenHow{
		Flags:   unix.O_PATH | unix.O_CLOEXEC | unix.O_DIRECTORY,
		Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS,
	})
	runtime.KeepAlive(r)
	if err != nil {
		return false
	}
	unix.Close(fd)
	return true
}

func renameNew(a int, from string, b int, to string) error {
	return unix.Renameat2(a, from, b, to, unix.RENAME_NOREPLACE)
}
