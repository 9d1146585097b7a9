package bytediff

import (
	"fmt"
	"io"
	"math"

	"packlift/bundle/delta/streams"
)

const (
	fewLeft  = 8        // where runs leave less than one part in so many, the rest is matched nearby
	slack    = 64 << 10 // bytes of old beside a gap that are looked at
	leastGap = 16 << 10 // shorter contents are matched wholly
	farAway  = 16       // times a gap's length that old may skip there, beside nearby
	nearby   = 256 << 10
)

// MakeAt is Make for contents of any size, within about memory bytes.
func (m *Maker) MakeAt(w *streams.Writer, new io.ReaderAt, newSize int64, old io.ReaderAt, oldSize int64, memory int64) error {
	fits := newSize+5*oldSize <= memory && max(newSize, oldSize) < math.MaxInt32
	if fits && newSize < leastGap {
		return m.wholly(w, new, newSize, old, oldSize)
	}
	runs, err := equalRuns(new, newSize, old, oldSize)
	if err != nil {
		return err
	}
	left := newSize
	for _, r := range runs {
		left -= r.n
	}
	if fits && left > newSize/fewLeft {
		return m.wholly(w, new, newSize, old, oldSize)
	}
	g := &gaps{Maker: m, e: encoder{w: w}, new: new, old: old, oldSize: oldSize, most: max(memory/8, 1<<20), thorough: fits}
	return g.write(append(runs, run{newSize, -1, 0}))
}

func (m *Maker) wholly(w *streams.Writer, new io.ReaderAt, newSize int64, old io.ReaderAt, oldSize int64) error {
	n, err := piece(new, 0, newSize)
	if err != nil {
		return err
	}
	o, err := piece(old, 0, oldSize)
	if err != nil {
		return err
	}
	return m.Make(w, n, o)
}

func piece(r io.ReaderAt, at, n int64) ([]byte, error) {
	p := make([]byte, n)
	return p, readFull(r, p, at)
}

func readFull(r io.ReaderAt, p []byte, at int64) error {
	n, err := r.ReadAt(p, at)
	if n == len(p) {
		return nil
	}
	return fmt.Errorf("bytediff: %w", unexpected(err))
}

// gaps writes known runs, and what stands between them.
type gaps struct {
	*Maker
	e        encoder
	new, old io.ReaderAt
	oldSize  int64
	most     int64 // bytes of one side that are matched at once
	thorough bool  // what old skips is looked at, however much
}

// write takes runs; the last one is where new ends.
func (g *gaps) write(runs []run) error {
	at, from := int64(0), int64(0) // in new, and in old behind the last run
	for _, r := range runs {
		for at < r.new {
			n := min(r.new-at, g.most)
			to := r.old
			if at+n < r.new || r.old < 0 {
				to = -1
			}
			if err := g.gap(at, n, from, to); err != nil {
				return err
			}
			at += n
			from = min(from+n, g.oldSize)
		}
		g.e.same(r.old, r.n)
		if r.n > 0 {
			at, from = r.new+r.n, r.old+r.n
		}
	}
	return g.e.err
}

// gap explains n bytes of new at at by old around from, up to to if that is known.
func (g *gaps) gap(at, n, from, to int64) error {
	new, err := piece(g.new, at, n)
	if err != nil {
		return err
	}
	if to-from == n && n <= slack {
		old, err := piece(g.old, from, n)
		if err != nil {
			return err
		}
		if agree(old, new)*2 >= len(new) {
			g.e.put(from, old, new)
			return g.e.err
		}
	}
	beside := min(slack, 2*n+leastRun)
	if to < from || to-from > g.most-2*beside || !g.thorough && to-from > farAway*n+nearby {
		to = from + min(n, g.most-2*beside) // the next run is elsewhere: all between would be sorted for little
	}
	begin := max(0, from-beside)
	old, err := piece(g.old, begin, max(0, min(to+beside, g.oldSize)-begin))
	if err != nil {
		return err
	}
	g.match(&g.e, new, old, begin)
	return g.e.err
}

func agree(a, b []byte) (n int) {
	for i := range a {
		if a[i] == b[i] {
			n++
		}
	}
	return n
}

// same writes steps that copy n bytes as they are.
func (e *encoder) same(pos, n int64) {
	for e.err == nil && n > 0 {
		k := min(n, MaxPiece)
		e.err = e.w.Mark()
		e.w.Int(streams.Control, pos-e.end)
		e.w.Uint(streams.Control, uint64(k))
		e.w.Uint(streams.Control, 0)
		e.w.Bytes(streams.Diff, []byte{0})
		e.w.Uint(streams.Diff, uint64(k-1))
		pos += k
		e.end = pos
		n -= k
	}
}
