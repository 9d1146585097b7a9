package disktest

import (
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// foldNode is a name below another node; the root has none.
type foldNode struct {
	parent uint64
	name   string // as it is on disk
}

type foldKey struct {
	parent uint64
	folded string
}

// path is where a node is on disk.
func (s *foldServer) path(id uint64) string {
	var names []string
	for id != 1 {
		n := s.nodes[id]
		names, id = append([]string{n.name}, names...), n.parent
	}
	return filepath.Join(append([]string{s.top}, names...)...)
}

// real gives the name in the folder that is name whatever its case, "" if none is.
func (s *foldServer) real(dir uint64, name string) (string, error) {
	list, err := os.ReadDir(s.path(dir))
	if err != nil {
		return "", err
	}
	for _, e := range list {
		if strings.EqualFold(e.Name(), name) {
			return e.Name(), nil
		}
	}
	return "", nil
}

// existing is the whole path of a name that has to be there.
func (s *foldServer) existing(dir uint64, name string) (string, error) {
	real, err := s.real(dir, name)
	if err == nil && real == "" {
		err = unix.ENOENT
	}
	return filepath.Join(s.path(dir), real), err
}

// fresh is the whole path of a name that must not be there.
func (s *foldServer) fresh(dir uint64, name string) (string, error) {
	real, err := s.real(dir, name)
	if err == nil && real != "" {
		err = unix.EEXIST
	}
	return filepath.Join(s.path(dir), name), err
}

// entry is the answer that names a node.
func (s *foldServer) entry(dir uint64, name string) ([]byte, error) {
	real, err := s.real(dir, name)
	if err != nil || real == "" {
		return nil, errors.Join(err, unix.ENOENT)
	}
	key := foldKey{dir, strings.ToLower(real)}
	id, ok := s.byName[key]
	if !ok {
		id, s.next = s.next, s.next+1
		s.byName[key], s.nodes[id] = id, &foldNode{}
	}
	*s.nodes[id] = foldNode{dir, real}
	attr, err := s.attr(s.path(id), -1)
	out := binary.NativeEndian.AppendUint64(nil, id)
	return append(append(out, make([]byte, 32)...), attr...), err // nothing is to be remembered
}
