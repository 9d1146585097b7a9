package rootfs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
)

// ErrTooBig is in the chain of ReadFile's error about a file over its cap.
var ErrTooBig = errors.New("is larger than it may be")

// Open opens a regular file or folder for reading. A final link is refused
// (ErrLink), and so is every other kind of file, without waiting for its peer.
func (r *Root) Open(name string) (*os.File, error) { return r.openExisting(name, os.O_RDONLY) }

func (r *Root) openExisting(name string, flag int) (*os.File, error) {
	before, err := r.Lstat(name)
	if err != nil {
		return nil, err
	}
	if before.Mode()&fs.ModeSymlink != 0 {
		return nil, r.wrap("open", name, ErrLink)
	}
	if !before.Mode().IsRegular() && !before.IsDir() {
		return nil, r.wrap("open", name, errSpecial)
	}
	f, err := r.openFile(name, flag|nonblock, 0)
	if err != nil {
		return nil, r.wrap("open", name, err)
	}
	if after, err := f.Stat(); err != nil || !os.SameFile(before, after) {
		f.Close()
		return nil, r.wrap("open", name, errChanged)
	}
	return f, nil
}

// Lstat describes name itself.
func (r *Root) Lstat(name string) (fs.FileInfo, error) { return r.stat(name, r.lstat) }

// Stat describes what name leads to, inside the folder.
func (r *Root) Stat(name string) (fs.FileInfo, error) { return r.stat(name, r.root.Stat) }

func (r *Root) stat(name string, how func(string) (fs.FileInfo, error)) (fs.FileInfo, error) {
	if err := checkName(name); err != nil {
		return nil, &fs.PathError{Op: "stat", Path: name, Err: err}
	}
	info, err := how(name)
	return info, r.wrap("stat", name, err)
}

// Readlink gives a link's target as it is written; it may lead anywhere.
func (r *Root) Readlink(name string) (string, error) {
	if err := checkName(name); err != nil {
		return "", &fs.PathError{Op: "readlink", Path: name, Err: err}
	}
	target, err := r.root.Readlink(name)
	return target, r.wrap("readlink", name, err)
}

// ReadDir lists a folder, sorted bytewise by name. Of each entry use the name
// and type; ask Lstat for more.
func (r *Root) ReadDir(name string) ([]fs.DirEntry, error) {
	f, err := r.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	entries, err := f.ReadDir(-1)
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return entries, r.wrap("readdir", name, err)
}

// Exists reports whether something, a dangling link too, has that name.
func (r *Root) Exists(name string) (bool, error) {
	_, err := r.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// ReadFile reads a regular file of at most max bytes (else ErrTooBig).
func (r *Root) ReadFile(name string, max int64) ([]byte, error) {
	f, err := r.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, r.wrap("read", name, err)
	}
	if !info.Mode().IsRegular() {
		return nil, r.wrap("read", name, errors.New("is not a regular file"))
	}
	b, err := io.ReadAll(io.LimitReader(f, max+1))
	if err == nil && int64(len(b)) > max {
		err = fmt.Errorf("%w: more than %d bytes", ErrTooBig, max)
	}
	if err != nil {
		return nil, r.wrap("read", name, err)
	}
	return b, nil
}
