//go:build unix

package rootfs

import "golang.org/x/sys/unix"

// FileLimit is the longest file that this process may write (ulimit -f).
func FileLimit() uint64 {
	var l unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_FSIZE, &l); err != nil {
		return unlimited
	}
	return uint64(l.Cur) // signed on some systems; without a limit it is the largest number
}
