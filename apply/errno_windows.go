package apply

import (
	"errors"

	"golang.org/x/sys/windows"
)

// ownRight is how a user who may not read or write a path gets the right. A rename over
// a file that is open is refused in the same way.
const ownRight = "run as the pack's owner; %s shows who may do what. If you may, another program has it open: close that, then run the same command again"

// oneVolume is what to do where a rename is refused between two volumes.
const oneVolume = "a folder of the pack is a mount point of another volume: move it, with %s, onto the pack's own"

// noLinks: this user may make no symbolic links.
func noLinks(err error) bool { return errors.Is(err, windows.ERROR_PRIVILEGE_NOT_HELD) }

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
