package apply

import (
	"errors"

	"golang.org/x/sys/windows"
)

// crossed: a rename was asked to leave its volume.
func crossed(err error) bool { return errors.Is(err, windows.ERROR_NOT_SAME_DEVICE) }

// noSpace: the error is about a full disk or quota.
func noSpace(err error) bool {
	return errors.Is(err, windows.ERROR_DISK_FULL) || errors.Is(err, windows.ERROR_DISK_QUOTA_EXCEEDED) || tooLarge(err)
}

// tooLarge: the file system takes no file that long.
func tooLarge(err error) bool { return errors.Is(err, windows.ERROR_FILE_TOO_LARGE) }
