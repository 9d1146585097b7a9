package export

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"os"

	"packlift/internal/depot"
	"packlift/internal/manifest"
	"packlift/internal/rootfs"
)

// depotSource is the tree of a level of a depot.
type depotSource struct {
	ctx    context.Context
	view   *depot.View
	level  depot.Level
	held   *rootfs.Root
	m      *manifest.Manifest
	whole  map[manifest.Digest]*manifest.Object
	deltas map[manifest.Digest][]*manifest.Object // by what they make
}

func openLevel(ctx context.Context, v *depot.View, l depot.Level, held *rootfs.Root) (*depotSource, error) {
	m, err := v.Manifest(ctx, l)
	if err != nil {
		return nil, err
	}
	list, err := v.Objects(ctx, l, m)
	if err != nil {
		return nil, err
	}
	s := &depotSource{ctx, v, l, held, m, map[manifest.Digest]*manifest.Object{}, map[manifest.Digest][]*manifest.Object{}}
	for i := range list {
		if o := &list[i]; o.Delta == nil {
			s.whole[o.SHA256] = o
		} else {
			s.deltas[o.SHA256] = append(s.deltas[o.SHA256], o)
		}
	}
	return s, nil
}

func (s *depotSource) entries() []manifest.Entry { return s.m.Entries }

func (s *depotSource) open(path string) (io.ReadCloser, error) {
	e, ok := s.m.Find(path)
	if !ok || e.Type != manifest.File {
		return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
	}
	if e.Size == 0 {
		return io.NopCloser(bytes.NewReader(nil)), nil
	}
	if f := s.local(e); f != nil {
		return f, nil
	}
	o := s.whole[e.SHA256]
	if o == nil {
		return nil, fmt.Errorf("%s: the depot's level %d has no file for it", path, s.level.Level)
	}
	return s.view.OpenObject(s.ctx, o)
}

// local opens the file that the tree on this machine has under e's path, if that is
// the very content; nil if it is not. Who uses what it reads compares it again.
func (s *depotSource) local(e manifest.Entry) *os.File {
	if s.held == nil {
		return nil
	}
	f, err := s.held.Open(e.Path)
	if err != nil {
		return nil
	}
	info, err := f.Stat()
	if err == nil && info.Mode().IsRegular() && info.Size() == e.Size {
		sum := sha256.New()
		if _, err = io.Copy(sum, withContext(s.ctx, f)); err == nil && manifest.Digest(sum.Sum(nil)) == e.SHA256 {
			if _, err = f.Seek(0, io.SeekStart); err == nil {
				return f
			}
		}
	}
	f.Close()
	return nil
}

// holds reports whether the tree on this machine has the content of the file at path.
func (s *depotSource) holds(path string) bool {
	e, ok := s.m.Find(path)
	if !ok {
		return false
	}
	f := s.local(e)
	if f == nil {
		return false
	}
	f.Close()
	return true
}

// openAt spools a file for reading anywhere.
func (s *depotSource) openAt(path string) (io.ReaderAt, func(), error) {
	in, err := s.open(path)
	if err != nil {
		return nil, nil, err
	}
	defer in.Close()
	f, remove, err := rootfs.SpoolFile()
	if err != nil {
		return nil, nil, err
	}
	if _, err := io.Copy(f, in); err != nil {
		remove()
		return nil, nil, err
	}
	return f, remove, nil
}

func (s *depotSource) Close() error { return nil }
