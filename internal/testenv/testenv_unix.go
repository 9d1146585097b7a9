//go:build unix

package testenv

import (
	"os"

	"golang.org/x/sys/unix"
)

func init() {
	unix.Umask(0o022)
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return // there is none
	}
	defer tty.Close()
	// It stays in its process group, so that Ctrl-C still ends it. A session's leader would lose its children: it keeps the terminal.
	if sid, err := unix.Getsid(0); err == nil && sid != os.Getpid() {
		_ = unix.IoctlSetInt(int(tty.Fd()), unix.TIOCNOTTY, 0) // where that fails it is as before
	}
}
