package apply

import (
	"io"
	"path"

	"packlift/internal/fault"
	"packlift/internal/manifest"
	"packlift/internal/pack"
	"packlift/internal/rootfs"
)

// Space is what a run writes on one file system at its peak, and what is free
// there, in bytes and inodes. Dir is a folder on it.
type Space struct {
	Dir        string `json:"dir"`
	Need       uint64 `json:"need"`
	Free       uint64 `json:"free"`
	NeedInodes uint64 `json:"need_inodes"`
	FreeInodes uint64 `json:"free_inodes"`
	block      int64
	backup     uint64 // bytes of Need that a backup elsewhere would spare
}

const (
	spaceMargin  = 256 << 10 // state, floor, audit log, changelog's rounding
	inodeMargin  = 16
	perOpJournal = 420 // an op's line less its names
)

// CheckSpace returns fault.NoSpace with the numbers if any file system has not
// what the run needs.
func (pl *Plan) CheckSpace() error {
	for _, s := range pl.Space {
		if s.Need > s.Free {
			return fault.New(fault.NoSpace, "%s: %d bytes are needed, %d are free", s.Dir, s.Need, s.Free).
				WithHint("free %d bytes more%s", s.Need-s.Free, s.elsewhere())
		}
		if s.NeedInodes > s.FreeInodes {
			return fault.New(fault.NoSpace, "%s: %d inodes are needed, %d are free", s.Dir, s.NeedInodes, s.FreeInodes).
				WithHint("remove files that are not needed any more")
		}
	}
	return nil
}

// elsewhere names --backup where it would help: a backup that is moved in place
// costs nothing, and one whose folder was given is where it was wanted.
func (s *Space) elsewhere() string {
	if s.backup == 0 {
		return ""
	}
	return ", or put the backup elsewhere with --backup DIR"
}

// meter adds up the needs of file systems, told apart by device number.
type meter struct {
	spaces []Space
	index  map[uint64]int
}

func (m *meter) at(root *rootfs.Root, name string) (*Space, error) {
	dev, err := root.Device(name)
	if err != nil {
		return nil, err
	}
	if i, ok := m.index[dev]; ok {
		return &m.spaces[i], nil
	}
	free, err := root.Free(name)
	if err != nil {
		return nil, err
	}
	m.index[dev] = len(m.spaces)
	m.spaces = append(m.spaces, Space{Dir: root.Full(name), Free: free.Bytes, FreeInodes: free.Inodes, block: max(free.Block, 1)})
	return &m.spaces[len(m.spaces)-1], nil
}

func (s *Space) file(size int64) {
	s.Need += uint64((size + s.block - 1) / s.block * s.block)
	s.NeedInodes++
}

// measure fills in Space: staged contents, copies for the backup, folders,
// journal, backup manifest, stored manifest and changelog.
func (pl *Plan) measure(p *pack.Pack) error {
	m := &meter{index: map[uint64]int{}}
	data, err := m.at(p.Root(), dataDir)
	if err != nil {
		return err
	}
	data.Need, data.NeedInodes = spaceMargin, inodeMargin
	if err := pl.measureOps(m, p.Root()); err != nil {
		return err
	}
	if err := pl.measureOutside(m); err != nil {
		return err
	}
	data = &m.spaces[0]
	lines := pl.lineBytes()
	data.file(lines) // journal
	if pl.head.Generation > 0 {
		data.file(lines) // backup.json
	}
	if pl.target != nil {
		if err := data.manifests(pl.base, pl.target); err != nil {
			return err
		}
		data.file(lines / 4) // changelog: names alone
	}
	pl.Space = m.spaces
	return nil
}

func (s *Space) manifests(list ...*manifest.Manifest) error {
	for _, m := range list {
		if m == nil {
			continue
		}
		n, err := m.WriteTo(io.Discard)
		if err != nil {
			return err
		}
		s.file(n)
	}
	return nil
}

func (pl *Plan) measureOps(m *meter, root *rootfs.Root) error {
	trees := map[string]bool{}
	for i := range pl.ops {
		o := &pl.ops[i]
		if o.needsNew() && !(pl.Kind == kindRevert && o.New == treeName(pl.head.Reverts, o.Path)) {
			s, err := m.at(root, parentThere(root, path.Dir(o.New)))
			if err != nil {
				return err
			}
			s.file(o.After.Size)
		}
		if o.makesDir() {
			s, err := m.at(root, parentThere(root, path.Dir(o.Path)))
			if err != nil {
				return err
			}
			s.file(s.block)
		}
		if dir := path.Dir(o.Old); o.Old != "" && !trees[dir] {
			trees[dir] = true
			m.spaces[0].file(m.spaces[0].block)
		}
		if pl.local[o.Path] && isFile(o.Before) {
			before := m.spaces[0].Need
			m.spaces[0].file(o.Before.Size)
			m.spaces[0].backup += m.spaces[0].Need - before
		}
	}
	return nil
}

func (pl *Plan) measureOutside(m *meter) error {
	if pl.outside == "" {
		return nil
	}
	root, closeRoot, err := openNearest(pl.outside)
	if err != nil {
		return err
	}
	defer closeRoot()
	s, err := m.at(root, ".")
	if err != nil {
		return err
	}
	before := s.Need
	for i := range pl.ops {
		if o := &pl.ops[i]; o.movesAway() {
			s.file(max(o.Before.Size, 1))
		} else if o.removesDir() {
			s.file(s.block)
		}
	}
	s.file(pl.lineBytes())
	s.Need += spaceMargin
	if pl.head.Remember == "" { // a remembered folder, not one given now
		s.backup += s.Need - before
	}
	return nil
}

// lineBytes estimates the journal's size; the backup manifest's is the same.
func (pl *Plan) lineBytes() int64 {
	n := int64(4096)
	for i := range pl.ops {
		o := &pl.ops[i]
		n += perOpJournal + int64(len(o.Path)+len(o.New)+len(o.Old))
	}
	return n
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

// levelName prints a level; -1 is a pack that holds nothing yet.
func levelName(n int) string {
	if n < 0 {
		return "none"
	}
	return itoa(n)
}
