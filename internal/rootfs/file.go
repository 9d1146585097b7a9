package rootfs

import (
	"errors"
	"io/fs"
	"os"
)

// File is an open file; each of its effects passes the hook.
type File struct {
	f    *os.File
	name string // whole path
}

// Create makes a file that must not exist and opens it for writing and reading.
// perm is subject to the umask.
func (r *Root) Create(name string, perm fs.FileMode) (*File, error) {
	var f *os.File
	err := r.makes("create", name, func() (err error) {
		f, err = r.openFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, perm)
		if err == nil && r.owner != nil {
			err = f.Chown(r.uid, r.gid)
		}
		return err
	})
	return r.file(name, f, err)
}

// Append opens a regular file so that each write goes to its end, and makes it
// if it is missing.
func (r *Root) Append(name string, perm fs.FileMode) (*File, error) {
	if there, err := r.Exists(name); err != nil {
		return nil, err
	} else if !there {
		f, err := r.Create(name, perm)
		if err != nil {
			return nil, err
		}
		f.Close()
	}
	return r.Update(name, os.O_APPEND)
}

// Update opens an existing regular file for reading and writing; flag is 0 or
// os.O_APPEND. A file that has a second name (hard link) is refused
// (ErrLinked): who gave it that would see it change elsewhere.
func (r *Root) Update(name string, flag int) (*File, error) {
	var f *os.File
	err := r.effect("open", name, func() (err error) {
		f, err = r.openExisting(name, os.O_RDWR|flag)
		if err != nil {
			return err
		}
		if n, err := links(f); err != nil || n > 1 {
			return errors.Join(err, linked(n), f.Close())
		}
		return nil
	})
	return r.file(name, f, err)
}

func linked(n uint64) error {
	if n > 1 {
		return ErrLinked
	}
	return nil
}

// Links is the number of names (hard links) that the file at name has.
func (r *Root) Links(name string) (uint64, error) {
	f, err := r.Open(name)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	n, err := links(f)
	return n, r.wrap("stat", name, err)
}

func (r *Root) file(name string, f *os.File, err error) (*File, error) {
	if err != nil {
		f.Close() // nil, or made and not given away
		return nil, err
	}
	return &File{f: f, name: r.Full(name)}, nil
}

func (f *File) effect(op string, do func() error) error { return hooked(op, f.name, do) }

// Name is the file's absolute path.
func (f *File) Name() string { return f.name }

// Stat describes the open file.
func (f *File) Stat() (fs.FileInfo, error) { return f.f.Stat() }

// Write writes at the file's position.
func (f *File) Write(b []byte) (int, error) {
	return f.write(b, func(part []byte, _ int64) (int, error) { return f.f.Write(part) })
}

// WriteAt writes at off.
func (f *File) WriteAt(b []byte, off int64) (int, error) {
	return f.write(b, func(part []byte, done int64) (int, error) { return f.f.WriteAt(part, off+done) })
}

// write gives b to do, in as many parts as the hook wants: a write that was cut
// short is something that a run may have to go on from.
func (f *File) write(b []byte, do func(part []byte, done int64) (int, error)) (n int, err error) {
	for _, part := range parts(b) {
		if err == nil {
			more := 0
			err = f.effect("write", func() (err error) { more, err = do(part, int64(n)); return err })
			n += more
		}
	}
	return n, err
}

// Read reads at the file's position.
func (f *File) Read(b []byte) (int, error) { return f.f.Read(b) }

// ReadAt reads at off.
func (f *File) ReadAt(b []byte, off int64) (int, error) { return f.f.ReadAt(b, off) }

// Seek moves the file's position.
func (f *File) Seek(off int64, whence int) (int64, error) { return f.f.Seek(off, whence) }

// Sync makes the content durable.
func (f *File) Sync() error { return f.effect("sync", f.f.Sync) }

// Truncate sets the length.
func (f *File) Truncate(size int64) error {
	return f.effect("truncate", func() error { return f.f.Truncate(size) })
}

// Chmod sets the permission bits.
func (f *File) Chmod(mode fs.FileMode) error {
	return f.effect("chmod", func() error { return f.f.Chmod(mode) })
}

// Close closes the file; it syncs nothing.
func (f *File) Close() error { return f.f.Close() }

// Raw is the file itself, for another process to write to: what that does passes
// no hook.
func (f *File) Raw() *os.File { return f.f }
