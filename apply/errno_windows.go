package apply

import (
	"errors"

	"golang.org/x/sys/windows"
)

// noSpace: the error is about a full disk or quota.
func noSpace(err error) bool {
	return errors.Is(err, windows.ERROR_DISK_FULL) || errors.Is(err, windows.ERROR_DISK_QUOTA_EXCEEDED)
}
