package cli

import (
	"errors"

	"golang.org/x/sys/windows"
)

const (
	tooLargeHint = "choose a file system that takes larger files; FAT ends at 4 GiB"
	noSpaceHint  = "free space there, or choose a folder on another drive; TMP names the one for temporary files"
)

func isNoSpace(err error) bool {
	return errors.Is(err, windows.ERROR_DISK_FULL) || errors.Is(err, windows.ERROR_HANDLE_DISK_FULL) ||
		errors.Is(err, windows.ERROR_DISK_QUOTA_EXCEEDED) || isTooLarge(err)
}

// isTooLarge: the file system takes no file that long.
func isTooLarge(err error) bool { return errors.Is(err, windows.ERROR_FILE_TOO_LARGE) }

func isReadOnly(err error) bool { return errors.Is(err, windows.ERROR_WRITE_PROTECT) }

// isShared: another program has the file open, and does not share it.
func isShared(err error) bool {
	return errors.Is(err, windows.ERROR_SHARING_VIOLATION) || errors.Is(err, windows.ERROR_LOCK_VIOLATION)
}

func isBrokenPipe(err error) bool {
	return errors.Is(err, windows.ERROR_BROKEN_PIPE) || errors.Is(err, windows.ERROR_NO_DATA) || errors.Is(err, windows.ERROR_PIPE_NOT_CONNECTED)
}

func readOnlyHint(error) string {
	return "the medium is write-protected: take that off, or work on a copy"
}
