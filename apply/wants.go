package apply

import (
	"bytes"
	"slices"
	"sort"

	"packlift/internal/manifest"
)

// wants are the ops that a content has to be staged for, found by its digest; those
// that share one lie together. Its zero value wants nothing.
type wants struct {
	ops   []*op  // by digest, and in the run's order
	taken []bool // of the first op of each digest: it is not wanted any more
	left  int    // digests that are
}

// wanted are the ops of the plan that need a content of the bundle.
func (t *stager) wanted() *wants {
	w := &wants{ops: make([]*op, 0, len(t.pl.ops))}
	for i := range t.pl.ops {
		if o := &t.pl.ops[i]; o.needsNew() && !o.split && o.own == nil && !t.inPlace(o) {
			w.ops = append(w.ops, o)
		}
	}
	w.sort()
	return w
}

// sort makes ready what was added; it comes before anything is taken.
func (w *wants) sort() {
	slices.SortStableFunc(w.ops, func(a, b *op) int { return compareDigests(a.After.SHA256, b.After.SHA256) })
	w.taken, w.left = make([]bool, len(w.ops)), 0
	for range w.each {
		w.left++
	}
}

// of are the ops that have the content d, wanted or taken.
func (w *wants) of(d manifest.Digest) []*op {
	i, n := w.span(d)
	return w.ops[i : i+n]
}

// span is where the ops of d begin, and how many there are.
func (w *wants) span(d manifest.Digest) (at, n int) {
	at = sort.Search(len(w.ops), func(i int) bool { return compareDigests(w.ops[i].After.SHA256, d) >= 0 })
	for at+n < len(w.ops) && w.ops[at+n].After.SHA256 == d {
		n++
	}
	return at, n
}

// take gives the ops of d and wants it no more; none where it is not wanted.
func (w *wants) take(d manifest.Digest) []*op {
	i, n := w.span(d)
	if n == 0 || w.taken[i] {
		return nil
	}
	w.taken[i] = true
	w.left--
	return w.ops[i : i+n]
}

// each yields the ops of each digest that is wanted still.
func (w *wants) each(yield func([]*op) bool) {
	for i := 0; i < len(w.ops); {
		n := 1
		for i+n < len(w.ops) && w.ops[i+n].After.SHA256 == w.ops[i].After.SHA256 {
			n++
		}
		if !w.taken[i] && !yield(w.ops[i:i+n]) {
			return
		}
		i += n
	}
}

func compareDigests(a, b manifest.Digest) int { return bytes.Compare(a[:], b[:]) }
