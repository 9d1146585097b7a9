package deflate

import (
	"encoding/binary"
	"math/bits"
)

const (
	minMatch     = 3
	maxMatch     = 258
	windowSize   = 1 << 15
	windowMask   = windowSize - 1
	minLookahead = maxMatch + minMatch + 1
	maxDist      = windowSize - minLookahead
	windowEdge   = 1024 // behind the window: may be looked at, and does not count
	tooFar       = 4096 // a match of three bytes from farther away does not pay
)

// effort is zlib's configuration_table: when to stop looking.
type effort struct {
	good, lazy, nice, chain int
	fast                    bool
}

var efforts = [10]effort{
	1: {4, 4, 8, 4, true}, 2: {4, 5, 16, 8, true}, 3: {4, 6, 32, 32, true},
	4: {4, 4, 16, 16, false}, 5: {8, 16, 32, 32, false}, 6: {8, 16, 128, 128, false},
	7: {8, 32, 128, 256, false}, 8: {32, 128, 258, 1024, false}, 9: {32, 258, 258, 4096, false},
}

// symbol is a literal (dist 0) or a match: its length less three, its distance.
type symbol struct {
	dist   uint16
	length uint8
}

// size is how many plain bytes it is.
func (s symbol) size() int {
	if s.dist == 0 {
		return 1
	}
	return int(s.length) + minMatch
}

// parser cuts its input into symbols.
type parser struct {
	effort
	params Params
	in     []byte
	window [2*windowSize + windowEdge]byte
	base   int             // of the window in the input
	head   [1 << 16]uint16 // as many as mask has
	prev   [windowSize]uint16
	hash   uint
	shift  uint
	mask   uint
	excess int  // strings that searches looked at beyond what is usual
	most   int  // of them before the chains are used
	deep   bool // they are in use
	chains *chains

	at, ahead         int // at: zlib's strstart, ahead: its lookahead
	matchAt, matchLen int
	prevAt, prevLen   int
	pending           bool // a literal waits for a better match
	symbols           []symbol
	stop              int // so many are all that are wanted at once
}

func (p *parser) reset(o Params) {
	p.params, p.effort = o, efforts[o.Level]
	bits := uint(o.Memory) + 7
	p.shift, p.mask, p.hash = (bits+minMatch-1)/minMatch, 1<<bits-1, 0
	clear(p.head[:p.mask+1])
	p.excess, p.deep = 0, false
	p.stop = o.mostSymbols()
	p.base, p.at, p.ahead, p.in = 0, 0, 0, nil
	p.matchAt, p.matchLen, p.prevAt, p.prevLen, p.pending = 0, minMatch-1, 0, minMatch-1, false
	p.symbols = p.symbols[:0]
}

// parse goes on until there are symbols for a block, and reports whether there are. Without
// end more input may come, and so much of it is left that no match can go beyond.
func (p *parser) parse(end bool) bool {
	if p.fast {
		return p.parseFast(end)
	}
	return p.parseLazy(end)
}

// finish gives the literal that waited until the end.
func (p *parser) finish() {
	if p.pending {
		p.literal(p.window[p.at-1])
		p.pending = false
	}
}

func (p *parser) literal(c byte) bool {
	p.symbols = append(p.symbols, symbol{0, c})
	return len(p.symbols) == p.stop
}

func (p *parser) match(dist, length int) bool {
	p.symbols = append(p.symbols, symbol{uint16(dist), uint8(length - minMatch)})
	return len(p.symbols) == p.stop
}

// fill moves input into the window, which slides by half when it is used up, and no
// sooner: a string at the farthest distance would be lost. Only where the input ends does
// zlib slide it a byte sooner.
func (p *parser) fill(end bool) {
	for {
		if used := p.at - windowSize - maxDist; used > 0 || used == 0 && end && len(p.in) == 0 {
			copy(p.window[:windowSize], p.window[windowSize:2*windowSize])
			p.matchAt -= windowSize
			p.at -= windowSize
			p.base += windowSize
			slide(p.prev[:])
			if p.deep {
				p.chains.slide(p.mask)
			} else {
				slide(p.head[:p.mask+1])
			}
		}
		if len(p.in) == 0 {
			return
		}
		n := copy(p.window[p.at+p.ahead:2*windowSize], p.in)
		p.in = p.in[n:]
		p.ahead += n
		if p.ahead >= minMatch {
			p.startHash()
		}
		if p.ahead >= minLookahead || len(p.in) == 0 {
			return
		}
	}
}

func (p *parser) startHash() {
	p.hash = (uint(p.window[p.at])<<p.shift ^ uint(p.window[p.at+1])) & p.mask
}

func slide(p []uint16) {
	for i, v := range p {
		p[i] = v - min(v, windowSize)
	}
}

// insert puts the string at a position into the hash table and returns the one
// before it with the same hash, 0 for none.
func (p *parser) insert(at int) int {
	p.hash = (p.hash<<(p.shift&31) ^ uint(p.window[at+minMatch-1])) & p.mask & placeMask
	head := p.head[p.hash]
	p.prev[at&windowMask] = head
	p.head[p.hash] = uint16(at)
	return int(head)
}

// word is the four bytes at a place of the window.
func (p *parser) word(at int) uint32 { return binary.LittleEndian.Uint32(p.window[at&placeMask:]) }

// need reports whether the search can go on: more input, or the end.
func (p *parser) need(end bool) bool {
	if p.ahead < minLookahead {
		p.fill(end)
		if p.ahead < minLookahead && !end || p.ahead == 0 {
			return false
		}
	}
	return true
}

func (p *parser) parseLazy(end bool) bool {
	for p.ahead >= minLookahead || p.need(end) {
		head := 0
		switch {
		case p.ahead < minMatch:
		case p.deep:
			head = p.insertDeep(p.at)
		default:
			head = p.insert(p.at)
		}
		p.prevLen, p.prevAt = p.matchLen, p.matchAt
		p.matchLen = minMatch - 1
		if head != 0 && p.prevLen < p.lazy && p.at-head <= maxDist {
			p.search(head)
		}
		if p.prevLen >= minMatch && p.matchLen <= p.prevLen {
			if p.takeLast() {
				return true
			}
			continue
		}
		full := p.pending && p.literal(p.window[p.at-1])
		p.pending = true
		p.at++
		p.ahead--
		if full {
			return true
		}
	}
	return false
}

// search looks for a longer match than the last one.
func (p *parser) search(head int) {
	if p.deep {
		p.matchLen = p.deepest(head)
	} else {
		p.matchLen = p.longest(head)
	}
	if p.matchLen == minMatch && p.at-p.matchAt > tooFar {
		p.matchLen = minMatch - 1
	}
}

// takeLast writes the match found one byte ago: this one is no better.
func (p *parser) takeLast() bool {
	most := p.at + p.ahead - minMatch
	full := p.match(p.at-1-p.prevAt, p.prevLen)
	p.ahead -= p.prevLen - 1
	p.insertFrom(p.at+1, min(p.at+p.prevLen-2, most))
	p.at += p.prevLen - 2
	p.prevLen, p.pending, p.matchLen = 0, false, minMatch-1
	p.at++
	return full
}

// insertFrom inserts the strings at places from at to last.
func (p *parser) insertFrom(at, last int) {
	if p.deep {
		for ; at <= last; at++ {
			p.insertDeep(at)
		}
		return
	}
	hash, shift, mask := p.hash, p.shift&31, p.mask&placeMask
	for ; at <= last; at++ {
		hash = (hash<<shift ^ uint(p.window[at+minMatch-1])) & mask
		p.prev[at&windowMask] = p.head[hash]
		p.head[hash] = uint16(at)
	}
	p.hash = hash
}

func (p *parser) parseFast(end bool) bool {
	for p.need(end) {
		head := 0
		if p.ahead >= minMatch {
			head = p.insert(p.at)
		}
		if head != 0 && p.at-head <= maxDist {
			p.matchLen = p.longest(head)
		}
		var full bool
		if p.matchLen >= minMatch {
			full = p.match(p.at-p.matchAt, p.matchLen)
			p.passMatch()
		} else {
			full = p.literal(p.window[p.at])
			p.at++
			p.ahead--
		}
		if full {
			return true
		}
	}
	return false
}

// passMatch steps over a match; the strings in a short one go into the table.
func (p *parser) passMatch() {
	p.ahead -= p.matchLen
	if p.matchLen <= p.lazy && p.ahead >= minMatch {
		for range p.matchLen - 1 {
			p.at++
			p.insert(p.at)
		}
		p.at++
	} else {
		p.at += p.matchLen
		p.startHash()
	}
	p.matchLen = 0
}

// longest looks along the chain for a match longer than prevLen and returns
// the best length; where it lies is left in matchAt.
func (p *parser) longest(cur int) int {
	chain, best, nice := p.limits()
	most, limit := chain, max(p.at-maxDist, 0)
	first := p.word(p.at) << 8
	last := p.word(p.at + best - minMatch)
	for {
		if best >= minMatch && p.word(cur+best-minMatch) == last || best < minMatch && p.word(cur)<<8 == first {
			if n := p.same(p.at, cur); n > best {
				p.matchAt, best = cur, n
				if n >= nice {
					break
				}
				last = p.word(p.at + best - minMatch)
			}
		}
		chain--
		if cur = int(p.prev[cur&windowMask]); cur <= limit || chain == 0 {
			break
		}
	}
	p.looked(most - chain)
	return min(best, p.ahead)
}

// limits are how many strings are looked at, how many bytes are had already, and
// how many are enough.
func (p *parser) limits() (chain, best, nice int) {
	chain = p.chain
	if p.prevLen >= p.good {
		chain >>= 2
	}
	return chain, p.prevLen, min(p.nice, p.ahead)
}

// same is how many bytes are the same at two places, at most maxMatch.
func (p *parser) same(a, b int) int {
	x, y := p.window[a&placeMask:], p.window[b&placeMask:]
	for i := 0; i < maxMatch; i += 8 {
		if d := binary.LittleEndian.Uint64(x[i:]) ^ binary.LittleEndian.Uint64(y[i:]); d != 0 {
			return min(i+bits.TrailingZeros64(d)>>3, maxMatch)
		}
	}
	return maxMatch
}
