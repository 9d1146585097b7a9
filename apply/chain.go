package apply

import (
	"context"
	"slices"

	"packlift/internal/fault"
	"packlift/internal/manifest"
	"packlift/internal/rootfs"
)

// chain finds out how the contents that a run stages are made: a delta from
// files of this site, or from contents that deltas further to the front make. A
// bundle with levels between has such, for a site that does not stand on the
// level before.
type chain struct {
	*contentIndex
	find    func(ctx context.Context, digests []manifest.Digest, target bool) (map[manifest.Digest]string, error)
	disk    map[manifest.Digest]string // bases that were looked for here: where they are, "" for nowhere
	held    map[manifest.Digest]string // contents of the target likewise
	staged  []bool                     // of the items: what the run stages
	visited []bool                     // deltas that are to be made
	can     []bool                     // of them those that can
}

// findWays fills in where bases are and how what is not here is made, and as
// conflicts the files whose loss keeps a content from being made.
func (pl *Plan) findWays(ctx context.Context, root *rootfs.Root, base *manifest.Manifest, contents *contentIndex, jobs int) error {
	f := &finder{root: root, known: pl.hashed, cache: pl.cache, jobs: jobs}
	n := len(contents.items)
	c := &chain{contentIndex: contents, disk: map[manifest.Digest]string{}, held: map[manifest.Digest]string{}, visited: make([]bool, n), can: make([]bool, n)}
	c.staged = pl.stagedContents(contents)
	c.find = func(ctx context.Context, digests []manifest.Digest, target bool) (map[manifest.Digest]string, error) {
		if target {
			return f.find(ctx, digests, base, pl.target)
		}
		return f.find(ctx, digests, base)
	}
	var first []int
	for i, staged := range c.staged {
		if staged && c.items[i].Delta {
			first = append(first, i)
		}
	}
	if err := c.look(ctx, first); err != nil {
		return err
	}
	c.decide()
	pl.ways, pl.held, pl.bases = c, c.held, c.disk
	for _, i := range first {
		if c.held[c.items[i].SHA256] == "" && !c.can[i] {
			if err := pl.lost(c.whyNot(i), base); err != nil {
				return err
			}
		}
	}
	return nil
}

// stagedContents says of each content whether the run puts it into its stage.
func (pl *Plan) stagedContents(contents *contentIndex) []bool {
	out := make([]bool, len(contents.items))
	for i := range pl.ops {
		if o := &pl.ops[i]; o.needsNew() && !o.split && o.own == nil {
			if n, ok := contents.at(o.After.SHA256); ok {
				out[n] = true
			}
		}
	}
	return out
}

// look looks for the bases of deltas here, and for those that are not here at
// the deltas that make them. A content of the target that lacks a base is looked
// for itself before.
func (c *chain) look(ctx context.Context, deltas []int) error {
	for target := true; len(deltas) > 0; target = false {
		var bases []manifest.Digest
		for _, i := range deltas {
			c.visited[i] = true
			bases = append(bases, c.items[i].Bases...)
		}
		if err := c.add(ctx, c.disk, bases, false); err != nil {
			return err
		}
		lacking := c.lacking(deltas)
		if target {
			var own []manifest.Digest
			for _, i := range lacking {
				own = append(own, c.items[i].SHA256)
			}
			if err := c.add(ctx, c.held, own, true); err != nil {
				return err
			}
		}
		deltas = c.before(lacking)
	}
	return nil
}

// add looks for contents that were not looked for yet.
func (c *chain) add(ctx context.Context, to map[manifest.Digest]string, digests []manifest.Digest, target bool) error {
	var fresh []manifest.Digest
	for _, d := range digests {
		if _, ok := to[d]; !ok {
			fresh = append(fresh, d)
		}
	}
	if len(fresh) == 0 {
		return nil
	}
	found, err := c.find(ctx, fresh, target)
	for d, p := range found {
		to[d] = p
	}
	return err
}

func (c *chain) lacking(deltas []int) (out []int) {
	for _, i := range deltas {
		for _, d := range c.items[i].Bases {
			if c.disk[d] == "" {
				out = append(out, i)
				break
			}
		}
	}
	return out
}

// before gives the deltas that make what the given ones lack and that were not
// looked at yet.
func (c *chain) before(deltas []int) (out []int) {
	for _, i := range deltas {
		if c.held[c.items[i].SHA256] != "" {
			continue
		}
		for _, d := range c.items[i].Bases {
			if n, ok := c.maker(i, d); ok && c.disk[d] == "" && c.items[n].Delta && !c.visited[n] {
				c.visited[n] = true
				out = append(out, n)
			}
		}
	}
	return out
}

// maker is the item that gives the base d of item i; it stands before it.
func (c *chain) maker(i int, d manifest.Digest) (int, bool) {
	n, ok := c.at(d)
	return n, ok && n < i
}

// decide finds out which of the deltas can be made. What an item is told from
// stands before it.
func (c *chain) decide() {
	for i := range c.items {
		if c.visited[i] {
			_, c.can[i] = c.missing(i)
			c.can[i] = !c.can[i]
		}
	}
}

// missing is the first base of item i that is neither here nor can be made.
func (c *chain) missing(i int) (manifest.Digest, bool) {
	for _, d := range c.items[i].Bases {
		if n, ok := c.maker(i, d); c.disk[d] == "" && c.held[d] == "" && !(ok && (!c.items[n].Delta || c.can[n])) {
			return d, true
		}
	}
	return manifest.Digest{}, false
}

// whyNot lists the contents at the root of why item i cannot be made: itself,
// the base that is missing, what that one's delta misses, and so on.
func (c *chain) whyNot(i int) []manifest.Digest {
	out := []manifest.Digest{c.items[i].SHA256}
	for ok := true; ok; {
		var d manifest.Digest
		if d, ok = c.missing(i); ok {
			out = append(out, d)
			i, ok = c.maker(i, d)
		}
	}
	return out
}

// lost is a conflict about the file whose content is missing: of those that led
// to it the last that the installed level has.
func (pl *Plan) lost(why []manifest.Digest, base *manifest.Manifest) error {
	for _, d := range slices.Backward(why) {
		if paths := pathsOf(base, d); len(paths) > 0 {
			pl.baseConflict(paths, pathsOf(pl.target, why[0])[0])
			return nil
		}
	}
	return fault.New(fault.Tampered, "the bundle tells the content %s from %s, which it does not bring and level %s has not", why[0], why[len(why)-1], levelName(pl.From))
}

// onTheWay is what the run makes beside what it stages, as far as that is not
// staged ahead.
func (pl *Plan) onTheWay() []manifest.Blob {
	if pl.ways == nil {
		return nil
	}
	want := slices.Clone(pl.ways.staged)
	for i := range pl.ops {
		if o := &pl.ops[i]; pl.lying[o.Path] {
			if n, ok := pl.ways.at(o.After.SHA256); ok {
				want[n] = false
			}
		}
	}
	var deltas []int
	for i, wanted := range want {
		if wanted && pl.ways.items[i].Delta {
			deltas = append(deltas, i)
		}
	}
	list, _ := pl.ways.onTheWay(deltas)
	return list
}

// appendDelta adds the item with the digest d, if it is a delta.
func (c *chain) appendDelta(list []int, d manifest.Digest) []int {
	if c == nil {
		return list
	}
	if i, ok := c.at(d); ok && c.items[i].Delta {
		list = append(list, i)
	}
	return list
}

// onTheWay walks back from deltas that are to be made. It gives the contents that
// have to be made for them and that the run does not stage, and which of all these
// others are told from.
func (c *chain) onTheWay(want []int) (scratch []manifest.Blob, bases map[manifest.Digest]bool) {
	bases = map[manifest.Digest]bool{}
	if c == nil {
		return nil, bases
	}
	slices.Sort(want)
	for len(want) > 0 {
		i := want[0]
		if want = want[1:]; !c.items[i].Delta || c.held[c.items[i].SHA256] != "" {
			continue
		}
		for _, d := range c.items[i].Bases {
			if c.disk[d] != "" || c.held[d] != "" || bases[d] {
				continue
			}
			bases[d] = true
			if n, ok := c.maker(i, d); ok && !c.staged[n] {
				scratch = append(scratch, c.items[n].Blob)
				want = append(want, n)
			}
		}
	}
	return scratch, bases
}
