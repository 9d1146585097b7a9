package rootfs

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path"
	"strings"
	"time"
)

// TempPrefix begins the name of every temporary file; 26 characters of base32
// follow (rand.Text). Sweep removes files of such names.
const TempPrefix = ".packlift-tmp-"

const (
	tempRandom = 26
	tempTries  = 100
	// oldTemp is how long a file that cannot be held has to lie there to be known as left.
	oldTemp = 24 * time.Hour
)

var errSwept = errors.New("its temporary file is removed by another process, each time")

func isTemp(name string) bool {
	s, ok := strings.CutPrefix(name, TempPrefix)
	return ok && len(s) == tempRandom && strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") == ""
}

// Pending is a file on its way to its name: until Commit, only a temporary
// file in the same folder exists.
type Pending struct {
	*File
	root      *Root
	temp, end string
	done      bool
}

// Pending begins a file that Commit will put at name, replacing what is there.
// Call Cleanup in a defer; it is harmless after Commit.
func (r *Root) Pending(name string, perm fs.FileMode) (*Pending, error) {
	if err := errors.Join(r.mayMake("create", name), r.guard("create", name)); err != nil {
		return nil, err
	}
	for range tempTries {
		temp := path.Join(path.Dir(name), TempPrefix+rand.Text())
		f, err := r.Create(temp, perm)
		if err != nil {
			return nil, err
		}
		if r.holdTemp(temp, f) {
			return &Pending{File: f, root: r, temp: temp, end: name}, nil
		}
		f.Close()
	}
	return nil, &fs.PathError{Op: "create", Path: r.Full(name), Err: errSwept}
}

// holdTemp keeps SweepOthers of other processes from a file that is in work. It is
// false where one of them was quicker.
func (r *Root) holdTemp(temp string, f *File) bool {
	err := hold(f.f)
	if err == nil {
		err = r.stillAt(temp, f.f)
	}
	return err == nil || errors.Is(err, ErrNoHold)
}

// Commit syncs the file, renames it to its name and syncs the folder. After an
// error Cleanup is still due. An error of the last step leaves the file in
// place, durable or not.
func (p *Pending) Commit() error {
	// The content must be durable before the name points to it: after a power
	// cut some file systems show the rename but not the data.
	if err := p.Sync(); err != nil {
		return err
	}
	if err := p.rename(); err != nil {
		return err
	}
	return p.root.SyncDir(path.Dir(p.end))
}

// Place renames the file to its name and leaves it to a SyncFS after it to make it
// durable: until then a power cut may leave it empty, or nothing. Where there is no
// SyncFS it is Commit.
func (p *Pending) Place() error {
	if !SyncsFS {
		return p.Commit()
	}
	return p.rename()
}

func (p *Pending) rename() error {
	if p.done {
		return &fs.PathError{Op: "commit", Path: p.root.Full(p.end), Err: os.ErrClosed}
	}
	if !holdsWhileRenamed {
		if err := p.Close(); err != nil {
			return err
		}
	}
	if err := p.root.Rename(p.temp, p.end); err != nil {
		return err
	}
	p.done = true
	if holdsWhileRenamed {
		return p.Close()
	}
	return nil
}

// Cleanup removes the temporary file unless Commit put it in place.
func (p *Pending) Cleanup() error {
	if p.done {
		return nil
	}
	p.done = true
	if err := p.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
		return errors.Join(err, p.root.Remove(p.temp))
	}
	return p.root.Remove(p.temp)
}

// WriteFile puts data at name, atomically and durably.
func (r *Root) WriteFile(name string, data []byte, perm fs.FileMode) error {
	return r.writeFile(name, data, perm, (*Pending).Commit)
}

// PlaceFile puts data at name, atomically; see Pending.Place.
func (r *Root) PlaceFile(name string, data []byte, perm fs.FileMode) error {
	return r.writeFile(name, data, perm, (*Pending).Place)
}

func (r *Root) writeFile(name string, data []byte, perm fs.FileMode, end func(*Pending) error) (err error) {
	p, err := r.Pending(name, perm)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.Cleanup())
		}
	}()
	if _, err = p.Write(data); err != nil {
		return err
	}
	return end(p)
}
