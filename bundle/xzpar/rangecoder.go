package xzpar

// coder is the range decoder's state, passed by value so that it stays in
// registers. in is the read position in the chunk's bytes; past their end zeros
// are read, and the decoder looks at in once a symbol.
type coder struct {
	rng, code uint32
	in        int
}

// toward0 turns the step of a probability around: v - (v + toward0)>>moveBits is
// v + (1<<probBits - v)>>moveBits.
const toward0 = 1<<moveBits - 1 - 1<<probBits

func (r coder) normalize(src []byte) coder {
	if r.rng < topValue {
		r.rng <<= 8
		r.code <<= 8
		if uint(r.in) < uint(len(src)) {
			r.code |= uint32(src[r.in])
		}
		r.in++
	}
	return r
}

// bit decodes one bit with an adaptive probability.
func (r coder) bit(src []byte, p *prob) (int, coder) {
	r = r.normalize(src)
	v := uint32(*p)
	bound := r.rng >> probBits * v
	if r.code < bound {
		r.rng = bound
		*p = prob(v + (1<<probBits-v)>>moveBits)
		return 0, r
	}
	r.rng -= bound
	r.code -= bound
	*p = prob(v - v>>moveBits)
	return 1, r
}

// split is bit without a branch, for bits that no processor can predict: mask
// is all ones for 0, and nothing for 1.
func (r coder) split(p *prob) (mask uint32, _ coder) {
	v := uint32(*p)
	bound := r.rng >> probBits * v
	mask = uint32(int64(uint64(r.code)-uint64(bound)) >> 63)
	r.rng = bound&mask | (r.rng-bound)&^mask
	r.code -= bound &^ mask
	*p = prob(int32(v) - (int32(v)+int32(mask)&toward0)>>moveBits)
	return mask, r
}

// tree decodes bits, high first, until the value reaches limit, a power of
// two; the result includes limit.
func (r coder) tree(src []byte, p []prob, limit uint32) (int, coder) {
	m := uint32(1)
	for m < limit {
		r = r.normalize(src)
		var mask uint32
		mask, r = r.split(&p[m])
		m = m<<1 + 1 + mask
	}
	return int(m), r
}

// reverse decodes n bits, low first, through a tree at p whose root is p[1].
func (r coder) reverse(src []byte, p []prob, n int) (int, coder) {
	m, out := uint32(1), uint32(0)
	for i := range n {
		r = r.normalize(src)
		var mask uint32
		mask, r = r.split(&p[m])
		m = m<<1 + 1 + mask
		out |= (1 + mask) << i
	}
	return int(out), r
}

// direct decodes n bits of fixed probability, high first.
func (r coder) direct(src []byte, n int) (int, coder) {
	out := uint32(0)
	for range n {
		r = r.normalize(src)
		r.rng >>= 1
		r.code -= r.rng
		mask := -(r.code >> 31)
		r.code += r.rng & mask
		out = out<<1 + 1 + mask
	}
	return int(out), r
}
