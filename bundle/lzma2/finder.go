package lzma2

import (
	"encoding/binary"
	"math/bits"
)

const (
	hash2Bits  = 16
	hash3Bits  = 16
	hash4Bits  = 20
	chainLen   = 32      // candidates looked at for one position
	noiseRun   = 32      // half as many for each such run without a match of noiseBreak bytes
	noiseBreak = 6       // in noise, four equal bytes are chance
	near2      = 1 << 7  // farther than this two bytes are not worth a match
	near3      = 1 << 14 // and three not farther than this
)

// match is a place before the current one with the same n bytes; dist is the
// distance less one.
type match struct {
	n    int
	dist uint32
}

// place is a position in its low 24 bits, which are 0 for none, and a check on
// the bytes there above: most false candidates go without a look at the window,
// which is a cache miss each.
type place uint32

const placeMask = 1<<24 - 1

func (p place) pos() int { return int(p & placeMask) }

// finder finds matches in buf.
type finder struct {
	buf     []byte
	next    int // the first position that is not in the tables
	last    int // where the last match was found
	hash2   []place
	hash3   []place
	hash4   []place
	chain   []place // by position: the one before it with the same four bytes' hash
	matches []match
}

func (f *finder) reset(buf []byte) {
	if f.hash4 == nil {
		f.hash2, f.hash3, f.hash4 = make([]place, 1<<hash2Bits), make([]place, 1<<hash3Bits), make([]place, 1<<hash4Bits)
	} else {
		clear(f.hash2)
		clear(f.hash3)
		clear(f.hash4)
	}
	if len(f.chain) < len(buf) {
		f.chain = nil // the larger one may take its memory
		f.chain = make([]place, 1<<bits.Len(uint(len(buf)-1)))
	}
	f.buf, f.next, f.last = buf, 0, 0
}

// skip puts the positions up to end into the tables.
func (f *finder) skip(end int) {
	end = min(end, len(f.buf)-3)
	for ; f.next < end; f.next++ {
		f.insert(f.next)
	}
}

// key is what the tables know of the bytes at a position.
type key struct {
	c2, c3, c4 place // who stood at the three hashes before
	tag3, tag4 place // what a true candidate has in its upper bits
}

func (f *finder) insert(pos int) key {
	v := binary.LittleEndian.Uint32(f.buf[pos:])
	x3, x4 := v<<8*0x9E3779B1, v*0x9E3779B1
	h2, h3, h4 := v&(1<<hash2Bits-1), x3>>(32-hash3Bits), x4>>(32-hash4Bits)
	k := key{f.hash2[h2], f.hash3[h3], f.hash4[h4], place(x3>>(24-hash3Bits)) << 24, place(x4>>(24-hash4Bits)) << 24}
	at := place(pos)
	f.hash2[h2], f.hash3[h3], f.hash4[h4] = at, at|k.tag3, at|k.tag4
	f.chain[pos] = k.c4
	return k
}

// find returns the matches at pos, each longer than the one before and the
// nearest of its length. pos must not have been skipped.
func (f *finder) find(pos int) []match {
	f.skip(pos)
	f.matches = f.matches[:0]
	if pos+4 > len(f.buf) {
		return nil
	}
	k := f.insert(pos)
	f.next = pos + 1
	best, limit := minMatch-1, min(maxMatch, len(f.buf)-pos)
	if at := k.c2.pos(); at != 0 && pos-at <= near2 {
		best = f.try(pos, at, best, limit)
	}
	if at := k.c3.pos(); at != 0 && k.c3&^placeMask == k.tag3 && pos-at <= near3 {
		best = f.try(pos, at, best, limit)
	}
	if best = f.follow(pos, k, best, limit); best >= noiseBreak {
		f.last = pos
	}
	return f.matches
}

// follow tries the chain of positions with the same four bytes.
func (f *finder) follow(pos int, k key, best, limit int) int {
	tries := max(1, chainLen>>min((pos-f.last)/noiseRun, 8))
	for c := k.c4; c.pos() != 0 && best < limit; c = f.chain[c.pos()] {
		if c&^placeMask == k.tag4 {
			best = f.try(pos, c.pos(), best, limit)
		}
		if tries--; tries == 0 {
			break
		}
	}
	return best
}

func (f *finder) try(pos, at, best, limit int) int {
	if best >= limit || f.buf[at+best] != f.buf[pos+best] || f.buf[at] != f.buf[pos] {
		return best
	}
	if n := common(f.buf[at:], f.buf[pos:pos+limit]); n > best {
		f.matches = append(f.matches, match{n, uint32(pos - at - 1)})
		return n
	}
	return best
}

// common is the length of the equal start of a and b; a is at least as long.
func common(a, b []byte) int {
	n := 0
	for len(b)-n >= 8 {
		if x := binary.LittleEndian.Uint64(a[n:]) ^ binary.LittleEndian.Uint64(b[n:]); x != 0 {
			return n + bits.TrailingZeros64(x)>>3
		}
		n += 8
	}
	for n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}
