package disktest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// FoldCase mounts at dir a file system that finds names whatever their case and
// keeps them as they were given, as those of Windows and macOS do. It is a small
// FUSE server in this process over a folder in memory: not every kernel has
// ext4's casefold. behind is the folder as it is.
func FoldCase(t testing.TB, dir string) (behind string) {
	t.Helper()
	return mountFold(t, dir, nil)
}

// Medium mounts such a file system at dir, and calls beforeRead ahead of each read of
// a file: it may wait, as a slow stick does, or fail, as a bad one.
func Medium(t testing.TB, dir string, beforeRead func() error) (behind string) {
	t.Helper()
	return mountFold(t, dir, beforeRead)
}

func mountFold(t testing.TB, dir string, beforeRead func() error) (behind string) {
	t.Helper()
	behind = filepath.Join(Scratch(t), "behind")
	if err := errors.Join(os.Mkdir(behind, 0o755), os.MkdirAll(dir, 0o755)); err != nil {
		t.Fatal(err)
	}
	dev, err := unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Skipf("no FUSE here: %v", err)
	}
	options := fmt.Sprintf("fd=%d,rootmode=40000,user_id=0,group_id=0,default_permissions,allow_other", dev)
	if err := unix.Mount("foldcase", dir, "fuse", unix.MS_NOSUID|unix.MS_NODEV, options); err != nil {
		unix.Close(dev)
		t.Skipf("cannot mount FUSE here: %v", err)
	}
	s := &foldServer{dev: dev, top: behind, nodes: map[uint64]*foldNode{1: {}}, byName: map[foldKey]uint64{}, next: 2, beforeRead: beforeRead}
	ended := make(chan struct{})
	go func() { s.serve(); close(ended) }()
	t.Cleanup(func() {
		unix.Unmount(dir, unix.MNT_DETACH)
		<-ended
		unix.Close(dev)
	})
	if err := noPoll(dir); err != nil {
		t.Fatal(err)
	}
	return behind
}

// noPoll has the kernel ask once whether files can be polled, and learn that they
// cannot. It would ask within epoll_ctl else, which Go's runtime calls without
// telling its scheduler: with all processors waiting there, nobody could answer.
func noPoll(dir string) error {
	name := filepath.Join(dir, "poll")
	fd, err := unix.Open(name, unix.O_CREAT|unix.O_RDWR|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return err
	}
	_, err = unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 0)
	return errors.Join(err, unix.Close(fd), unix.Unlink(name))
}

// foldServer answers the kernel's requests, one after the other.
type foldServer struct {
	dev    int
	top    string
	nodes  map[uint64]*foldNode
	byName map[foldKey]uint64
	next   uint64

	beforeRead func() error // nil: nothing is done
}

// foldNode is a name below another node; the root has none.
type foldNode struct {
	parent uint64
	name   string // as it is on disk
}

type foldKey struct {
	parent uint64
	folded string
}

// Opcodes of FUSE (include/uapi/linux/fuse.h).
const (
	opLookup, opForget, opGetattr, opSetattr, opReadlink, opSymlink = 1, 2, 3, 4, 5, 6
	opMkdir, opUnlink, opRmdir, opRename, opLink, opOpen            = 9, 10, 11, 12, 13, 14
	opRead, opWrite, opStatfs, opRelease, opFsync, opFlush          = 15, 16, 17, 18, 20, 25
	opInit, opOpendir, opReaddir, opReleasedir, opFsyncdir          = 26, 27, 28, 29, 30
	opCreate, opInterrupt, opDestroy, opBatchForget, opRename2      = 35, 36, 38, 42, 45
	fuseMinor, maxWrite, headerSize                                 = 31, 128 << 10, 40
)

func (s *foldServer) serve() {
	buf := make([]byte, maxWrite+64<<10)
	for {
		n, err := unix.Read(s.dev, buf)
		if errors.Is(err, unix.EINTR) || errors.Is(err, unix.ENOENT) || errors.Is(err, unix.EAGAIN) {
			continue
		}
		if err != nil { // ENODEV: unmounted
			return
		}
		le := binary.NativeEndian
		op, unique, node := le.Uint32(buf[4:]), le.Uint64(buf[8:]), le.Uint64(buf[16:])
		if op == opForget || op == opBatchForget || op == opInterrupt {
			continue
		}
		out, err := s.answer(op, node, buf[headerSize:n])
		s.reply(unique, out, err)
		if op == opDestroy {
			return
		}
	}
}

func (s *foldServer) reply(unique uint64, out []byte, err error) {
	var errno unix.Errno
	if err != nil && !errors.As(err, &errno) {
		errno = unix.EIO
	}
	if err != nil {
		out = nil
	}
	b := binary.NativeEndian.AppendUint32(nil, uint32(16+len(out)))
	b = binary.NativeEndian.AppendUint32(b, uint32(-int32(errno)))
	b = binary.NativeEndian.AppendUint64(b, unique)
	unix.Write(s.dev, append(b, out...))
}

// path is where a node is on disk.
func (s *foldServer) path(id uint64) string {
	var names []string
	for id != 1 {
		n := s.nodes[id]
		names, id = append([]string{n.name}, names...), n.parent
	}
	return filepath.Join(append([]string{s.top}, names...)...)
}

// real gives the name in the folder that is name whatever its case, "" if none is.
func (s *foldServer) real(dir uint64, name string) (string, error) {
	list, err := os.ReadDir(s.path(dir))
	if err != nil {
		return "", err
	}
	for _, e := range list {
		if strings.EqualFold(e.Name(), name) {
			return e.Name(), nil
		}
	}
	return "", nil
}

// existing is the whole path of a name that has to be there.
func (s *foldServer) existing(dir uint64, name string) (string, error) {
	real, err := s.real(dir, name)
	if err == nil && real == "" {
		err = unix.ENOENT
	}
	return filepath.Join(s.path(dir), real), err
}

// fresh is the whole path of a name that must not be there.
func (s *foldServer) fresh(dir uint64, name string) (string, error) {
	real, err := s.real(dir, name)
	if err == nil && real != "" {
		err = unix.EEXIST
	}
	return filepath.Join(s.path(dir), name), err
}

// entry is the answer that names a node.
func (s *foldServer) entry(dir uint64, name string) ([]byte, error) {
	real, err := s.real(dir, name)
	if err != nil || real == "" {
		return nil, errors.Join(err, unix.ENOENT)
	}
	key := foldKey{dir, strings.ToLower(real)}
	id, ok := s.byName[key]
	if !ok {
		id, s.next = s.next, s.next+1
		s.byName[key], s.nodes[id] = id, &foldNode{}
	}
	*s.nodes[id] = foldNode{dir, real}
	attr, err := s.attr(s.path(id), -1)
	out := binary.NativeEndian.AppendUint64(nil, id)
	return append(append(out, make([]byte, 32)...), attr...), err // nothing is to be remembered
}

func (s *foldServer) attr(path string, fd int) ([]byte, error) {
	var st unix.Stat_t
	var err error
	if fd >= 0 {
		err = unix.Fstat(fd, &st)
	} else {
		err = unix.Lstat(path, &st)
	}
	le := binary.NativeEndian
	var b []byte
	for _, v := range []uint64{st.Ino, uint64(st.Size), uint64(st.Blocks), uint64(st.Atim.Sec), uint64(st.Mtim.Sec), uint64(st.Ctim.Sec)} {
		b = le.AppendUint64(b, v)
	}
	for _, v := range []uint32{uint32(st.Atim.Nsec), uint32(st.Mtim.Nsec), uint32(st.Ctim.Nsec), st.Mode, uint32(st.Nlink), st.Uid, st.Gid, uint32(st.Rdev), uint32(st.Blksize), 0} {
		b = le.AppendUint32(b, v)
	}
	return b, err
}

func attrOut(attr []byte, err error) ([]byte, error) { return append(make([]byte, 16), attr...), err }

func u32(b []byte, at int) uint32 { return binary.NativeEndian.Uint32(b[at:]) }
func u64(b []byte, at int) uint64 { return binary.NativeEndian.Uint64(b[at:]) }

// name reads a string that ends in a zero byte.
func name(b []byte) string { s, _, _ := bytes.Cut(b, []byte{0}); return string(s) }

func (s *foldServer) answer(op uint32, node uint64, in []byte) ([]byte, error) {
	switch op {
	case opInit:
		return initOut(), nil
	case opDestroy, opFlush:
		return nil, nil
	case opLookup:
		return s.entry(node, name(in))
	case opGetattr:
		fd := -1
		if u32(in, 0)&1 != 0 {
			fd = int(u64(in, 8))
		}
		return attrOut(s.attr(s.path(node), fd))
	case opSetattr:
		return s.setattr(node, in)
	case opReadlink:
		target, err := os.Readlink(s.path(node))
		return []byte(target), err
	case opStatfs:
		return s.statfs()
	case opSymlink, opMkdir, opLink, opCreate:
		return s.makes(op, node, in)
	case opUnlink, opRmdir:
		return nil, s.remove(op, node, name(in))
	case opRename:
		return nil, s.rename(node, u64(in, 0), 0, in[8:])
	case opRename2:
		return nil, s.rename(node, u64(in, 0), u32(in, 8), in[16:])
	}
	return s.onFile(op, node, in)
}

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
