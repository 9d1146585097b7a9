// Package rootfs holds every effect that packlift has on files.
//
// A Root is one folder. Names given to it are relative, slash-separated and
// clean, and never lead out of the folder, whatever links lie in it (os.Root).
// On top of os.Root it guarantees:
//
//   - nothing is written through a link: an effect on a name whose parent is a symbolic
//     link is refused with an error that names the link, even if the link stays inside
//   - Open and ReadFile do not follow a final link, do not block on a FIFO, and give
//     regular files only (Open also folders); ReadFile has a cap
//   - names that are made can be made on every platform (safepath.Element), and links
//     that are made stay inside the folder (safepath.CheckLink)
//   - Move never replaces what is there, and Update never writes into a file that has a second name
//   - WriteFile and Pending are atomic and durable: synced file, rename, synced folder
//   - one hook stands before each single effect, for tests (build tag failpoint)
//
// Reads do follow links in parents while these stay inside the folder.
// Not guarded against: mount points (Volume tells them) and hard links inside the folder, and other
// processes that rearrange it during a call beyond what os.Root withstands.
// Names are limited to 4096 bytes.
package rootfs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

const maxName = 4096

// ErrLink is in the chain of errors about names that a link stands in the way of.
var ErrLink = errors.New("is a symbolic link")

// ErrLinked is in the chain of errors about files that have a second name.
var ErrLinked = errors.New("has a second name (hard link)")

// Root is an open folder. It is safe for use by several goroutines.
type Root struct {
	root *os.Root
	dir  *os.File // the folder itself, for calls that os.Root has not
	path string
	*owner
}

// Open opens the folder dir, which must exist. dir itself may be a link.
func Open(dir string) (*Root, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(abs)
	if err != nil {
		return nil, err
	}
	return wrapRoot(root, abs)
}

func wrapRoot(root *os.Root, abs string) (*Root, error) {
	dir, err := root.Open(".")
	if err != nil {
		root.Close()
		return nil, err
	}
	return &Root{root: root, dir: dir, path: abs}, nil
}

// MkdirAllOpen makes dir and its missing parents, then opens it.
func MkdirAllOpen(dir string, perm fs.FileMode) (*Root, error) {
	return mkdirAllOpen(dir, perm, nil)
}

// MkdirAllOpen is the function of that name, and what it makes, and what is made
// there, belongs to whom r gives its own (GiveNewTo).
func (r *Root) MkdirAllOpen(dir string, perm fs.FileMode) (*Root, error) {
	return mkdirAllOpen(dir, perm, r.owner)
}

func mkdirAllOpen(dir string, perm fs.FileMode, o *owner) (*Root, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if err := mkdirAllOutside(abs, perm, o); err != nil {
		return nil, err
	}
	root, err := Open(abs)
	if err == nil {
		root.owner = o
	}
	return root, err
}

func mkdirAllOutside(abs string, perm fs.FileMode, o *owner) error {
	if _, err := os.Stat(abs); !errors.Is(err, fs.ErrNotExist) {
		return err // there, or not to be seen; Open says what it is
	}
	if up := filepath.Dir(abs); up != abs {
		if err := mkdirAllOutside(up, perm, o); err != nil {
			return err
		}
	}
	err := hooked("mkdir", abs, func() error {
		err := os.Mkdir(abs, perm)
		if err == nil && o != nil {
			err = os.Lchown(abs, o.uid, o.gid)
		}
		return err
	})
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	return err
}

// Close releases the folder; files opened through it stay open.
func (r *Root) Close() error { return errors.Join(r.dir.Close(), r.root.Close()) }

// Path is the absolute path the folder was opened under.
func (r *Root) Path() string { return r.path }

// Full is the absolute path of name, for messages.
func (r *Root) Full(name string) string { return filepath.Join(r.path, filepath.FromSlash(name)) }

// Sub opens a folder below r. No element of name may be a link.
func (r *Root) Sub(name string) (*Root, error) {
	if err := r.guard("open", name); err != nil {
		return nil, err
	}
	before, err := r.lstatDir(name)
	if err != nil {
		return nil, err
	}
	root, err := r.root.OpenRoot(name)
	if err != nil {
		return nil, r.wrap("open", name, err)
	}
	sub, err := wrapRoot(root, r.Full(name))
	if err != nil {
		return nil, err
	}
	sub.owner = r.owner
	if after, err := sub.dir.Stat(); err != nil || !os.SameFile(before, after) {
		sub.Close()
		return nil, r.wrap("open", name, errChanged)
	}
	return sub, nil
}

func (r *Root) lstatDir(name string) (fs.FileInfo, error) {
	info, err := r.Lstat(name)
	switch {
	case err != nil:
		return nil, err
	case info.Mode()&fs.ModeSymlink != 0:
		return nil, r.wrap("open", name, ErrLink)
	case !info.IsDir():
		return nil, r.wrap("open", name, errNotDir)
	}
	return info, nil
}

var (
	errChanged = errors.New("was replaced while it was opened")
	errNotDir  = errors.New("is not a folder")
	errSpecial = errors.New("is neither a regular file nor a folder")
)

// wrap gives every error the whole path and keeps its cause.
func (r *Root) wrap(op, name string, err error) error {
	if err == nil {
		return nil
	}
	var pe *fs.PathError
	var le *os.LinkError
	if errors.As(err, &pe) {
		err = pe.Err
	} else if errors.As(err, &le) {
		err = le.Err
	}
	return &fs.PathError{Op: op, Path: r.Full(name), Err: err}
}

// checkName is fs.ValidPath without its demand for UTF-8, plus a cap.
func checkName(name string) error {
	switch {
	case name == ".":
		return nil
	case name == "" || len(name) > maxName || strings.IndexByte(name, 0) >= 0:
		return fmt.Errorf("name is empty, holds NUL, or is longer than %d bytes: %w", maxName, fs.ErrInvalid)
	case filepath.Separator != '/' && strings.ContainsAny(name, `\:`):
		return fmt.Errorf("name holds a separator of this system: %w", fs.ErrInvalid)
	}
	for e := range strings.SplitSeq(name, "/") {
		if e == "" || e == "." || e == ".." {
			return fmt.Errorf("name is not relative and clean: %w", fs.ErrInvalid)
		}
	}
	return nil
}

// guard refuses names that are not clean and those with a link among the parents.
func (r *Root) guard(op, name string) error {
	if err := checkName(name); err != nil {
		return &fs.PathError{Op: op, Path: name, Err: err}
	}
	link, err := r.ParentLink(name)
	if err != nil {
		return err
	}
	if link != "" {
		return &fs.PathError{Op: op, Path: r.Full(name), Err: fmt.Errorf("its folder %s %w; nothing is written through links", link, ErrLink)}
	}
	return nil
}

// ParentLink returns the first of name's parents that is a symbolic link, or
// "" if none is. Parents that are missing count as no link.
func (r *Root) ParentLink(name string) (string, error) {
	if err := checkName(name); err != nil {
		return "", &fs.PathError{Op: "lstat", Path: name, Err: err}
	}
	parent := path.Dir(name)
	if parent == "." || r.plainFolder(parent) {
		return "", nil
	}
	for i := 0; i <= len(parent); i++ {
		if i < len(parent) && parent[i] != '/' {
			continue
		}
		info, err := r.root.Lstat(parent[:i])
		if errors.Is(err, fs.ErrNotExist) {
			return "", nil
		}
		if err != nil {
			return "", r.wrap("lstat", parent[:i], err)
		}
		if info.Mode()&fs.ModeSymlink != 0 {
			return parent[:i], nil
		}
	}
	return "", nil
}
