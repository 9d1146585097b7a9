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
			slide(w.prev[:])
			if w.deep {
				w.chains.slide(w.mask)
			} else {
				slide(w.head[:w.mask+1])
			}
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
	w.hash = (w.hash<<(w.shift&31) ^ uint(w.window[at+minMatch-1])) & w.mask & placeMask
	head := w.head[w.hash]
	w.prev[at&windowMask] = head
	w.head[w.hash] = uint16(at)
	return int(head)
}

// word is the four bytes at a place of the window.
func (w *Writer) word(at int) uint32 { return binary.LittleEndian.Uint32(w.window[at&placeMask:]) }

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
	for w.ahead >= minLookahead && w.err == nil || w.need(end) {
		head := 0
		switch {
		case w.ahead < minMatch:
		case w.deep:
			head = w.insertDeep(w.at)
		default:
			head = w.insert(w.at)
		}
		w.prevLen, w.prevAt = w.matchLen, w.matchAt
		w.matchLen = minMatch - 1
		if head != 0 && w.prevLen < w.lazy && w.at-head <= maxDist {
			w.search(head)
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

// search looks for a longer match than the last one.
func (w *Writer) search(head int) {
	if w.deep {
		w.matchLen = w.deepest(head)
	} else {
		w.matchLen = w.longest(head)
	}
	if w.matchLen == minMatch && w.at-w.matchAt > tooFar {
		w.matchLen = minMatch - 1
	}
}

// takeLast writes the match found one byte ago: this one is no better.
func (w *Writer) takeLast() {
	most := w.at + w.ahead - minMatch
	full := w.match(w.at-1-w.prevAt, w.prevLen)
	w.ahead -= w.prevLen - 1
	w.insertUpto(min(w.at+w.prevLen-2, most))
	w.at += w.prevLen - 2
	w.prevLen, w.pending, w.matchLen = 0, false, minMatch-1
	w.at++
	if full {
		w.flush(false)
	}
}

// insertUpto inserts the strings behind the current one.
func (w *Writer) insertUpto(last int) {
	if w.deep {
		for at := w.at + 1; at <= last; at++ {
			w.insertDeep(at)
		}
		return
	}
	for at := w.at + 1; at <= last; at++ {
		w.insert(at)
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
	chain, best, nice := w.limits()
	most, limit := chain, max(w.at-maxDist, 0)
	first := w.word(w.at) << 8
	last := w.word(w.at + best - minMatch)
	for {
		if best >= minMatch && w.word(cur+best-minMatch) == last || best < minMatch && w.word(cur)<<8 == first {
			if n := w.same(w.at, cur); n > best {
				w.matchAt, best = cur, n
				if n >= nice {
					break
				}
				last = w.word(w.at + best - minMatch)
			}
		}
		chain--
		if cur = int(w.prev[cur&windowMask]); cur <= limit || chain == 0 {
			break
		}
	}
	w.looked(most - chain)
	return min(best, w.ahead)
}

// limits are how many strings are looked at, how many bytes are had already, and
// how many are enough.
func (w *Writer) limits() (chain, best, nice int) {
	chain = w.chain
	if w.prevLen >= w.good {
		chain >>= 2
	}
	return chain, w.prevLen, min(w.nice, w.ahead)
}

// same is how many bytes are the same at two places, at most maxMatch.
func (w *Writer) same(a, b int) int {
	x, y := w.window[a&placeMask:], w.window[b&placeMask:]
	for i := 0; i < maxMatch; i += 8 {
		if d := binary.LittleEndian.Uint64(x[i:]) ^ binary.LittleEndian.Uint64(y[i:]); d != 0 {
			return min(i+bits.TrailingZeros64(d)>>3, maxMatch)
		}
	}
	return maxMatch
}
