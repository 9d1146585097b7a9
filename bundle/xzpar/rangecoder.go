package xzpar

// The range decoder. Each loop keeps the coder's state in local variables,
// which is where the time of decoding goes.

func (d *lzmaDecoder) normalize() {
	if d.rng < topValue {
		d.rng <<= 8
		d.code = d.code<<8 | d.next()
	}
}

// next gives the next byte of src; past the end it gives zeros and marks the
// chunk as bad, which is looked at once a symbol.
func (d *lzmaDecoder) next() uint32 {
	if d.in >= len(d.src) {
		d.bad = true
		return 0
	}
	b := d.src[d.in]
	d.in++
	return uint32(b)
}

// bit decodes one bit with an adaptive probability.
func (d *lzmaDecoder) bit(p *prob) int {
	if d.rng < topValue {
		d.rng <<= 8
		d.code = d.code<<8 | d.next()
	}
	v := uint32(*p)
	bound := d.rng >> probBits * v
	if d.code < bound {
		d.rng = bound
		*p = prob(v + (1<<probBits-v)>>moveBits)
		return 0
	}
	d.rng -= bound
	d.code -= bound
	*p = prob(v - v>>moveBits)
	return 1
}

// tree decodes bits, high first, until the value reaches limit, a power of
// two; the result includes limit.
func (d *lzmaDecoder) tree(p []prob, limit int) int {
	rng, code, in, src := d.rng, d.code, d.in, d.src
	m := uint(1)
	for m < uint(limit) {
		if rng < topValue {
			rng <<= 8
			code <<= 8
			if in < len(src) {
				code |= uint32(src[in])
			} else {
				d.bad = true
			}
			in++
		}
		v := uint32(p[m])
		bound := rng >> probBits * v
		if code < bound {
			rng = bound
			p[m] = prob(v + (1<<probBits-v)>>moveBits)
			m <<= 1
		} else {
			rng -= bound
			code -= bound
			p[m] = prob(v - v>>moveBits)
			m = m<<1 | 1
		}
	}
	d.rng, d.code, d.in = rng, code, in
	return int(m)
}

// matchedLiteral decodes a literal after a match, with the byte at the last
// distance as context for as long as the two agree.
func (d *lzmaDecoder) matchedLiteral(p []prob) int {
	if d.rep0 >= d.pos-d.base {
		d.bad = true
		return 0
	}
	match := uint(d.dst[d.pos-d.rep0-1])
	offset, m := uint(0x100), uint(1)
	for m < 0x100 {
		match <<= 1
		want := match & offset
		b := uint(d.bit(&p[offset+want+m]))
		m = m<<1 | b
		if b == 0 {
			offset &^= want
		} else {
			offset &= want
		}
	}
	return int(m)
}

// reverse decodes n bits, low first, through a tree at p whose root is p[1].
func (d *lzmaDecoder) reverse(p []prob, n int) int {
	m, out := 1, 0
	for i := range n {
		b := d.bit(&p[m])
		m = m<<1 | b
		out |= b << i
	}
	return out
}

// direct decodes n bits of fixed probability, high first.
func (d *lzmaDecoder) direct(n int) int {
	out := 0
	for range n {
		d.normalize()
		d.rng >>= 1
		if d.code >= d.rng {
			d.code -= d.rng
			out = out<<1 | 1
		} else {
			out <<= 1
		}
	}
	return out
}
