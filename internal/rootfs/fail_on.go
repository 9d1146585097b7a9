//go:build failpoint

package rootfs

import (
	"cmp"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// The hook of test builds. PACKLIFT_FAILPOINT is one of
//
//	kill:N          the process kills itself before effect N
//	count:FILE      a line "N op path" is appended to FILE before each effect
//	errno:N:NAME    effect N is not done and returns that errno, such as ENOSPC
//	errno:N+:NAME   so do effect N and all later ones
//
// and on Linux, where DIR may be several folders with colons between
//
//	shutdown:N:DIR  the power of the file systems of DIR fails before effect N (what
//	                is not on the disk is lost), and the process kills itself
//	gone:N:DIR      the same, and the process lives on: each access fails
//	clone:N:SRC:DST the file SRC is cloned to DST (FICLONE, one instant) before effect
//	                N, and the process kills itself; for a file system that lies in SRC
//	space:FILE:DIR  the least free space of DIR's file system seen before an effect
//	                is kept in FILE: bytes and inodes
//
// or several of them, with commas between. Effects count from 1 over the whole
// process, in the order they are begun. Each write is done in two halves, an
// effect each.
var failer struct {
	sync.Mutex
	once  sync.Once
	count int
	act   func(n int, op, name string) error
}

var errnos = map[string]syscall.Errno{
	"ENOSPC": syscall.ENOSPC, "EIO": syscall.EIO, "EACCES": syscall.EACCES, "EROFS": syscall.EROFS,
	"EXDEV": syscall.EXDEV, "ENAMETOOLONG": syscall.ENAMETOOLONG, "EDQUOT": syscall.EDQUOT,
	"EPERM": syscall.EPERM, "ENOTSUP": syscall.ENOTSUP, "EMFILE": syscall.EMFILE, "EFBIG": syscall.EFBIG,
}

func point(op, name string) error {
	failer.once.Do(func() { failer.act = parseFailpoint(os.Getenv("PACKLIFT_FAILPOINT")) })
	failer.Lock()
	defer failer.Unlock()
	failer.count++
	return failer.act(failer.count, op, name)
}

func parts(b []byte) [][]byte {
	if len(b) < 2 {
		return [][]byte{b}
	}
	return [][]byte{b[:len(b)/2], b[len(b)/2:]}
}

func parseFailpoint(spec string) func(int, string, string) error {
	if first, rest, several := strings.Cut(spec, ","); several {
		a, b := parseFailpoint(first), parseFailpoint(rest)
		return func(i int, op, name string) error { return cmp.Or(a(i, op, name), b(i, op, name)) }
	}
	kind, rest, _ := strings.Cut(spec, ":")
	switch kind {
	case "":
		return func(int, string, string) error { return nil }
	case "kill":
		n := number(rest)
		return func(i int, _, _ string) error { return killAt(i, n) }
	case "count":
		return func(i int, op, name string) error { return record(rest, i, op, name) }
	case "errno":
		at, name, _ := strings.Cut(rest, ":")
		from, sticky := strings.CutSuffix(at, "+")
		n, errno := number(from), errnos[name]
		if errno != 0 {
			return func(i int, _, _ string) error { return errnoAt(i, n, sticky, errno) }
		}
	default:
		if act := parseDisk(kind, rest); act != nil {
			return act
		}
	}
	panic("PACKLIFT_FAILPOINT: cannot read " + spec)
}

func number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 {
		panic("PACKLIFT_FAILPOINT: not a number from 1: " + s)
	}
	return n
}

func killAt(i, n int) error {
	if i != n {
		return nil
	}
	p, err := os.FindProcess(os.Getpid())
	if err != nil {
		return err
	}
	if err := p.Kill(); err != nil {
		return err
	}
	time.Sleep(time.Hour) // the signal may take a moment; the effect must not happen
	return nil
}

func errnoAt(i, n int, sticky bool, errno syscall.Errno) error {
	if i == n || sticky && i > n {
		return errno
	}
	return nil
}

func record(file string, i int, op, name string) error {
	f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = fmt.Fprintf(f, "%d %s %q\n", i, op, name)
	return err
}
