//go:build unix

package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"

	"packlift/internal/typed"
)

const (
	tooLargeHint = "a file-size limit ends it: raise the shell's (ulimit -f unlimited), or choose a file system that takes larger files; FAT ends at 4 GiB"
	noSpaceHint  = "free space there, or, where df shows some, inodes (df -i); or choose a folder on another file system; TMPDIR names the one for temporary files"
)

func isNoSpace(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || isTooLarge(err)
}

// isTooLarge: the file system, or the process's limit, takes no file that long.
func isTooLarge(err error) bool { return errors.Is(err, syscall.EFBIG) }

func isReadOnly(err error) bool { return errors.Is(err, syscall.EROFS) }

// isShared: what another program has open is no fault here.
func isShared(error) bool { return false }

func isBrokenPipe(err error) bool { return errors.Is(err, syscall.EPIPE) }

func readOnlyHint(err error) string {
	return "the medium or its mount is read-only: " + remount(err) + ", or work on a copy"
}

// remount is what makes the file system writable that the path in err lies on: its
// mount point is findmnt's to say, as the path may not be there.
func remount(err error) string {
	var one *fs.PathError
	var two *os.LinkError
	name := ""
	switch {
	case errors.As(err, &one):
		name = one.Path
	case errors.As(err, &two):
		name = two.New
	}
	if runtime.GOOS != "linux" || !filepath.IsAbs(name) {
		return "mount it for writing"
	}
	return fmt.Sprintf("mount -o remount,rw \"$(findmnt -no TARGET -T %s)\" (as root)", typed.Word(filepath.Dir(name)))
}
