package rootfs

import (
	"errors"
	"path"
	"runtime"

	"golang.org/x/sys/unix"
)

func blockSize(st *unix.Statfs_t) int64 {
	if st.Frsize > 0 {
		return int64(st.Frsize)
	}
	return int64(st.Bsize)
}

func isReadOnly(st *unix.Statfs_t) bool { return st.Flags&unix.ST_RDONLY != 0 }

func kindOf(st *unix.Statfs_t) Kind {
	switch int64(st.Type) { // 32 bits wide on some machines
	case unix.TMPFS_MAGIC:
		return Tmpfs
	case unix.EXT4_SUPER_MAGIC:
		return Ext
	case unix.XFS_SUPER_MAGIC:
		return XFS
	case unix.BTRFS_SUPER_MAGIC:
		return Btrfs
	case unix.OVERLAYFS_SUPER_MAGIC:
		return Overlay
	}
	return OtherKind
}

// SyncFS makes durable all that was written to the file system of the folder
// itself; what lies below it on other mounts needs a Sub of its own.
func (r *Root) SyncFS() error {
	return r.effect("syncfs", ".", func() error { return unix.Syncfs(int(r.dir.Fd())) })
}

// StartWriteback asks the system to begin writing n bytes at off to the disk, so that
// a later sync finds less to do: a hint that makes nothing durable (sync_file_range(2)),
// and that not every file system takes.
func (f *File) StartWriteback(off, n int64) {
	unix.SyncFileRange(int(f.f.Fd()), off, n, unix.SYNC_FILE_RANGE_WRITE)
}

// Volume is the volume that name itself lies on, as statx tells it. Before Linux
// 5.8 mounts have no number, and bind mounts of one file system look alike.
func (r *Root) Volume(name string) (Volume, error) {
	dev, err := r.Device(name)
	if err != nil {
		return Volume{}, err
	}
	dir, err := r.openFolder(path.Dir(name))
	if err != nil {
		return Volume{}, r.wrap("open", path.Dir(name), err)
	}
	defer dir.Close()
	var st unix.Statx_t
	err = unix.Statx(int(dir.Fd()), path.Base(name), unix.AT_SYMLINK_NOFOLLOW|unix.AT_NO_AUTOMOUNT, unix.STATX_MNT_ID, &st)
	if errors.Is(err, unix.ENOSYS) || err == nil && st.Mask&unix.STATX_MNT_ID == 0 {
		return Volume{Device: dev}, nil
	}
	return Volume{dev, st.Mnt_id}, r.wrap("statx", name, err)
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
