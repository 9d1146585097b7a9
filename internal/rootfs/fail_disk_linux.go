//go:build failpoint

package rootfs

import (
	"fmt"
	"os"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	ioctlShutdown = 0x8004587d // EXT4_IOC_SHUTDOWN, XFS_IOC_GOINGDOWN
	noLogFlush    = 2          // as if the power failed
)

func parseDisk(kind, rest string) func(int, string, string) error {
	at, rest, _ := strings.Cut(rest, ":")
	switch kind {
	case "shutdown", "gone":
		n, dirs := number(at), strings.Split(rest, ":")
		return func(i int, _, _ string) error { return cutAt(i, n, dirs, kind == "shutdown") }
	case "clone":
		n := number(at)
		src, dst, _ := strings.Cut(rest, ":")
		return func(i int, _, _ string) error { return cloneAt(i, n, src, dst) }
	case "space":
		low := lowest{file: at, dir: rest}
		return func(int, string, string) error { return low.sample() }
	}
	return nil
}

// cutAt takes the power from the file systems of dirs before effect n.
func cutAt(i, n int, dirs []string, kill bool) error {
	if i != n {
		return nil
	}
	for _, dir := range dirs {
		if err := shutdown(dir); err != nil {
			panic(fmt.Sprintf("PACKLIFT_FAILPOINT: shutdown of %s: %v", dir, err))
		}
	}
	if kill {
		return killAt(i, n)
	}
	return nil
}

func shutdown(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	flag := uint32(noLogFlush)
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, f.Fd(), ioctlShutdown, uintptr(unsafe.Pointer(&flag)))
	if errno != 0 {
		return errno
	}
	return nil
}

func cloneAt(i, n int, src, dst string) error {
	if i != n {
		return nil
	}
	if err := clone(src, dst); err != nil {
		panic(fmt.Sprintf("PACKLIFT_FAILPOINT: clone of %s: %v", src, err))
	}
	return killAt(i, n)
}

func clone(src, dst string) error {
	from, err := os.Open(src)
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := os.OpenFile(dst, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer to.Close()
	return unix.IoctlFileClone(int(to.Fd()), int(from.Fd()))
}

// lowest keeps the least that was free.
type lowest struct {
	file, dir     string
	seen          bool
	bytes, inodes uint64
}

func (l *lowest) sample() error {
	var st unix.Statfs_t
	if err := unix.Statfs(l.dir, &st); err != nil {
		return err
	}
	bytes, inodes := st.Bavail*uint64(blockSize(&st)), st.Ffree
	if l.seen && bytes >= l.bytes && inodes >= l.inodes {
		return nil
	}
	if !l.seen {
		l.bytes, l.inodes = bytes, inodes
	}
	l.seen, l.bytes, l.inodes = true, min(l.bytes, bytes), min(l.inodes, inodes)
	return os.WriteFile(l.file, fmt.Appendf(nil, "%d %d\n", l.bytes, l.inodes), 0o600)
}
