package disktest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
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
