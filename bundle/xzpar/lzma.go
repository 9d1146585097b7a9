package xzpar

import "encoding/binary"

// Constants of LZMA (LZMA specification, lzma-specification.txt in the LZMA SDK).
const (
	probInit   = 1024 // one half of 1 << probBits
	probBits   = 11
	moveBits   = 5
	topValue   = 1 << 24
	states     = 12
	maxPosBits = 4
	minMatch   = 2
	litStates  = 7 // states below this follow a literal
	startSlot  = 4 // first distance slot with extra bits
	modelSlot  = 14
	alignBits  = 4
)

type prob = uint16

// lengths are the trees of a match length, from 0.
type lengths struct {
	choice, choice2 prob
	low, mid        [1 << maxPosBits][8]prob
	high            [256]prob
}

// lzmaDecoder is a decoder over whole buffers: src is one chunk's range-coded bytes,
// dst everything that came out, up to pos.
type lzmaDecoder struct {
	dst, src  []byte
	pos, base int // base: first byte that matches may reach
	dict      int

	needDict, needProps bool
	lc                  uint
	lpMask, pbMask      int

	state                  int
	rep0, rep1, rep2, rep3 int

	isMatch, isRep0Long [states][1 << maxPosBits]prob
	isRep, isRep0       [states]prob
	isRep1, isRep2      [states]prob
	slots               [4][64]prob
	special             [128]prob // reverse trees of slots 4 to 13
	align               [1 << alignBits]prob
	length, repLength   lengths
	literal             [0x300 << 4]prob // lc+lp is at most 4 in LZMA2
}

func (d *lzmaDecoder) setProps(p byte) error {
	if p >= 9*5*5 {
		return errDamaged
	}
	lc, lp, pb := int(p)%9, int(p)/9%5, int(p)/45
	if lc+lp > 4 {
		return errDamaged
	}
	d.lc, d.lpMask, d.pbMask = uint(lc), 1<<lp-1, 1<<pb-1
	return nil
}

func fill(p []prob) {
	for i := range p {
		p[i] = probInit
	}
}

func (d *lzmaDecoder) reset() {
	d.state, d.rep0, d.rep1, d.rep2, d.rep3 = 0, 0, 0, 0, 0
	for i := range states {
		fill(d.isMatch[i][:])
		fill(d.isRep0Long[i][:])
	}
	for _, p := range [][]prob{d.isRep[:], d.isRep0[:], d.isRep1[:], d.isRep2[:], d.special[:], d.align[:], d.literal[:]} {
		fill(p)
	}
	for i := range d.slots {
		fill(d.slots[i][:])
	}
	d.length.reset()
	d.repLength.reset()
}

func (l *lengths) reset() {
	l.choice, l.choice2 = probInit, probInit
	for i := range l.low {
		fill(l.low[i][:])
		fill(l.mid[i][:])
	}
	fill(l.high[:])
}

// compressed decodes one LZMA chunk of n plain bytes; src must be used up exactly.
func (d *lzmaDecoder) compressed(n int, src []byte) error {
	if len(src) < 5 || src[0] != 0 {
		return errDamaged
	}
	if n > len(d.dst)-d.pos {
		return errLonger
	}
	d.src = src
	r := coder{0xFFFFFFFF, binary.BigEndian.Uint32(src[1:]), 5}
	for end := d.pos + n; d.pos < end; {
		var bit int
		if bit, r = r.bit(src, &d.isMatch[d.state][(d.pos-d.base)&d.pbMask]); bit == 0 {
			r = d.putLiteral(r)
			continue
		}
		var err error
		if r, err = d.match(r, end); err != nil {
			return err
		}
	}
	r = r.normalize(src)
	if r.in != len(src) || r.code != 0 {
		return errDamaged
	}
	return nil
}

// match decodes what follows a match bit: a new match, a repeated one or a
// single byte, which must stay before end.
func (d *lzmaDecoder) match(r coder, end int) (coder, error) {
	posState := (d.pos - d.base) & d.pbMask
	var n, bit int
	if bit, r = r.bit(d.src, &d.isRep[d.state]); bit == 0 {
		n, r = d.newMatch(r, posState)
	} else if n, r = d.repeat(r, posState); n == 0 {
		n = 1
	}
	if r.in > len(d.src) {
		return r, errDamaged
	}
	dist := d.rep0 + 1
	if dist < 1 || dist > d.pos-d.base || dist > d.dict { // below 1: of four bytes, where an int has as many
		return r, errDistance
	}
	if n > end-d.pos {
		return r, errLonger
	}
	d.copyMatch(dist, n)
	return r, nil
}

func (d *lzmaDecoder) newMatch(r coder, posState int) (int, coder) {
	d.rep3, d.rep2, d.rep1 = d.rep2, d.rep1, d.rep0
	n, r := d.matchLength(r, &d.length, posState)
	if d.state < litStates {
		d.state = 7
	} else {
		d.state = 10
	}
	d.rep0, r = d.distance(r, min(n-minMatch, 3))
	return n, r
}

// repeat returns the length of a repeated match, 0 for a single repeated byte.
func (d *lzmaDecoder) repeat(r coder, posState int) (int, coder) {
	var bit int
	if bit, r = r.bit(d.src, &d.isRep0[d.state]); bit != 0 {
		r = d.rotate(r)
	} else if bit, r = r.bit(d.src, &d.isRep0Long[d.state][posState]); bit == 0 {
		d.state = afterRun(d.state, 9)
		return 0, r
	}
	n, r := d.matchLength(r, &d.repLength, posState)
	d.state = afterRun(d.state, 8)
	return n, r
}

func afterRun(state, next int) int {
	if state < litStates {
		return next
	}
	return 11
}

func (d *lzmaDecoder) rotate(r coder) coder {
	var bit int
	if bit, r = r.bit(d.src, &d.isRep1[d.state]); bit == 0 {
		d.rep0, d.rep1 = d.rep1, d.rep0
	} else if bit, r = r.bit(d.src, &d.isRep2[d.state]); bit == 0 {
		d.rep0, d.rep1, d.rep2 = d.rep2, d.rep0, d.rep1
	} else {
		d.rep0, d.rep1, d.rep2, d.rep3 = d.rep3, d.rep0, d.rep1, d.rep2
	}
	return r
}

func (d *lzmaDecoder) matchLength(r coder, l *lengths, posState int) (int, coder) {
	var bit, n int
	if bit, r = r.bit(d.src, &l.choice); bit == 0 {
		n, r = r.tree(d.src, l.low[posState][:], 8)
		return minMatch + n - 8, r
	}
	if bit, r = r.bit(d.src, &l.choice2); bit == 0 {
		n, r = r.tree(d.src, l.mid[posState][:], 8)
		return minMatch + n, r
	}
	n, r = r.tree(d.src, l.high[:], 256)
	return minMatch + 16 + n - 256, r
}

// distance decodes a distance less one; a distance that does not fit gives one
// that no data reaches.
func (d *lzmaDecoder) distance(r coder, lenState int) (int, coder) {
	slot, r := r.tree(d.src, d.slots[lenState][:], 64)
	slot -= 64
	if slot < startSlot {
		return slot, r
	}
	extra := slot>>1 - 1
	dist := (2 | slot&1) << extra
	var low int
	if slot < modelSlot {
		low, r = r.reverse(d.src, d.special[dist-slot:], extra)
		return dist + low, r
	}
	low, r = r.direct(d.src, extra-alignBits)
	dist += low << alignBits
	low, r = r.reverse(d.src, d.align[:], alignBits)
	return dist + low, r
}

// copyMatch copies n bytes from dist bytes back; they may overlap.
func (d *lzmaDecoder) copyMatch(dist, n int) {
	from, to := d.pos-dist, d.pos
	d.pos += n
	if dist >= 8 && d.pos+8 <= len(d.dst) { // eight at a time; what is written beyond the end comes again
		for to < d.pos {
			binary.LittleEndian.PutUint64(d.dst[to:], binary.LittleEndian.Uint64(d.dst[from:]))
			from, to = from+8, to+8
		}
		return
	}
	for ; to < d.pos; from, to = from+1, to+1 {
		d.dst[to] = d.dst[from]
	}
}

// putLiteral decodes one byte.
func (d *lzmaDecoder) putLiteral(r coder) coder {
	prev := 0
	if d.pos > d.base {
		prev = int(d.dst[d.pos-1])
	}
	context := ((d.pos-d.base)&d.lpMask)<<d.lc + prev>>(8-d.lc)
	probs := d.literal[0x300*context : 0x300*context+0x300]
	var b int
	if d.state < litStates {
		b, r = r.tree(d.src, probs[:0x100], 0x100)
	} else {
		b, r = d.matchedLiteral(r, probs)
	}
	d.dst[d.pos] = byte(b)
	d.pos++
	switch {
	case d.state < 4:
		d.state = 0
	case d.state < 10:
		d.state -= 3
	default:
		d.state -= 6
	}
	return r
}

// matchedLiteral decodes a literal after a match, with the byte at the last
// distance as context for as long as the two agree.
func (d *lzmaDecoder) matchedLiteral(r coder, p []prob) (int, coder) {
	at := d.pos - d.rep0 - 1
	if at < d.base {
		r.in = len(d.src) + 1
		return 0, r
	}
	match := uint32(d.dst[at])
	offset, m := uint32(0x100), uint32(1)
	for m < 0x100 {
		match <<= 1
		want := match & offset
		r = r.normalize(d.src)
		var mask uint32
		mask, r = r.split(&p[offset+want+m])
		m = m<<1 + 1 + mask
		offset &= want ^ mask
	}
	return int(m), r
}
