//go:build unix

package cli

import (
	"errors"
	"syscall"
)

func isNoSpace(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || isTooLarge(err)
}

// isTooLarge: the file system, or the process's limit, takes no file that long.
func isTooLarge(err error) bool { return errors.Is(err, syscall.EFBIG) }

func isReadOnly(err error) bool { return errors.Is(err, syscall.EROFS) }

func isBrokenPipe(err error) bool { return errors.Is(err, syscall.EPIPE) }
