//go:build !windows

package apply

import (
	"errors"
	"syscall"
)

// ownRight is how a user who may not read or write a path gets the right.
const ownRight = "run as the pack's owner; if that is who you are, give yourself the right: %s, then run the same command again"

// oneVolume is what to do where a rename is refused between folders of one volume.
const oneVolume = "the folders of the pack look like one volume, and a rename between them is refused: " +
	"give them one quota project (lsattr -p -d) and one encryption policy, or move the folder of %s onto a mount of its own"

// noLinks: this user may make no symbolic links; here everyone may.
func noLinks(error) bool { return false }

// crossed: a rename was asked to leave its volume.
func crossed(err error) bool { return errors.Is(err, syscall.EXDEV) }

// shared: what another program has open is replaced here all the same.
func shared(error) bool { return false }

// noSpace: the error is about a full disk or quota.
func noSpace(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || tooLarge(err)
}

// tooLarge: the file system, or the process's limit, takes no file that long.
func tooLarge(err error) bool { return errors.Is(err, syscall.EFBIG) }
