package export

import (
	"io"
	"slices"

	"packlift/bundle"
	"packlift/internal/depot"
	"packlift/internal/manifest"
)

// reuse takes what a depot has told already: a delta whose bases a site on the
// step's start has; and of two neighbours, what is told from nothing travels whole.
func (c *creation) reuse() {
	for _, s := range c.steps() {
		to, ok := s.to.tree.(*depotSource)
		if !ok || s.from == nil {
			continue
		}
		there := c.basesOf(s.from.manifest)
		settled := to.neighbour(s.from.level) && len(c.Missing) == 0
		for _, x := range c.payload {
			if x.step != s || x.again || x.text || x.Original {
				continue
			}
			x.settled = settled
			if o := smallest(to.deltas[x.SHA256], there); o != nil {
				x.Delta, x.Bases, x.takes, x.stored, x.settled = true, o.Bases, o.Delta.Size, o, true
			}
		}
	}
}

// basesOf are the contents that every site on the level can be told from.
func (c *creation) basesOf(m *manifest.Manifest) map[manifest.Digest]bool {
	out := map[manifest.Digest]bool{}
	for _, e := range m.Entries {
		if e.Type == manifest.File && !c.Missing[e.SHA256] {
			out[e.SHA256] = true
		}
	}
	return out
}

func smallest(list []*manifest.Object, there map[manifest.Digest]bool) *manifest.Object {
	var best *manifest.Object
	for _, o := range list {
		fits := !slices.ContainsFunc(o.Bases, func(d manifest.Digest) bool { return !there[d] })
		if fits && (best == nil || o.Stored.Size < best.Stored.Size) {
			best = o
		}
	}
	return best
}

// neighbour tells whether publishing this level has told it from that one.
func (s *depotSource) neighbour(level int) bool {
	for _, channel := range []string{depot.FullChannel, s.level.Channel} {
		before := -1
		for _, l := range s.view.Index.Offered(channel) {
			if l.Level < s.level.Level {
				before = l.Level
			}
		}
		if before == level {
			return true
		}
	}
	return false
}

// writeStored passes a delta of the depot on.
func (c *creation) writeStored(w *bundle.PartWriter, x *carried) error {
	r, err := x.to.tree.(*depotSource).view.OpenObject(c.ctx, x.stored)
	if err != nil {
		return err
	}
	defer r.Close()
	return w.Add(bundle.DeltaName(x.SHA256), x.takes, io.Reader(withContext(c.ctx, r)))
}

// fetch brings what the payload is made of from a far depot, several files at a time.
func (c *creation) fetch() error {
	if c.View == nil {
		return nil
	}
	var list []*manifest.Object
	for _, x := range c.payload {
		o := x.stored
		if o == nil && !x.Delta {
			if s := x.stop().tree.(*depotSource); !s.holds(x.path) {
				o = s.whole[x.SHA256]
			}
		}
		if o != nil {
			list = append(list, o)
		}
	}
	return c.View.Fetch(c.ctx, list)
}
