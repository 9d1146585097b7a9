package rootfs

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// holdsWhileRenamed: a file must be closed, and so lose its lock, to be renamed.
const holdsWhileRenamed = false

// hold locks one byte far beyond the end of an open file, which others then
// can still read; it does not wait. A folder has no bytes.
func hold(f *os.File) error {
	at := &windows.Overlapped{OffsetHigh: 1 << 30}
	err := windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, at)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, windows.ERROR_LOCK_VIOLATION) || errors.Is(err, windows.ERROR_IO_PENDING):
		return ErrHeld
	}
	return ErrNoHold
}
