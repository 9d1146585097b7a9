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
	in        int // read position in src
	rng, code uint32
	bad       bool // src ended before the coder did

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
	d.src, d.in, d.rng, d.code, d.bad = src, 5, 0xFFFFFFFF, binary.BigEndian.Uint32(src[1:]), false
	for end := d.pos + n; d.pos < end; {
		if d.bit(&d.isMatch[d.state][(d.pos-d.base)&d.pbMask]) == 0 {
			d.putLiteral()
			continue
		}
		if err := d.match(end); err != nil {
			return err
		}
	}
	d.normalize()
	if d.bad || d.in != len(src) || d.code != 0 {
		return errDamaged
	}
	return nil
}

// match decodes what follows a match bit: a new match, a repeated one or a
// single byte, which must stay before end.
func (d *lzmaDecoder) match(end int) error {
	posState := (d.pos - d.base) & d.pbMask
	var n int
	if d.bit(&d.isRep[d.state]) == 0 {
		n = d.newMatch(posState)
	} else if n = d.repeat(posState); n == 0 {
		n = 1
	}
	if d.bad {
		return errDamaged
	}
	dist := d.rep0 + 1
	if dist > d.pos-d.base || dist > d.dict {
		return errDistance
	}
	if n > end-d.pos {
		return errLonger
	}
	d.copyMatch(dist, n)
	return nil
}

func (d *lzmaDecoder) newMatch(posState int) int {
	d.rep3, d.rep2, d.rep1 = d.rep2, d.rep1, d.rep0
	n := d.matchLength(&d.length, posState)
	if d.state < litStates {
		d.state = 7
	} else {
		d.state = 10
	}
	d.rep0 = d.distance(min(n-minMatch, 3))
	return n
}

// repeat returns the length of a repeated match, 0 for a single repeated byte.
func (d *lzmaDecoder) repeat(posState int) int {
	if d.bit(&d.isRep0[d.state]) == 0 {
		if d.bit(&d.isRep0Long[d.state][posState]) == 0 {
			d.state = afterRun(d.state, 9)
			return 0
		}
	} else {
		d.rotate()
	}
	n := d.matchLength(&d.repLength, posState)
	d.state = afterRun(d.state, 8)
	return n
}

func afterRun(state, next int) int {
	if state < litStates {
		return next
	}
	return 11
}

func (d *lzmaDecoder) rotate() {
	switch {
	case d.bit(&d.isRep1[d.state]) == 0:
		d.rep0, d.rep1 = d.rep1, d.rep0
	case d.bit(&d.isRep2[d.state]) == 0:
		d.rep0, d.rep1, d.rep2 = d.rep2, d.rep0, d.rep1
	default:
		d.rep0, d.rep1, d.rep2, d.rep3 = d.rep3, d.rep0, d.rep1, d.rep2
	}
}

func (d *lzmaDecoder) matchLength(l *lengths, posState int) int {
	if d.bit(&l.choice) == 0 {
		return minMatch + d.tree(l.low[posState][:], 8) - 8
	}
	if d.bit(&l.choice2) == 0 {
		return minMatch + 8 + d.tree(l.mid[posState][:], 8) - 8
	}
	return minMatch + 16 + d.tree(l.high[:], 256) - 256
}

// distance decodes a distance less one; a distance that does not fit gives one
// that no data reaches.
func (d *lzmaDecoder) distance(lenState int) int {
	slot := d.tree(d.slots[lenState][:], 64) - 64
	if slot < startSlot {
		return slot
	}
	extra := slot>>1 - 1
	dist := (2 | slot&1) << extra
	if slot < modelSlot {
		return dist + d.reverse(d.special[dist-slot:], extra)
	}
	dist += d.direct(extra-alignBits) << alignBits
	return dist + d.reverse(d.align[:], alignBits)
}

// copyMatch copies n bytes from dist bytes back; they may overlap.
func (d *lzmaDecoder) copyMatch(dist, n int) {
	out := d.dst[d.pos : d.pos+n]
	from := d.dst[d.pos-dist : d.pos]
	d.pos += n
	if dist == 1 {
		for i := range out {
			out[i] = from[0]
		}
		return
	}
	for len(out) > 0 {
		k := copy(out, from)
		out = out[k:]
	}
}

// putLiteral decodes one byte.
func (d *lzmaDecoder) putLiteral() {
	prev := 0
	if d.pos > d.base {
		prev = int(d.dst[d.pos-1])
	}
	context := ((d.pos-d.base)&d.lpMask)<<d.lc + prev>>(8-d.lc)
	probs := d.literal[0x300*context : 0x300*context+0x300]
	var b int
	if d.state < litStates {
		b = d.tree(probs[:0x100], 0x100)
	} else {
		b = d.matchedLiteral(probs)
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
}
