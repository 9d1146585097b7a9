package disktest

import (
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

func initOut() []byte {
	le := binary.NativeEndian
	b := le.AppendUint32(le.AppendUint32(nil, 7), fuseMinor)
	b = le.AppendUint32(le.AppendUint32(b, 0), 0) // no read-ahead, no extras
	b = le.AppendUint16(le.AppendUint16(b, 0), 0)
	b = le.AppendUint32(le.AppendUint32(b, maxWrite), 1)
	return append(b, make([]byte, 64-len(b))...)
}

func (s *foldServer) statfs() ([]byte, error) {
	var st unix.Statfs_t
	err := unix.Statfs(s.top, &st)
	le := binary.NativeEndian
	var b []byte
	for _, v := range []uint64{st.Blocks, st.Bfree, st.Bavail, st.Files, st.Ffree} {
		b = le.AppendUint64(b, v)
	}
	for _, v := range []uint32{uint32(st.Bsize), 255, uint32(st.Bsize)} {
		b = le.AppendUint32(b, v)
	}
	return append(b, make([]byte, 80-len(b))...), err
}

func (s *foldServer) setattr(node uint64, in []byte) ([]byte, error) {
	const mode, uid, gid, size, mtime, mtimeNow = 1, 2, 4, 8, 32, 256
	path, valid := s.path(node), u32(in, 0)
	var err error
	if valid&mode != 0 {
		err = errors.Join(err, unix.Chmod(path, u32(in, 68)&0o7777))
	}
	if valid&(uid|gid) != 0 {
		owner, group := -1, -1
		if valid&uid != 0 {
			owner = int(u32(in, 76))
		}
		if valid&gid != 0 {
			group = int(u32(in, 80))
		}
		err = errors.Join(err, unix.Lchown(path, owner, group))
	}
	if valid&size != 0 {
		err = errors.Join(err, unix.Truncate(path, int64(u64(in, 16))))
	}
	if valid&mtime != 0 {
		when := unix.Timespec{Sec: int64(u64(in, 40)), Nsec: int64(u32(in, 60))}
		if valid&mtimeNow != 0 {
			when.Nsec = unix.UTIME_NOW
		}
		times := []unix.Timespec{{Nsec: unix.UTIME_OMIT}, when}
		err = errors.Join(err, unix.UtimesNanoAt(unix.AT_FDCWD, path, times, unix.AT_SYMLINK_NOFOLLOW))
	}
	if err != nil {
		return nil, err
	}
	return attrOut(s.attr(path, -1))
}

func (s *foldServer) makes(op uint32, dir uint64, in []byte) ([]byte, error) {
	skip := map[uint32]int{opSymlink: 0, opMkdir: 8, opLink: 8, opCreate: 16}[op]
	base := name(in[skip:])
	path, err := s.fresh(dir, base)
	if err != nil {
		return nil, err
	}
	fd := 0
	switch op {
	case opSymlink:
		err = unix.Symlink(name(in[len(base)+1:]), path)
	case opMkdir:
		err = errors.Join(unix.Mkdir(path, 0o700), unix.Chmod(path, u32(in, 0)&0o7777))
	case opLink:
		err = unix.Link(s.path(u64(in, 0)), path)
	case opCreate:
		fd, err = unix.Open(path, int(u32(in, 0))&^unix.O_NOFOLLOW|unix.O_CREAT|unix.O_CLOEXEC, 0o600)
		err = errors.Join(err, unix.Chmod(path, u32(in, 4)&0o7777))
	}
	if err != nil {
		return nil, err
	}
	out, err := s.entry(dir, base)
	if op == opCreate {
		out = append(out, openOut(fd)...)
	}
	return out, err
}

func openOut(fd int) []byte {
	return append(binary.NativeEndian.AppendUint64(nil, uint64(fd)), make([]byte, 8)...)
}

// forget takes a name away from its node, which lives on while it is open.
func (s *foldServer) forget(dir uint64, name string) {
	delete(s.byName, foldKey{dir, strings.ToLower(name)})
}

func (s *foldServer) remove(op uint32, dir uint64, base string) error {
	path, err := s.existing(dir, base)
	if err != nil {
		return err
	}
	if op == opRmdir {
		err = unix.Rmdir(path)
	} else {
		err = unix.Unlink(path)
	}
	if err == nil {
		s.forget(dir, base)
	}
	return err
}

func (s *foldServer) rename(from, to uint64, flags uint32, names []byte) error {
	old := name(names)
	fresh := name(names[len(old)+1:])
	source, err := s.existing(from, old)
	if err != nil || flags&^unix.RENAME_NOREPLACE != 0 {
		return errors.Join(err, unix.EINVAL)
	}
	there, err := s.real(to, fresh)
	if err != nil {
		return err
	}
	target := filepath.Join(s.path(to), fresh)
	if there != "" && filepath.Join(s.path(to), there) != source { // another one
		if flags&unix.RENAME_NOREPLACE != 0 {
			return unix.EEXIST
		}
		target = filepath.Join(s.path(to), there)
	}
	if err := unix.Rename(source, target); err != nil {
		return err
	}
	key := foldKey{from, strings.ToLower(old)}
	id := s.byName[key]
	delete(s.byName, key)
	s.byName[foldKey{to, strings.ToLower(fresh)}] = id
	if n := s.nodes[id]; n != nil {
		*n = foldNode{to, filepath.Base(target)}
	}
	return nil
}

// onFile is what goes by an open file or folder.
func (s *foldServer) onFile(op uint32, node uint64, in []byte) ([]byte, error) {
	switch op {
	case opOpen, opOpendir:
		fd, err := unix.Open(s.path(node), int(u32(in, 0))&^(unix.O_NOFOLLOW|unix.O_EXCL|unix.O_CREAT)|unix.O_CLOEXEC, 0)
		return openOut(fd), err
	case opRelease, opReleasedir:
		return nil, unix.Close(int(u64(in, 0)))
	case opFsync, opFsyncdir:
		return nil, unix.Fsync(int(u64(in, 0)))
	case opRead:
		if s.beforeRead != nil {
			if err := s.beforeRead(); err != nil {
				return nil, err
			}
		}
		b := make([]byte, u32(in, 16))
		n, err := unix.Pread(int(u64(in, 0)), b, int64(u64(in, 8)))
		return b[:max(n, 0)], err
	case opWrite:
		data := in[40 : 40+u32(in, 16)]
		n, err := unix.Pwrite(int(u64(in, 0)), data, int64(u64(in, 8)))
		return binary.NativeEndian.AppendUint64(nil, uint64(max(n, 0))), err
	case opReaddir:
		return s.readdir(node, u64(in, 8), int(u32(in, 16)))
	}
	return nil, unix.ENOSYS
}

// readdir lists a folder from the entry numbered off on.
func (s *foldServer) readdir(node, off uint64, size int) ([]byte, error) {
	list, err := os.ReadDir(s.path(node))
	var out []byte
	for i := int(off); i < len(list); i++ {
		base := list[i].Name()
		var b [24]byte
		binary.NativeEndian.PutUint64(b[0:], uint64(i)+1<<32)
		binary.NativeEndian.PutUint64(b[8:], uint64(i+1))
		binary.NativeEndian.PutUint32(b[16:], uint32(len(base)))
		// The type stays 0, not known: the caller asks.
		e := append(b[:], base...)
		e = append(e, make([]byte, -len(e)&7)...)
		if len(out)+len(e) > size {
			break
		}
		out = append(out, e...)
	}
	return out, err
}
