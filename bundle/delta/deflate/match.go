package deflate

import (
	"encoding/binary"
	"math/bits"
)

// fill moves input into the window, which slides by half when it is used up.
func (w *Writer) fill() {
	for {
		if w.at >= windowSize+maxDist {
			copy(w.window[:windowSize], w.window[windowSize:2*windowSize])
			w.matchAt -= windowSize
			w.at -= windowSize
			w.blockStart -= windowSize
			slide(w.head)
			slide(w.prev[:])
		}
		if len(w.in) == 0 {
			return
		}
		n := copy(w.window[w.at+w.ahead:2*windowSize], w.in)
		w.in = w.in[n:]
		w.ahead += n
		if w.ahead >= minMatch {
			w.startHash()
		}
		if w.ahead >= minLookahead || len(w.in) == 0 {
			return
		}
	}
}

func (w *Writer) startHash() {
	w.hash = (uint(w.window[w.at])<<w.shift ^ uint(w.window[w.at+1])) & w.mask
}

func slide(p []uint16) {
	for i, v := range p {
		p[i] = v - min(v, windowSize)
	}
}

// insert puts the string at a position into the hash table and returns the one
// before it with the same hash, 0 for none.
func (w *Writer) insert(at int) int {
	w.hash = (w.hash<<w.shift ^ uint(w.window[at+minMatch-1])) & w.mask
	head := w.head[w.hash]
	w.prev[at&windowMask] = head
	w.head[w.hash] = uint16(at)
	return int(head)
}

// need reports whether the search can go on: more input, or the end.
func (w *Writer) need(end bool) bool {
	if w.ahead < minLookahead {
		w.fill()
		if w.ahead < minLookahead && !end || w.ahead == 0 {
			return false
		}
	}
	return w.err == nil
}

func (w *Writer) runLazy(end bool) {
	for w.need(end) {
		head := 0
		if w.ahead >= minMatch {
			head = w.insert(w.at)
		}
		w.prevLen, w.prevAt = w.matchLen, w.matchAt
		w.matchLen = minMatch - 1
		if head != 0 && w.prevLen < w.lazy && w.at-head <= maxDist {
			w.matchLen = w.longest(head)
			if w.matchLen == minMatch && w.at-w.matchAt > tooFar {
				w.matchLen = minMatch - 1
			}
		}
		switch {
		case w.prevLen >= minMatch && w.matchLen <= w.prevLen:
			w.takeLast()
		case w.pending:
			if w.literal(w.window[w.at-1]) {
				w.flush(false)
			}
			w.at++
			w.ahead--
		default:
			w.pending = true
			w.at++
			w.ahead--
		}
	}
}

// takeLast writes the match found one byte ago: this one is no better.
func (w *Writer) takeLast() {
	most := w.at + w.ahead - minMatch
	full := w.match(w.at-1-w.prevAt, w.prevLen)
	w.ahead -= w.prevLen - 1
	for range w.prevLen - 2 {
		w.at++
		if w.at <= most {
			w.insert(w.at)
		}
	}
	w.prevLen, w.pending, w.matchLen = 0, false, minMatch-1
	w.at++
	if full {
		w.flush(false)
	}
}

func (w *Writer) runFast(end bool) {
	for w.need(end) {
		head := 0
		if w.ahead >= minMatch {
			head = w.insert(w.at)
		}
		if head != 0 && w.at-head <= maxDist {
			w.matchLen = w.longest(head)
		}
		var full bool
		if w.matchLen >= minMatch {
			full = w.match(w.at-w.matchAt, w.matchLen)
			w.passMatch()
		} else {
			full = w.literal(w.window[w.at])
			w.at++
			w.ahead--
		}
		if full {
			w.flush(false)
		}
	}
}

// passMatch steps over a match; the strings in a short one go into the table.
func (w *Writer) passMatch() {
	w.ahead -= w.matchLen
	if w.matchLen <= w.lazy && w.ahead >= minMatch {
		for range w.matchLen - 1 {
			w.at++
			w.insert(w.at)
		}
		w.at++
	} else {
		w.at += w.matchLen
		w.startHash()
	}
	w.matchLen = 0
}

// longest looks along the chain for a match longer than prevLen and returns
// the best length; where it lies is left in matchAt.
func (w *Writer) longest(cur int) int {
	chain, best, nice := w.chain, w.prevLen, min(w.nice, w.ahead)
	if w.prevLen >= w.good {
		chain >>= 2
	}
	limit := max(w.at-maxDist, 0)
	window, prev := w.window[:], &w.prev
	scan := window[w.at : w.at+maxMatch]
	front := binary.LittleEndian.Uint16(scan)
	ends := binary.LittleEndian.Uint16(window[w.at+best-1:])
	for {
		if binary.LittleEndian.Uint16(window[cur+best-1:]) == ends && binary.LittleEndian.Uint16(window[cur:]) == front {
			if n := same(scan, window[cur:cur+maxMatch]); n > best {
				w.matchAt, best = cur, n
				if n >= nice {
					break
				}
				ends = binary.LittleEndian.Uint16(window[w.at+best-1:])
			}
		}
		chain--
		if cur = int(prev[cur&windowMask]); cur <= limit || chain == 0 {
			break
		}
	}
	return min(best, w.ahead)
}

func same(a, b []byte) int {
	i := 0
	for ; i+8 <= len(a) && i+8 <= len(b); i += 8 {
		if d := binary.LittleEndian.Uint64(a[i:]) ^ binary.LittleEndian.Uint64(b[i:]); d != 0 {
			return i + bits.TrailingZeros64(d)>>3
		}
	}
	for i < len(a) && i < len(b) && a[i] == b[i] {
		i++
	}
	return i
}
