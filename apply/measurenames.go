package apply

import (
	"errors"
	"io/fs"
	"path"

	"packlift/internal/manifest"
	"packlift/internal/rootfs"
)

// names are names that come into being, and so the folders that they need.
type names struct {
	m    *meter
	most *largest
	root *rootfs.Root
	in   map[string]*folderNeed
	err  error
}

// folderNeed is a folder that is made, or there and given more names of used bytes.
type folderNeed struct {
	space *Space
	there bool
	used  int64
	taken int64 // counted of it so far
	made  bool  // so is its inode
}

func newNames(m *measuring, root *rootfs.Root) *names {
	return &names{m: m.meter, most: &m.pl.largest, root: root, in: map[string]*folderNeed{}}
}

// folder sees to it that p is there, and all folders above it.
func (n *names) folder(p string) *folderNeed {
	if f := n.in[p]; f != nil {
		return f
	}
	f := &folderNeed{}
	n.in[p] = f
	info, err := n.root.Lstat(p)
	if f.there = err == nil && info.IsDir(); f.there {
		f.space, err = n.m.space(n.root, p)
	} else if err == nil || absent(err) {
		f.space, err = n.name(p), nil
	}
	n.err = errors.Join(n.err, err)
	if f.space == nil { // the error ends it all
		f.space = &Space{costs: costs{block: 1}}
	}
	return f
}

// name adds p to its folder, and gives where that is.
func (n *names) name(p string) *Space {
	f := n.folder(path.Dir(p))
	f.used += f.space.entry(path.Base(p))
	return f.space
}

func (n *names) file(p string, size int64) {
	n.name(p).addFile(size)
	n.most.see(p, size)
}

// largest is the longest file that a run writes.
type largest struct {
	path string
	size int64
}

func (l *largest) see(p string, size int64) {
	if size > l.size {
		l.path, l.size = p, size
	}
}

// old is a copy of what e describes.
func (n *names) old(p string, e *manifest.Entry) {
	if isLink(e) {
		n.name(p).addLink(e.Target)
	} else {
		n.file(p, e.Size)
	}
}

// settle counts the folders, as far as they were not counted before.
func (n *names) settle() error {
	for p, f := range n.in {
		switch {
		case n.err != nil:
			return n.err
		case !f.there:
			f.count(f.space.folder(f.used))
			if !f.made {
				f.space.take(0, 1)
			}
			f.made = true
		case f.used > 0:
			n.err = n.grown(p, f)
		}
	}
	return n.err
}

func (f *folderNeed) count(bytes int64) {
	f.space.take(bytes-f.taken, 0)
	f.taken = bytes
}

// gone gives back a folder that was counted and is removed.
func (n *names) gone(p string) {
	f := n.in[p]
	f.space.take(-f.taken, -1)
	delete(n.in, p)
}

func (n *names) grown(p string, f *folderNeed) error {
	info, err := n.root.Lstat(p)
	if err != nil {
		return err
	}
	list, err := n.root.ReadDir(p)
	if errors.Is(err, fs.ErrPermission) { // closed to its owner; the run opens it
		return nil
	}
	used := int64(0)
	for _, e := range list {
		used += f.space.entry(e.Name())
	}
	f.count(f.space.growth(info.Size(), used, f.used))
	return err
}
