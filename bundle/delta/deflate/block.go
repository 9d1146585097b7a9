package deflate

import (
	"encoding/binary"
	"io"
	"slices"
)

// blocks writes symbols in blocks.
type blocks struct {
	w               io.Writer
	err             error
	lit, dist, lens tree
	heap            heap
	optimal, fixed  int // bits of the block with its own trees, with the fixed ones
	out             []byte
	hold            uint64
	held            uint
}

func newBlocks() blocks {
	return blocks{
		lit:  newTree(litCodes, maxBits, literals+1, extraLength[:], staticLit),
		dist: newTree(distCodes, maxBits, 0, extraDist[:], staticDist),
		lens: newTree(lenCodes, maxLenBits, 0, extraLen[:], nil),
	}
}

func (w *blocks) reset(to io.Writer) {
	w.w, w.err = to, nil
	w.out, w.hold, w.held = w.out[:0], 0, 0
}

// count counts the symbols of a block, and returns how many plain bytes they are.
func (w *blocks) count(symbols []symbol) int {
	lit, dist := w.lit.freq[:litCodes], w.dist.freq[:distCodes]
	clear(lit)
	clear(dist)
	clear(w.lens.freq)
	lit[endBlock] = 1
	w.optimal, w.fixed = 0, 0
	n := len(symbols)
	for _, s := range symbols {
		if s.dist == 0 {
			lit[s.length]++
			continue
		}
		n += int(s.length) + minMatch - 1
		lit[int(lengthCode[s.length])+literals+1]++
		dist[distCodeOf(s.dist-1)]++
	}
	return n
}

// block writes the symbols that were counted in the cheapest of the three ways. Without
// the plain bytes they are not stored.
func (w *blocks) block(symbols []symbol, plain []byte, last bool) {
	w.build(&w.lit)
	w.build(&w.dist)
	most := w.buildLengths()
	best := (w.optimal + 3 + 7) >> 3
	fixed := (w.fixed + 3 + 7) >> 3
	best = min(best, fixed)
	final := uint64(0)
	if last {
		final = 1
	}
	switch {
	case plain != nil && len(plain)+4 <= best:
		w.bits(final, 3)
		w.store(plain)
	case fixed == best:
		w.bits(1<<1|final, 3)
		w.send(symbols, staticLit, staticDist, w.fixed)
	default:
		w.bits(2<<1|final, 3)
		w.sendTrees(most)
		w.send(symbols, w.lit.codes, w.dist.codes, w.optimal)
	}
	if last {
		w.align()
	}
	w.put()
}

// put hands finished bytes on.
func (w *blocks) put() {
	if w.err == nil && len(w.out) > 0 {
		_, w.err = w.w.Write(w.out)
	}
	w.out = w.out[:0]
}

func (w *blocks) store(p []byte) {
	w.align()
	n := uint16(len(p))
	w.out = append(w.out, byte(n), byte(n>>8), byte(^n), byte(^n>>8))
	w.out = append(w.out, p...)
}

// send writes the symbols of a block, which take most bits at most.
func (w *blocks) send(symbols []symbol, lit, dist []code, most int) {
	w.bits(0, 0)
	lit, dist = lit[:litCodes], dist[:distCodes]
	n := len(w.out)
	w.out = slices.Grow(w.out, most/8+16)
	out, hold, held := w.out[:cap(w.out)], w.hold, w.held
	for _, s := range symbols {
		var c code
		if s.dist == 0 {
			c = lit[s.length]
			hold |= uint64(c.bits) << (held & 63)
			held += uint(c.len)
		} else {
			k := lengthCode[s.length]
			c = lit[int(k)+literals+1]
			hold |= (uint64(c.bits) | uint64(uint16(s.length)-baseLength[k])<<(c.len&63)) << (held & 63)
			held += uint(c.len + extraLength[k])
			d := s.dist - 1
			k = distCodeOf(d)
			c = dist[k]
			hold |= (uint64(c.bits) | uint64(d-baseDist[k])<<(c.len&63)) << (held & 63)
			held += uint(c.len + extraDist[k])
		}
		binary.LittleEndian.PutUint64(out[n:], hold) // the whole bytes stay, the rest is written again
		n += int(held >> 3)
		hold >>= held &^ 7 & 63
		held &= 7
	}
	w.out, w.hold, w.held = out[:n], hold, held
	w.code(lit[endBlock])
}

// eachRun cuts the code lengths of t into runs as the format sends them.
func eachRun(t *tree, f func(length, count int, first, long bool)) {
	before, next := -1, int(t.codes[0].len)
	count, most, least := 0, 7, 4
	if next == 0 {
		most, least = 138, 3
	}
	for n := 0; n <= t.last; n++ {
		length := next
		if next = -1; n < t.last {
			next = int(t.codes[n+1].len)
		}
		count++
		if count < most && length == next {
			continue
		}
		f(length, count, length != before, count >= least)
		count, before = 0, length
		switch {
		case next == 0:
			most, least = 138, 3
		case length == next:
			most, least = 6, 3
		default:
			most, least = 7, 4
		}
	}
}

func (w *blocks) countLengths(t *tree) {
	eachRun(t, func(length, count int, first, long bool) {
		switch {
		case !long:
			w.lens.freq[length] += uint16(count)
		case length != 0:
			if first {
				w.lens.freq[length]++
			}
			w.lens.freq[repeat3]++
		case count <= 10:
			w.lens.freq[zeros3]++
		default:
			w.lens.freq[zeros11]++
		}
	})
}

// buildLengths makes the codes for code lengths, and returns the last in use.
func (w *blocks) buildLengths() int {
	w.countLengths(&w.lit)
	w.countLengths(&w.dist)
	w.build(&w.lens)
	most := lenCodes - 1
	for most >= 3 && w.lens.codes[lenOrder[most]].len == 0 {
		most--
	}
	w.optimal += 3*(most+1) + 5 + 5 + 4
	return most
}

func (w *blocks) sendTrees(most int) {
	w.bits(uint64(w.lit.last+1-257), 5)
	w.bits(uint64(w.dist.last), 5)
	w.bits(uint64(most+1-4), 4)
	for _, n := range lenOrder[:most+1] {
		w.bits(uint64(w.lens.codes[n].len), 3)
	}
	w.sendLengths(&w.lit)
	w.sendLengths(&w.dist)
}

func (w *blocks) sendLengths(t *tree) {
	eachRun(t, func(length, count int, first, long bool) {
		switch {
		case !long:
			for range count {
				w.code(w.lens.codes[length])
			}
		case length != 0:
			if first {
				w.code(w.lens.codes[length])
				count--
			}
			w.code(w.lens.codes[repeat3])
			w.bits(uint64(count-3), 2)
		case count <= 10:
			w.code(w.lens.codes[zeros3])
			w.bits(uint64(count-3), 3)
		default:
			w.code(w.lens.codes[zeros11])
			w.bits(uint64(count-11), 7)
		}
	})
}

func (w *blocks) code(c code) { w.bits(uint64(c.bits), int(c.len)) }

// bits adds up to 16 bits; of those before them fewer than eight are held back.
func (w *blocks) bits(v uint64, n int) {
	w.hold |= v << w.held
	w.held += uint(n)
	for w.held >= 8 {
		w.out = append(w.out, byte(w.hold))
		w.hold >>= 8
		w.held -= 8
	}
}

func (w *blocks) align() {
	for ; w.held > 0; w.held -= min(w.held, 8) {
		w.out = append(w.out, byte(w.hold))
		w.hold >>= 8
	}
}
