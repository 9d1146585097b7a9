package selfupdate

import (
	"errors"
	"io"
	"io/fs"
	"runtime"
	"strings"
)

// replace puts the proven tool in the old one's place.
func (s *swap) replace(fresh string) error {
	if s.there {
		if err := s.keepOld(); err != nil {
			return err
		}
	}
	if runtime.GOOS == "windows" && s.there {
		return s.renameAside(fresh)
	}
	if err := s.root.Rename(fresh, s.name); err != nil {
		return err
	}
	return s.root.SyncDir(s.dir)
}

func (s *swap) oldName() string { return strings.TrimSuffix(s.name, s.exe) + oldSuffix + s.exe }

// keepOld makes the running tool stand under its .old name too: as a hard
// link, or as a copy where links fail. On Windows renameAside does it.
func (s *swap) keepOld() error {
	if err := s.discard(s.oldName()); err != nil && runtime.GOOS != "windows" {
		return err
	}
	if runtime.GOOS == "windows" {
		return nil
	}
	if err := s.root.Link(s.name, s.oldName()); err != nil {
		if err := s.copyOld(); err != nil {
			return err
		}
	}
	return s.root.SyncDir(s.dir)
}

func (s *swap) copyOld() error {
	from, err := s.root.Open(s.name)
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := s.root.Pending(s.oldName(), mode)
	if err != nil {
		return err
	}
	defer to.Cleanup()
	if _, err := io.Copy(to, from); err != nil {
		return err
	}
	return to.Commit()
}

// renameAside is the way of systems that let a running file be renamed but not
// replaced. A .old that is itself still running cannot be removed; then the
// file goes to a name that the next sweep takes.
func (s *swap) renameAside(fresh string) error {
	aside := s.oldName()
	if _, err := s.root.Lstat(aside); !errors.Is(err, fs.ErrNotExist) {
		aside = strings.Replace(fresh, newInfix, newInfix+"aside-", 1)
	}
	if err := s.root.Rename(s.name, aside); err != nil {
		return err
	}
	if err := s.root.Rename(fresh, s.name); err != nil {
		return errors.Join(err, s.root.Rename(aside, s.name))
	}
	return s.root.SyncDir(s.dir)
}
