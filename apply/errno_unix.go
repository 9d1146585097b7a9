//go:build !windows

package apply

import (
	"errors"
	"syscall"
)

// noSpace: the error is about a full disk or quota.
func noSpace(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}
