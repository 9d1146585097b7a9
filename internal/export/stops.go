package export

import (
	"fmt"
	"path/filepath"

	"packlift/bundle"
	"packlift/internal/fault"
	"packlift/internal/manifest"
)

// Stop is a level and the tree that holds it: a folder or an archive.
type Stop struct {
	Level int
	Tree  string
}

// stop is a level that the bundle carries, scanned.
type stop struct {
	level    int
	name     string // of the tree, for people
	tree     source
	manifest *manifest.Manifest
}

// at is a path of the tree as a person finds it.
func (s *stop) at(path string) string { return filepath.Join(s.name, filepath.FromSlash(path)) }

// wanted lists the stops of the bundle: start, if there is one, between, end.
func (o *CreateOptions) wanted() []Stop {
	var out []Stop
	if o.From != "" {
		out = append(out, Stop{o.Start, o.From})
	}
	return append(append(out, o.Between...), Stop{o.End, o.To})
}

func (o *CreateOptions) checkBetween() error {
	if len(o.Between) > 0 && o.From == "" {
		return fault.New(fault.Usage, "a full bundle has no levels between").WithHint("give the tree of the first level with --from")
	}
	if len(o.Between) > bundle.MaxBetween {
		return fault.New(fault.Usage, "%d levels between are too many, the most is %d", len(o.Between), bundle.MaxBetween)
	}
	last := o.Start
	for _, s := range o.Between {
		if s.Level <= last || s.Level >= o.End {
			return fault.New(fault.Usage, "level %d is not between %d and %d", s.Level, last, o.End).
				WithHint("give each level between --start-level and --end-level once, the lowest first")
		}
		last = s.Level
	}
	return nil
}

func (o *CreateOptions) checkAdvisories() error {
	least, total := o.Start+1, 0
	if o.From == "" {
		least = 0
	}
	for _, a := range o.Advisories {
		text, err := a.Marshal()
		if err != nil {
			return fault.New(fault.Usage, "level %d: %w", a.Level, err)
		}
		if a.Level < least || a.Level > o.End {
			return fault.New(fault.Usage, "the advisory of level %d is out of order, or of none of the bundle's levels", a.Level)
		}
		if total += len(text); total > bundle.MaxAdvisoryText {
			return fault.New(fault.Usage, "the advisories have more than %d MiB", bundle.MaxAdvisoryText>>20)
		}
		least = a.Level + 1
	}
	return nil
}

// openStops lists and hashes the tree of every stop.
func (c *creation) openStops() error {
	r := reading{jobs: c.Jobs, progress: c.meter.add}
	for _, w := range c.wanted() {
		tree, err := c.openTree(w, r)
		if err != nil {
			return err
		}
		s := &stop{level: w.Level, name: w.Tree, tree: tree}
		c.stops = append(c.stops, s)
		if s.manifest, err = c.manifestOf(tree, w.Level); err != nil {
			return fmt.Errorf("%s: %w", w.Tree, err)
		}
	}
	return c.checkRoom()
}

// entryMemory is what an entry of a level's list takes, in bytes.
const entryMemory = 200

// lists is the memory that the lists of levels between take.
func (c *creation) lists() (n int64) {
	for _, s := range c.stops[min(1, len(c.stops)):max(1, len(c.stops)-1)] {
		n += int64(len(s.manifest.Entries)) * entryMemory
	}
	return n
}

// room is the memory that is left for deltas and compressors.
func (c *creation) room() int64 { return c.MaxMemory - otherMemory - c.lists() }

func (c *creation) checkRoom() error {
	if c.room() >= bundle.LeastWriteMemory {
		return nil
	}
	least := (LeastMemory+c.lists())>>20 + 1
	return fault.New(fault.Usage, "%d MiB of memory are too few for the lists of %d levels", c.MaxMemory>>20, len(c.stops)).
		WithHint("give --max-memory %dM or more, or carry fewer levels", least)
}

// openTree opens a level of the depot, or a folder or archive.
func (c *creation) openTree(w Stop, r reading) (source, error) {
	if c.View == nil {
		return openSource(c.ctx, w.Tree, r)
	}
	l, ok := c.View.Index.Find(w.Level)
	if !ok {
		return nil, NoLevel(c.View, c.Channel, w.Level)
	}
	return openLevel(c.ctx, c.View, l, c.Held)
}

func (c *creation) manifestOf(s source, level int) (*manifest.Manifest, error) {
	m := &manifest.Manifest{Product: c.Product, Version: c.Version, Level: level, Entries: s.entries()}
	if len(m.Entries) == 0 {
		return nil, fault.New(fault.Usage, "it holds no file of a product").WithHint("give the top folder of the product")
	}
	return m, m.Check()
}

// target is the last stop.
func (c *creation) target() *manifest.Manifest { return c.stops[len(c.stops)-1].manifest }

// base is where an update starts; nil for a full bundle.
func (c *creation) base() *manifest.Manifest {
	if c.From == "" {
		return nil
	}
	return c.stops[0].manifest
}
