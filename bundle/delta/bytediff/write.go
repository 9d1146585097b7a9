package bytediff

import (
	"bytes"

	"packlift/bundle/delta/streams"
)

// encoder writes steps. Its error is streams.Writer's.
type encoder struct {
	w   *streams.Writer
	end int64 // of the last copy, in old
	err error
}

// put writes a step: new is what it makes, old what it copies, from pos.
func (e *encoder) put(pos int64, old, new []byte) {
	for first := true; e.err == nil && (first || len(new) > 0); first = false {
		n := min(len(old), MaxPiece)
		insert := 0
		if n == len(old) {
			insert = min(len(new)-n, MaxPiece)
		}
		e.err = e.w.Mark()
		e.w.Int(streams.Control, pos-e.end)
		e.w.Uint(streams.Control, uint64(n))
		e.w.Uint(streams.Control, uint64(insert))
		e.diff(old[:n], new[:n])
		e.w.Bytes(streams.Extra, new[n:n+insert])
		pos += int64(n)
		e.end = pos
		old, new = old[n:], new[n+insert:]
	}
}

// diff writes new less old.
func (e *encoder) diff(old, new []byte) {
	out := &e.w.Segment[streams.Diff]
	for i := 0; i < len(new); {
		if run := common(old[i:], new[i:]); run > 0 {
			*out = append(*out, 0)
			e.w.Uint(streams.Diff, uint64(run-1))
			i += run
		}
		for ; i < len(new) && old[i] != new[i]; i++ {
			*out = append(*out, new[i]-old[i])
		}
	}
}

// Maker makes differences. It keeps its memory from one to the next, and is for
// one goroutine.
type Maker struct {
	memory index
}

// Make writes the difference of new against old. Both may be empty.
func (m *Maker) Make(w *streams.Writer, new, old []byte) error {
	e := &encoder{w: w}
	m.match(e, new, old, 0)
	return e.err
}

// match explains new by old, which stands at base in the whole old content.
func (m *Maker) match(e *encoder, new, old []byte, base int64) {
	if len(new) == 0 {
		return
	}
	if len(old) == 0 {
		e.put(e.end, nil, new)
		return
	}
	if bytes.Equal(new, old) {
		e.put(base, old, new)
		return
	}
	done := 0
	x := matcher{index: newIndex(old, m.memory), new: new}
	x.emit = func(s step) {
		e.put(base+int64(s.pos), old[s.pos:s.pos+s.copy], new[done:done+s.copy+s.insert])
		done += s.copy + s.insert
	}
	x.match()
	m.memory = x.index
	m.memory.old = nil
}
