package fetch

import (
	"errors"

	"golang.org/x/sys/windows"
)

// isNoSpace: the disk or the quota takes no more.
func isNoSpace(err error) bool {
	return errors.Is(err, windows.ERROR_DISK_FULL) || errors.Is(err, windows.ERROR_HANDLE_DISK_FULL) || errors.Is(err, windows.ERROR_DISK_QUOTA_EXCEEDED)
}

// isRefused: nothing listens there.
func isRefused(err error) bool { return errors.Is(err, windows.WSAECONNREFUSED) }

// isCut: the other side has closed the connection.
func isCut(err error) bool {
	return errors.Is(err, windows.WSAECONNRESET) || errors.Is(err, windows.WSAECONNABORTED)
}
