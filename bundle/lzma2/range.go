package lzma2

type prob = uint16

const (
	probBits = 11
	probInit = 1 << (probBits - 1)
	moveBits = 5
	topValue = 1 << 24
)

// rangeCoder is the encoding side of LZMA's binary range coder.
type rangeCoder struct {
	low     uint64
	rng     uint32
	cache   byte
	pending int // bytes that a carry may still change, cache included
	out     []byte
}

func (r *rangeCoder) reset() {
	r.low, r.rng, r.cache, r.pending, r.out = 0, 0xFFFFFFFF, 0, 1, r.out[:0]
}

// size is an upper bound on what finish will leave in out.
func (r *rangeCoder) size() int { return len(r.out) + r.pending + 4 }

func (r *rangeCoder) shift() {
	if uint32(r.low) < 0xFF000000 || r.low>>32 != 0 {
		carry := byte(r.low >> 32)
		b := r.cache
		for ; r.pending > 0; r.pending-- {
			r.out = append(r.out, b+carry)
			b = 0xFF
		}
		r.cache = byte(r.low >> 24)
	}
	r.pending++
	r.low = r.low & 0x00FFFFFF << 8
}

func (r *rangeCoder) finish() []byte {
	for range 5 {
		r.shift()
	}
	return r.out
}

func (r *rangeCoder) bit(p *prob, bit uint32) {
	v := uint32(*p)
	bound := r.rng >> probBits * v
	if bit == 0 {
		r.rng = bound
		*p = prob(v + (1<<probBits-v)>>moveBits)
	} else {
		r.low += uint64(bound)
		r.rng -= bound
		*p = prob(v - v>>moveBits)
	}
	for r.rng < topValue {
		r.rng <<= 8
		r.shift()
	}
}

// tree writes the low bits of v, highest first; probs has 1<<bits of them.
func (r *rangeCoder) tree(probs []prob, bits int, v uint32) {
	m := uint32(1)
	for i := bits - 1; i >= 0; i-- {
		b := v >> i & 1
		r.bit(&probs[m], b)
		m = m<<1 | b
	}
}

// reverse writes the low bits of v, lowest first.
func (r *rangeCoder) reverse(probs []prob, bits int, v uint32) {
	m := uint32(1)
	for range bits {
		b := v & 1
		v >>= 1
		r.bit(&probs[m], b)
		m = m<<1 | b
	}
}

// direct writes bits of v with even odds, highest first.
func (r *rangeCoder) direct(v uint32, bits int) {
	for i := bits - 1; i >= 0; i-- {
		r.rng >>= 1
		if v>>i&1 == 1 {
			r.low += uint64(r.rng)
		}
		for r.rng < topValue {
			r.rng <<= 8
			r.shift()
		}
	}
}
