package apply

import (
	"errors"

	"golang.org/x/sys/windows"
)

// crossed: a rename was asked to leave its volume.
func crossed(err error) bool { return errors.Is(err, windows.ERROR_NOT_SAME_DEVICE) }

// shared: another program has the file, or a folder, open, and lets nobody take its name.
func shared(err error) bool {
	return errors.Is(err, windows.ERROR_SHARING_VIOLATION) || errors.Is(err, windows.ERROR_USER_MAPPED_FILE)
}

// noSpace: the error is about a full disk or quota.
func noSpace(err error) bool {
	return errors.Is(err, windows.ERROR_DISK_FULL) || errors.Is(err, windows.ERROR_DISK_QUOTA_EXCEEDED) || tooLarge(err)
}

// tooLarge: the file system takes no file that long.
func tooLarge(err error) bool { return errors.Is(err, windows.ERROR_FILE_TOO_LARGE) }
