// Package regular opens files that come from outside: of a stick, of a folder
// that a command line names. What is there may be anything, a pipe that no one
// writes to among it; only regular files are opened, and nothing is waited for.
// It also knows the files that a system leaves in every folder that it shows.
package regular

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"syscall"
)

// ErrNot is in the chain of the error about what is there and no regular file.
var ErrNot = errors.New("is not a regular file")

// Leftover reports whether macOS leaves files of that name in folders on sticks
// and network drives: they are nobody's, and passed over.
func Leftover(name string) bool { return name == ".DS_Store" || strings.HasPrefix(name, "._") }

// Open opens a regular file, or what a link to one leads to, for reading.
func Open(name string) (*os.File, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "open", Path: name, Err: ErrNot}
	}
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0) // it may be another by now
	if err != nil {
		return nil, err
	}
	if info, err = f.Stat(); err == nil && !info.Mode().IsRegular() {
		err = &fs.PathError{Op: "open", Path: name, Err: ErrNot}
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}
