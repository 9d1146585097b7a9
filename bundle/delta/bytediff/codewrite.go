package bytediff

import (
	"bytes"
	"slices"

	"packlift/bundle/delta/streams"
)

// leastCode is the size from which an executable is looked into, leastGain how
// many bytes of differences a kind of reference must save.
const (
	leastCode = 4 << 10
	leastGain = 32
)

// Code is a difference of two executables that is planned, not yet written.
type Code struct {
	new, old []byte
	images   [2]image // of old and new
	steps    []step
	kinds    uint64
}

// MakeCode plans the difference of two executables of one machine: their
// addresses are predicted. It is nil where that saves nothing.
func (m *Maker) MakeCode(new, old []byte) *Code {
	if len(new) < leastCode || len(old) < leastCode {
		return nil
	}
	c := &Code{new: new, old: old}
	for i, p := range [][]byte{old, new} {
		c.images[i] = imageOf(bytes.NewReader(p), int64(len(p)))
	}
	if c.images[0].machine != c.images[1].machine || len(c.images[0].regions) == 0 || len(c.images[1].regions) == 0 {
		return nil
	}
	x := matcher{index: newIndex(old, m.memory), new: new}
	x.emit = func(s step) { c.steps = append(c.steps, s.pieces()...) }
	x.match()
	m.memory = x.index
	m.memory.old = nil
	if c.choose(); c.kinds == 0 || len(c.steps) > MaxSteps {
		return nil
	}
	return c
}

// pieces cuts a step so that no part is longer than MaxPiece.
func (s step) pieces() (out []step) {
	for s.copy > MaxPiece {
		out = append(out, step{s.pos, MaxPiece, 0})
		s.pos, s.copy = s.pos+MaxPiece, s.copy-MaxPiece
	}
	for s.insert > MaxPiece {
		out = append(out, step{s.pos, s.copy, MaxPiece})
		s.pos, s.copy, s.insert = s.pos+s.copy, 0, s.insert-MaxPiece
	}
	return append(out, s)
}

// choose tries which kinds of references make the differences fewer.
func (c *Code) choose() {
	groups := [][]uint64{{refPointer8, refPointer4, refOffset4}}
	switch c.images[0].machine {
	case x86:
		groups = append(groups, []uint64{refCalls}, []uint64{refData})
	case arm64:
		groups = append(groups, []uint64{refBranch}, []uint64{refPages})
	}
	plain := c.differ(0)
	for _, g := range groups {
		costs := make([]int, len(g))
		for i, k := range g {
			costs[i] = c.differ(k)
		}
		if best := slices.Min(costs); best+leastGain < plain {
			c.kinds |= g[slices.Index(costs, best)]
		}
	}
}

func (c *Code) mover(kinds uint64) *mover {
	return newMover(c.images[0].regions, c.images[1].regions, places(c.steps), kinds)
}

func places(steps []step) (out []place) {
	at := 0
	for _, s := range steps {
		out = append(out, place{uint64(s.pos), uint64(at), uint64(s.copy)})
		at += s.copy + s.insert
	}
	return out
}

// differ counts the copied bytes that differ from what is predicted.
func (c *Code) differ(kinds uint64) int {
	m, at, n := c.mover(kinds), 0, 0
	var buf []byte
	for _, s := range c.steps {
		buf = append(buf[:0], c.old[s.pos:s.pos+s.copy]...)
		m.predict(buf, uint64(s.pos), uint64(at))
		n += len(buf) - agree(buf, c.new[at:])
		at += s.copy + s.insert
	}
	return n
}

// Write writes what was planned.
func (c *Code) Write(w *streams.Writer) error {
	w.Uint(streams.Control, c.kinds)
	for _, i := range c.images {
		putRegions(w, i.regions)
	}
	w.Uint(streams.Control, uint64(len(c.steps)))
	end := 0
	for i, s := range c.steps {
		if i%markSteps == 0 {
			if err := w.Mark(); err != nil {
				return err
			}
		}
		w.Int(streams.Control, int64(s.pos-end))
		w.Uint(streams.Control, uint64(s.copy))
		w.Uint(streams.Control, uint64(s.insert))
		end = s.pos + s.copy
	}
	e, m, at := &encoder{w: w}, c.mover(c.kinds), 0
	for _, s := range c.steps {
		if err := w.Mark(); err != nil {
			return err
		}
		buf := slices.Clone(c.old[s.pos : s.pos+s.copy])
		m.predict(buf, uint64(s.pos), uint64(at))
		e.diff(buf, c.new[at:at+s.copy])
		w.Bytes(streams.Extra, c.new[at+s.copy:at+s.copy+s.insert])
		at += s.copy + s.insert
	}
	return nil
}

func putRegions(w *streams.Writer, all []Region) {
	w.Uint(streams.Control, uint64(len(all)))
	for _, r := range all {
		for _, v := range []uint64{r.Off, r.Addr, r.Size} {
			w.Uint(streams.Control, v)
		}
		code := uint64(0)
		if r.Code {
			code = 1
		}
		w.Uint(streams.Control, code)
	}
}
