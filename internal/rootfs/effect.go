package rootfs

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"time"

	"packlift/internal/safepath"
)

// hooked does one thing to the file or folder of that whole path, after the
// hook. Each call of this package that changes something on a disk stands in a
// function given to it: TestEveryMutatorIsHooked reads the source for that.
func hooked(op, name string, do func() error) error {
	if err := point(op, name); err != nil {
		return &fs.PathError{Op: op, Path: name, Err: err}
	}
	return do()
}

const opRename = "rename"

// effect does one thing to name after every check and the hook. A file that another
// program keeps is waited for, where that can be: do may be called again.
func (r *Root) effect(op, name string, do func() error) error {
	if err := r.guard(op, name); err != nil {
		return err
	}
	return r.wrap(op, name, hooked(op, r.Full(name), func() error { return patiently(op, do) }))
}

// makes is effect for a name that comes into being.
func (r *Root) makes(op, name string, do func() error) error {
	if err := r.mayMake(op, name); err != nil {
		return err
	}
	return r.effect(op, name, do)
}

func (r *Root) mayMake(op, name string) error {
	if err := safepath.Element(path.Base(name)); err != nil {
		return &fs.PathError{Op: op, Path: r.Full(name), Err: err}
	}
	return nil
}

// noLink refuses an effect that would go through a final link.
func (r *Root) noLink(op, name string) error {
	info, err := r.Lstat(name)
	if err != nil {
		return err
	}
	if info.Mode()&fs.ModeSymlink != 0 {
		return r.wrap(op, name, ErrLink)
	}
	return nil
}

// Mkdir makes one folder; perm is subject to the umask.
func (r *Root) Mkdir(name string, perm fs.FileMode) error {
	return r.makes("mkdir", name, func() error {
		err := r.root.Mkdir(name, perm)
		if err == nil && r.owner != nil {
			err = r.root.Lchown(name, r.uid, r.gid)
		}
		return err
	})
}

// MkdirAll makes name and its missing parents. A link on the way is refused.
func (r *Root) MkdirAll(name string, perm fs.FileMode) error {
	if err := r.guard("mkdir", name); err != nil || name == "." {
		return err
	}
	info, err := r.Lstat(name)
	switch {
	case err == nil && info.IsDir():
		return nil
	case err == nil && info.Mode()&fs.ModeSymlink != 0:
		return r.wrap("mkdir", name, ErrLink)
	case err == nil:
		return r.wrap("mkdir", name, errNotDir)
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	if err := r.MkdirAll(path.Dir(name), perm); err != nil {
		return err
	}
	if err := r.Mkdir(name, perm); errors.Is(err, fs.ErrExist) {
		_, err = r.lstatDir(name) // another goroutine was first
		return err
	} else if err != nil {
		return err
	}
	return nil
}

// Rename moves from to to, replacing a file there; neither is followed if it is a link.
func (r *Root) Rename(from, to string) error {
	if err := r.guard(opRename, from); err != nil {
		return err
	}
	return r.makes(opRename, to, func() error { return r.root.Rename(from, to) })
}

// Link gives the file at from the second name to.
func (r *Root) Link(from, to string) error {
	if err := r.guard("link", from); err != nil {
		return err
	}
	return r.makes("link", to, func() error { return r.root.Link(from, to) })
}

// Symlink makes a link at name; its target must stay inside the folder.
func (r *Root) Symlink(target, name string) error {
	if err := safepath.CheckLink(name, target); err != nil {
		return &fs.PathError{Op: "symlink", Path: r.Full(name), Err: err}
	}
	return r.makes("symlink", name, func() error {
		err := r.root.Symlink(target, name)
		if err == nil && r.owner != nil {
			err = r.root.Lchown(name, r.uid, r.gid)
		}
		return err
	})
}

// Remove removes a file, a link or an empty folder.
func (r *Root) Remove(name string) error {
	return r.effect("remove", name, func() error { return r.root.Remove(name) })
}

// RemoveAll removes name and all below it, one effect each, and is content if
// name is missing. Links are removed, never followed. A folder that may not be
// written is made writable first.
func (r *Root) RemoveAll(name string) error {
	if err := r.guard("remove", name); err != nil {
		return err
	}
	info, err := r.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.IsDir() {
		if err := r.empty(name, info.Mode().Perm()); err != nil {
			return err
		}
	}
	return ignoreMissing(r.Remove(name))
}

func (r *Root) empty(name string, perm fs.FileMode) error {
	if perm&0o700 != 0o700 {
		if err := r.Chmod(name, perm|0o700); err != nil {
			return err
		}
	}
	entries, err := r.ReadDir(name)
	for _, e := range entries {
		if err == nil {
			err = r.RemoveAll(path.Join(name, e.Name()))
		}
	}
	return ignoreMissing(err)
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// Chmod sets the permission bits of a file or folder; a link is refused.
func (r *Root) Chmod(name string, mode fs.FileMode) error {
	if err := r.noLink("chmod", name); err != nil {
		return err
	}
	return r.effect("chmod", name, func() error { return r.root.Chmod(name, mode) })
}

// Lchown sets owner and group of name itself. Windows refuses it.
func (r *Root) Lchown(name string, uid, gid int) error {
	return r.effect("chown", name, func() error { return r.root.Lchown(name, uid, gid) })
}

// Chtimes sets the modification time of a file or folder; a link is refused.
func (r *Root) Chtimes(name string, mtime time.Time) error {
	if err := r.noLink("chtimes", name); err != nil {
		return err
	}
	return r.effect("chtimes", name, func() error { return r.root.Chtimes(name, time.Time{}, mtime) })
}

// SyncDir makes the names in a folder durable. It does nothing on Windows,
// where NTFS journals them.
func (r *Root) SyncDir(name string) error {
	if !syncsFolders {
		return nil
	}
	f, err := r.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	return r.effect("syncdir", name, f.Sync)
}

// SpoolFile makes a temporary file outside every Root, readable by its owner
// only. The function closes and removes it.
func SpoolFile() (*File, func(), error) {
	var f *os.File
	err := hooked("create", os.TempDir(), func() (err error) {
		f, err = os.CreateTemp("", "packlift-spool-*")
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	end := func() {
		f.Close()
		hooked("remove", f.Name(), func() error { return os.Remove(f.Name()) })
	}
	return &File{f: f, name: f.Name()}, end, nil
}
