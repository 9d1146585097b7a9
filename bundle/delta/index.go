package delta

import (
	"io"
	"path"
	"slices"

	"packlift/bundle/delta/match"
	"packlift/bundle/delta/zipfile"
)

const (
	alike      = 0.5 // a twin that shares so much is good enough
	leastMarks = 3   // shared marks from which a content is thought related
	leastSize  = 100 // bytes from which that is worth looking at
	manyNamed  = 64  // candidates of one plain name that are looked at
)

// index finds old entries for new ones.
type index struct {
	c        *catalog
	hands    hands
	first    int // item
	byFacts  map[zipfile.Facts][]int64
	byName   map[string][]int64
	byPlain  map[string][]int64
	sketches map[int64]match.Sketch
	marks    map[string]map[uint64][]int64 // by extension
	next     int64                         // the item behind the last twin
}

func newIndex(c *catalog, h hands, first int) *index {
	x := &index{c: c, hands: h, first: first, next: int64(first), byFacts: map[zipfile.Facts][]int64{}, byName: map[string][]int64{}, sketches: map[int64]match.Sketch{}, marks: map[string]map[uint64][]int64{}}
	for i := first; i < len(c.items); i++ {
		if e := c.items[i].entry; e != nil {
			n := int64(i)
			x.byFacts[e.Facts] = append(x.byFacts[e.Facts], n)
			x.byName[e.CentralName] = append(x.byName[e.CentralName], n)
		}
	}
	return x
}

// like gives the items that say the same of their content, the same name first.
func (x *index) like(e *zipfile.Entry) []int64 {
	all := x.byFacts[e.Facts]
	for i, n := range all {
		if i > 0 && x.c.items[n].entry.CentralName == e.CentralName {
			return append([]int64{n}, all...)
		}
	}
	return all[:min(len(all), manyNamed)]
}

// named gives the twin of an entry by its name: same if that has it, else the
// nearest one behind the last twin, else one whose name differs by versions alone.
func (x *index) named(e *zipfile.Entry, same int64) int64 {
	if same >= 0 && x.c.items[same].entry.CentralName == e.CentralName {
		x.next = same + 1
		return same
	}
	all := x.byName[e.CentralName]
	if len(all) == 0 {
		return same
	}
	at, _ := slices.BinarySearch(all, x.next)
	if at == len(all) {
		at = 0
	}
	x.next = all[at] + 1
	return all[at]
}

// sources gives the items from which a content is best told.
func (x *index) sources(e *zipfile.Entry, s *seen, twin int64) []int64 {
	if twin < 0 {
		if all := x.plain(e.CentralName); len(all) == 1 {
			twin = all[0]
		}
	}
	if len(s.content) < leastSize {
		if twin < 0 {
			return nil
		}
		return []int64{twin}
	}
	sketch := s.sketch
	if twin >= 0 && match.Alike(sketch, x.sketch(twin)) >= alike {
		return []int64{twin}
	}
	best := x.related(e, sketch)
	switch {
	case best < 0 && twin < 0:
		return nil
	case best < 0 || best == twin:
		return []int64{twin}
	case twin < 0 || match.Alike(sketch, x.sketch(twin)) < match.Alike(sketch, x.sketch(best))/4:
		return []int64{best}
	}
	return []int64{best, twin}
}

// plain gives the items whose names differ by numbers alone.
func (x *index) plain(name string) []int64 {
	if x.byPlain == nil {
		x.byPlain = map[string][]int64{}
		for i := x.first; i < len(x.c.items); i++ {
			if e := x.c.items[i].entry; e != nil {
				p := match.Plain(e.CentralName)
				x.byPlain[p] = append(x.byPlain[p], int64(i))
			}
		}
	}
	return x.byPlain[match.Plain(name)]
}

// related finds the item of the same extension with the most marks in common.
func (x *index) related(e *zipfile.Entry, sketch match.Sketch) int64 {
	group := x.group(path.Ext(e.CentralName))
	votes := map[int64]int{}
	for _, m := range sketch {
		for _, n := range group[m] {
			votes[n]++
		}
	}
	best, most := int64(-1), leastMarks-1
	for n, v := range votes {
		if v > most || v == most && best >= 0 && n < best {
			best, most = n, v
		}
	}
	return best
}

// group is where the marks of all items of one extension occur; marks that
// occur everywhere are left out.
func (x *index) group(ext string) map[uint64][]int64 {
	if g, ok := x.marks[ext]; ok {
		return g
	}
	var members []int64
	for i := x.first; i < len(x.c.items); i++ {
		if e := x.c.items[i].entry; e != nil && path.Ext(e.CentralName) == ext && e.Plain >= leastSize {
			members = append(members, int64(i))
		}
	}
	x.sketchAll(members)
	g := map[uint64][]int64{}
	for _, n := range members {
		for _, m := range x.sketch(n) {
			if len(g[m]) < manyNamed {
				g[m] = append(g[m], n)
			}
		}
	}
	x.marks[ext] = g
	return g
}

// sketch is an item's, empty where it cannot be read.
func (x *index) sketch(n int64) match.Sketch {
	if s, ok := x.sketches[n]; ok {
		return s
	}
	s := x.sketchOf(&x.hands[0].inflater, n)
	x.sketches[n] = s
	return s
}

// sketchAll makes the sketches of many.
func (x *index) sketchAll(items []int64) {
	items = slices.DeleteFunc(slices.Clone(items), func(n int64) bool { _, known := x.sketches[n]; return known })
	for len(items) > 0 {
		row := items[:rowOf(len(items), rowBytes, func(i int) int64 { return max(0, min(x.c.items[items[i]].plain, MaxInside)) })]
		made := make([]match.Sketch, len(row))
		x.hands.each(len(row), func(h *hand, i int) { made[i] = x.sketchOf(&h.inflater, row[i]) })
		for i, n := range row {
			x.sketches[n] = made[i]
		}
		items = items[len(row):]
	}
}

func (x *index) sketchOf(f *inflater, n int64) match.Sketch {
	t := &x.c.items[n]
	if t.plain > MaxInside || t.packed && t.plain > MaxMemory-x.c.used {
		return nil
	}
	if t.packed {
		p, err := f.inflate(t)
		if err != nil {
			return nil
		}
		return match.Of(p)
	}
	p, err := whole(io.NewSectionReader(t.in, t.off, t.length), t.plain)
	if err != nil {
		return nil
	}
	return match.Of(p)
}
