//go:build unix

package rootfs

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// holdsWhileRenamed: a file keeps its lock while its name changes.
const holdsWhileRenamed = true

// hold takes the lock of an open file or folder and does not wait.
func hold(f *os.File) error {
	c, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var locked error
	err = c.Control(func(fd uintptr) {
		for locked = unix.EINTR; errors.Is(locked, unix.EINTR); {
			locked = unix.Flock(int(fd), unix.LOCK_EX|unix.LOCK_NB)
		}
	})
	switch {
	case err != nil:
		return err
	case locked == nil:
		return nil
	case errors.Is(locked, unix.EWOULDBLOCK):
		return ErrHeld
	}
	return ErrNoHold // network file systems refuse in many ways
}
