package rootfs

import (
	"io/fs"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// os.Root opens every folder on the way to a name, one call each. Linux goes the
// whole way in one (openat2, since 5.6), by the same rule: never out of the folder,
// whatever links and moves stand in the way. Where that does not succeed,
// os.Root is asked, so that its answers and errors are the ones that count.

// beneath opens name.
func (r *Root) beneath(name string, flag int, perm fs.FileMode) (int, error) {
	for {
		fd, err := unix.Openat2(int(r.dir.Fd()), name, &unix.OpenHow{
			Flags:   uint64(flag | unix.O_CLOEXEC),
			Mode:    uint64(perm.Perm()),
			Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_MAGICLINKS,
		})
		runtime.KeepAlive(r)
		if err != unix.EINTR {
			return fd, err
		}
	}
}

// lstat is os.Root's.
func (r *Root) lstat(name string) (fs.FileInfo, error) {
	fd, err := r.beneath(name, unix.O_PATH|unix.O_NOFOLLOW, 0) // opens a link itself
	switch {
	case err == unix.ENOENT: // asked for all that must be free: no other answer is to be had
		return nil, &fs.PathError{Op: "lstat", Path: name, Err: err}
	case err != nil:
		return r.root.Lstat(name)
	}
	f := os.NewFile(uintptr(fd), name)
	defer f.Close()
	return f.Stat()
}

// openFile is os.Root's OpenFile for a name whose end is no link.
func (r *Root) openFile(name string, flag int, perm fs.FileMode) (*os.File, error) {
	if fd, err := r.beneath(name, flag|unix.O_NOFOLLOW, perm); err == nil {
		return os.NewFile(uintptr(fd), r.Full(name)), nil
	}
	return r.root.OpenFile(name, flag, perm)
}

// openFolder is os.Root's, for calls that begin in a folder; it reads nothing.
func (r *Root) openFolder(name string) (*os.File, error) {
	if fd, err := r.beneath(name, unix.O_PATH|unix.O_DIRECTORY, 0); err == nil {
		return os.NewFile(uintptr(fd), name), nil
	}
	return r.root.OpenFile(name, unix.O_PATH|unix.O_DIRECTORY, 0)
}
