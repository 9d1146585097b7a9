package apply

import (
	"packlift/internal/count"
	"packlift/internal/fault"
	"packlift/internal/rootfs"
)

// Space is what a run takes on one file system at its peak, and what is free
// there, in bytes and inodes. Dir is a folder on it. On tmpfs and ext4 Need is
// what the run really takes, to a few blocks; on others it is not less.
type Space struct {
	Dir        string `json:"dir"`
	Need       uint64 `json:"need"`
	Free       uint64 `json:"free"`
	NeedInodes uint64 `json:"need_inodes"`
	FreeInodes uint64 `json:"free_inodes"`

	costs
	bytes, inodes int64  // taken at this point of the run
	large         int64  // bytes of the files that may need more extents than an inode holds
	backup        uint64 // bytes of Need that a backup elsewhere would spare
}

// CheckSpace returns fault.NoSpace with the numbers if any file system has not
// what the run needs, or the process may not write files that long.
func (pl *Plan) CheckSpace() error {
	if limit := rootfs.FileLimit(); uint64(pl.largest.size) > limit {
		return fault.New(fault.NoSpace, "%q needs a file of %d bytes, and this process may write %d", pl.largest.path, pl.largest.size, limit).
			WithHint(raiseLimit)
	}
	for _, s := range pl.Space {
		if s.Need > s.Free {
			return fault.New(fault.NoSpace, "%s: %d bytes are needed, %d are free", s.Dir, s.Need, s.Free).
				WithHint("free %d bytes more%s", s.Need-s.Free, s.elsewhere())
		}
		if s.NeedInodes > s.FreeInodes {
			return fault.New(fault.NoSpace, "%s: %d inodes are needed, %d are free", s.Dir, s.NeedInodes, s.FreeInodes).
				WithHint("remove %s more that %s not needed, of any size", count.Of(int(s.NeedInodes-s.FreeInodes), "file"), count.Verb(int(s.NeedInodes-s.FreeInodes), "is", "are"))
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

// take counts what comes to lie there at this point of the run; less than 0 is
// given back.
func (s *Space) take(bytes, inodes int64) {
	s.bytes, s.inodes = s.bytes+bytes, s.inodes+inodes
	s.Need = max(s.Need, uint64(max(s.bytes, 0)))
	s.NeedInodes = max(s.NeedInodes, uint64(max(s.inodes, 0)))
}

func (s *Space) addFile(size int64) {
	s.take(s.file(size), 1)
	if size > inodeExtents*s.block {
		s.large += size
	}
}

func (s *Space) addLink(target string) { s.take(s.link(target), 1) }

// replace is a file that is written beside an older one of that size, which then
// goes; -1: there is none.
func (s *Space) replace(old, size int64) {
	s.addFile(size)
	if old >= 0 {
		s.take(-s.file(old), -1)
	}
}

// grow is a file that is added to.
func (s *Space) grow(old, more int64) { s.take(s.round(old+more)-s.round(old), 0) }

// meter adds up the needs of file systems, told apart by device number.
type meter struct {
	spaces []*Space
	index  map[uint64]*Space
}

func newMeter() *meter { return &meter{index: map[uint64]*Space{}} }

func (m *meter) space(root *rootfs.Root, name string) (*Space, error) {
	dev, err := root.Device(name)
	if err != nil {
		return nil, err
	}
	if s := m.index[dev]; s != nil {
		return s, nil
	}
	free, err := root.Free(name)
	if err != nil {
		return nil, err
	}
	s := &Space{Dir: root.Full(name), Free: free.Bytes, FreeInodes: free.Inodes, costs: costs{free.Kind, max(free.Block, 1)}}
	s.take(s.once(), 0)
	m.index[dev] = s
	m.spaces = append(m.spaces, s)
	return s, nil
}

func (m *meter) list() []Space {
	out := make([]Space, len(m.spaces))
	for i, s := range m.spaces {
		out[i] = *s
		out[i].Need += uint64(s.scattered(s.large))
	}
	return out
}

// levelName prints a level; -1 is a pack that holds nothing yet.
func levelName(n int) string {
	if n < 0 {
		return "none"
	}
	return itoa(n)
}
