package merge

import (
	"bytes"
	"slices"
	"strings"
)

// Reason says why two texts could not be merged.
type Reason string

// Why Text gives no result. Overlap: both sides changed the same lines, or lines that touch.
const (
	Overlap   Reason = "both sides changed the same lines"
	NotText   Reason = "it is no text"
	Encodings Reason = "the encodings do not go together"
)

// Text merges ours and theirs, which were both made from base. Where it cannot,
// the result is nil and the reason is told; an empty one means success.
func Text(base, ours, theirs []byte) ([]byte, Reason) {
	for _, b := range [][]byte{base, ours, theirs} {
		if !IsText(b) {
			return nil, NotText
		}
	}
	if out, ok := pickBytes(base, ours, theirs); ok {
		return append([]byte{}, out...), ""
	}
	return mergeTexts(parse(base), parse(ours), parse(theirs))
}

func pickBytes(base, ours, theirs []byte) ([]byte, bool) {
	switch {
	case bytes.Equal(ours, theirs) || bytes.Equal(theirs, base):
		return ours, true
	case bytes.Equal(ours, base):
		return theirs, true
	}
	return nil, false
}

func mergeTexts(base, ours, theirs text) ([]byte, Reason) {
	if !compatible(&base, &ours, &theirs) {
		return nil, Encodings
	}
	level(&base, &ours, &theirs)
	f, ok := formOf(&base, &ours, &theirs)
	if !ok {
		return nil, Encodings
	}
	lines, ok := mergeLines(split(base.body), split(ours.body), split(theirs.body))
	if !ok {
		return nil, Overlap
	}
	out := f.render(strings.Join(lines, ""))
	if !IsText(out) {
		return nil, NotText // too long
	}
	return out, ""
}

// split cuts a text behind each line feed.
func split(s string) []string {
	lines := strings.SplitAfter(s, "\n")
	if lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	return lines
}

// side is one of the two sides as it differs from the base.
type side struct {
	lines []string
	ids   []int32
	hunks []hunk
}

// take gives the hunks that touch base lines up to end, and where they end.
func (s *side) take(end int) (out []hunk, to int) {
	to = end
	for len(s.hunks) > 0 && s.hunks[0].from <= to {
		to = max(to, s.hunks[0].to)
		out, s.hunks = append(out, s.hunks[0]), s.hunks[1:]
	}
	return out, to
}

func mergeLines(base, ours, theirs []string) (out []string, ok bool) {
	ids := map[string]int32{}
	from := number(ids, base)
	sides := [2]*side{{lines: ours, ids: number(ids, ours)}, {lines: theirs, ids: number(ids, theirs)}}
	for _, s := range sides {
		s.hunks = compare(from, s.ids)
	}
	at := 0
	for {
		start, more := first(sides)
		if !more {
			return append(out, base[at:]...), true
		}
		out = append(out, base[at:start]...)
		r := takeRegion(sides, start)
		lines, ok := r.resolve(sides)
		if !ok {
			return nil, false
		}
		out, at = append(out, lines...), r.to
	}
}

func number(ids map[string]int32, lines []string) []int32 {
	out := make([]int32, len(lines))
	for i, l := range lines {
		id, ok := ids[l]
		if !ok {
			id = int32(len(ids))
			ids[l] = id
		}
		out[i] = id
	}
	return out
}

// first is the base line at which the next change begins.
func first(sides [2]*side) (at int, more bool) {
	for _, s := range sides {
		if len(s.hunks) > 0 && (!more || s.hunks[0].from < at) {
			at, more = s.hunks[0].from, true
		}
	}
	return at, more
}

// region is a part of the base in which the changes of the sides touch.
type region struct {
	from, to int
	hunks    [2][]hunk
}

func takeRegion(sides [2]*side, start int) region {
	r := region{from: start, to: start}
	for grown := true; grown; {
		grown = false
		for i, s := range sides {
			more, to := s.take(r.to)
			r.hunks[i], r.to = append(r.hunks[i], more...), to
			grown = grown || len(more) > 0
		}
	}
	return r
}

func (r *region) resolve(sides [2]*side) ([]string, bool) {
	switch {
	case len(r.hunks[1]) == 0:
		return r.of(0, sides), true
	case len(r.hunks[0]) == 0:
		return r.of(1, sides), true
	}
	ours, theirs := r.of(0, sides), r.of(1, sides)
	return ours, slices.Equal(ours, theirs)
}

// of is what side i has in the place of the region.
func (r *region) of(i int, sides [2]*side) []string {
	h := r.hunks[i]
	a, z := h[0], h[len(h)-1]
	return sides[i].lines[a.start-(a.from-r.from) : z.end+(r.to-z.to)]
}
