package apply

import (
	"errors"
	"io/fs"
	"path"
	"strings"
	"syscall"

	"packlift/internal/manifest"
	"packlift/internal/rootfs"
	"packlift/internal/safepath"
)

// absent: nothing is there, or a file stands where a folder above it should.
func absent(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}

// lookAt describes p without following it and without hashing. Both results
// are nil where p is absent; only the entry is where p is a device or the like.
func lookAt(root *rootfs.Root, p string) (*manifest.Entry, fs.FileInfo, error) {
	info, err := root.Lstat(p)
	if absent(err) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	e := &manifest.Entry{Path: p}
	switch mode := info.Mode(); {
	case mode.IsRegular():
		e.Type, e.Mode, e.Size = manifest.File, uint32(mode.Perm()), info.Size()
	case mode.IsDir():
		e.Type, e.Mode = manifest.Dir, uint32(mode.Perm())
	case mode&fs.ModeSymlink != 0:
		e.Type = manifest.Symlink
		e.Target, err = root.Readlink(p)
	default:
		return nil, info, nil
	}
	return e, info, err
}

type folderState int

const (
	folderThere folderState = iota
	folderMissing
	folderNot // a file, link or device stands there
)

// folders remembers what stands at each folder's path, so that each is looked
// at once. A symlink is not a folder here, wherever it leads.
type folders struct {
	root *rootfs.Root
	seen map[string]folderState
	bad  map[string]string // folder → the element above it, or itself, that is none
	err  error
}

func newFolders(root *rootfs.Root) *folders {
	return &folders{root: root, seen: map[string]folderState{".": folderThere}, bad: map[string]string{}}
}

// above tells whether every folder above p is one; at names the first that is not.
func (f *folders) above(p string) (s folderState, at string, err error) {
	dir := path.Dir(p)
	s = f.state(dir)
	return s, f.bad[dir], f.err
}

func (f *folders) state(dir string) folderState {
	if s, ok := f.seen[dir]; ok {
		return s
	}
	s := f.state(path.Dir(dir))
	if s == folderThere {
		s = f.lookAt(dir)
	} else {
		f.bad[dir] = f.bad[path.Dir(dir)]
	}
	f.seen[dir] = s
	return s
}

func (f *folders) lookAt(dir string) folderState {
	info, err := f.root.Lstat(dir)
	switch {
	case absent(err):
		return folderMissing
	case err != nil:
		f.err = err
		return folderMissing
	case info.IsDir():
		return folderThere
	}
	f.bad[dir] = dir
	return folderNot
}

// why says what is wrong with the non-folder at dir.
func (f *folders) why(dir string) string {
	target, err := f.root.Readlink(dir)
	switch {
	case err != nil:
		return "lies under " + dir + ", which is no folder here"
	case safepath.CheckLink(dir, target) != nil || strings.HasPrefix(target, "/"):
		return "lies under the linked folder " + dir + ", which leaves the pack"
	}
	return "lies under the linked folder " + dir
}

// nearest is the closest folder above p that is there.
func (f *folders) nearest(p string) string {
	dir := path.Dir(p)
	for f.state(dir) != folderThere {
		dir = path.Dir(dir)
	}
	return dir
}

func parentThere(root *rootfs.Root, name string) string {
	for name != "." {
		if info, err := root.Lstat(name); err == nil && info.IsDir() {
			break
		}
		name = path.Dir(name)
	}
	return name
}
