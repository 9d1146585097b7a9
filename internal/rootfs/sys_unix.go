//go:build unix

package rootfs

import (
	"errors"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	nonblock     = unix.O_NONBLOCK
	syncsFolders = true
)

// Device is the number of the file system that name itself lies on.
func (r *Root) Device(name string) (uint64, error) {
	st, err := r.sys(name)
	if err != nil {
		return 0, err
	}
	return uint64(st.Dev), nil // int32 on darwin
}

// OwnerOf tells name's owner and group; ok is false where there are none (Windows).
func (r *Root) OwnerOf(name string) (uid, gid int, ok bool, err error) {
	st, err := r.sys(name)
	if err != nil {
		return 0, 0, false, err
	}
	return int(st.Uid), int(st.Gid), true, nil
}

func (r *Root) sys(name string) (*syscall.Stat_t, error) {
	info, err := r.Lstat(name)
	if err != nil {
		return nil, err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return nil, r.wrap("stat", name, errors.ErrUnsupported)
	}
	return st, nil
}

// CopyMetaFrom is CopyMeta with from in another Root.
func (r *Root) CopyMetaFrom(src *Root, from, to string) error {
	a, err := src.sys(from)
	if err != nil {
		return err
	}
	b, err := r.sys(to)
	if err != nil {
		return err
	}
	if a.Uid != b.Uid || a.Gid != b.Gid {
		if err := r.giveAway(to, int(a.Uid), int(a.Gid)); err != nil {
			return err
		}
	}
	if a.Mode&unix.S_IFMT == unix.S_IFLNK || b.Mode&unix.S_IFMT == unix.S_IFLNK {
		return nil // links have no attributes of their own that a product uses
	}
	return r.copyXattrs(src, from, to)
}

// giveAway sets owner and group, or the group alone where only that is allowed.
func (r *Root) giveAway(name string, uid, gid int) error {
	err := r.Lchown(name, uid, gid)
	if errors.Is(err, fs.ErrPermission) {
		err = r.Lchown(name, -1, gid)
	}
	return ignoreRefused(err)
}

// ignoreRefused drops the errors of what this process or file system cannot do.
func ignoreRefused(err error) error {
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, unix.ENOTSUP) || errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.EINVAL) {
		return nil
	}
	return err
}

func (r *Root) freeAt(name string) (Space, error) {
	f, err := r.openAny(name)
	if err != nil {
		return Space{}, err
	}
	defer f.Close()
	var st unix.Statfs_t
	if err := unix.Fstatfs(int(f.Fd()), &st); err != nil {
		return Space{}, r.wrap("statfs", name, err)
	}
	s := Space{Block: blockSize(&st), Inodes: st.Ffree, ReadOnly: isReadOnly(&st), Kind: kindOf(&st)}
	s.Bytes = st.Bavail * uint64(s.Block)
	if st.Files == 0 { // btrfs and others make inodes as they go
		s.Inodes = unlimited
	}
	return s, nil
}

// openAny opens a folder, through links inside the root if need be.
func (r *Root) openAny(name string) (*os.File, error) {
	f, err := r.root.OpenFile(name, os.O_RDONLY|nonblock, 0)
	return f, r.wrap("open", name, err)
}

func links(f *os.File) (uint64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, errors.ErrUnsupported
	}
	return uint64(st.Nlink), nil // its width differs between systems
}
