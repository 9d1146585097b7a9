package lzma2

import "math/bits"

const (
	states    = 12
	litStates = 7 // states below this follow a literal
	minMatch  = 2
	maxMatch  = 273
)

// lengths are the probabilities of a match length.
type lengths struct {
	choice, choice2 prob
	low, mid        [1 << posBits][8]prob
	high            [256]prob
}

// model is all that adapts; reset puts it to its start.
type model struct {
	isMatch, isRep0Long [states][1 << posBits]prob
	isRep, isRep0       [states]prob
	isRep1, isRep2      [states]prob
	slots               [4][64]prob
	special             [10][32]prob // reverse trees of the slots 4 to 13
	align               [16]prob
	length, repLength   lengths
	literal             [1 << litContext][0x300]prob
}

// coder writes symbols. rep holds the last four distances, less one.
type coder struct {
	rangeCoder
	model
	state int
	rep   [4]uint32
}

func (c *coder) resetState() {
	c.state, c.rep = 0, [4]uint32{}
	m := &c.model
	for i := range states {
		fill(m.isMatch[i][:])
		fill(m.isRep0Long[i][:])
	}
	for _, p := range [][]prob{m.isRep[:], m.isRep0[:], m.isRep1[:], m.isRep2[:], m.align[:]} {
		fill(p)
	}
	for i := range m.slots {
		fill(m.slots[i][:])
	}
	for i := range m.special {
		fill(m.special[i][:])
	}
	for i := range m.literal {
		fill(m.literal[i][:])
	}
	m.length.reset()
	m.repLength.reset()
}

func fill(p []prob) {
	for i := range p {
		p[i] = probInit
	}
}

func (l *lengths) reset() {
	l.choice, l.choice2 = probInit, probInit
	for i := range l.low {
		fill(l.low[i][:])
		fill(l.mid[i][:])
	}
	fill(l.high[:])
}

func (c *coder) putLength(l *lengths, n, posState int) {
	v := uint32(n - minMatch)
	switch {
	case v < 8:
		c.bit(&l.choice, 0)
		c.tree(l.low[posState][:], 3, v)
	case v < 16:
		c.bit(&l.choice, 1)
		c.bit(&l.choice2, 0)
		c.tree(l.mid[posState][:], 3, v-8)
	default:
		c.bit(&l.choice, 1)
		c.bit(&l.choice2, 1)
		c.tree(l.high[:], 8, v-16)
	}
}

// literal writes buf[pos].
func (c *coder) putLiteral(buf []byte, pos int) {
	c.bit(&c.isMatch[c.state][pos&(1<<posBits-1)], 0)
	var last byte
	if pos > 0 {
		last = buf[pos-1]
	}
	probs := &c.model.literal[last>>(8-litContext)]
	if c.state < litStates {
		c.tree(probs[:], 8, uint32(buf[pos]))
	} else {
		c.matched(probs, uint32(buf[pos]), uint32(buf[pos-int(c.rep[0])-1]))
	}
	switch {
	case c.state < 4:
		c.state = 0
	case c.state < 10:
		c.state -= 3
	default:
		c.state -= 6
	}
}

// matched writes a literal after a match, helped by the byte that the last
// distance leads to: it is likely another one.
func (c *coder) matched(probs *[0x300]prob, b, other uint32) {
	offset, symbol := uint32(0x100), b|0x100
	for symbol < 0x10000 {
		other <<= 1
		c.bit(&probs[offset+other&offset+symbol>>8], symbol>>7&1)
		symbol <<= 1
		offset &^= other ^ symbol
	}
}

// match writes a match of n bytes at a distance of dist+1.
func (c *coder) putMatch(dist uint32, n, pos int) {
	posState := pos & (1<<posBits - 1)
	c.bit(&c.isMatch[c.state][posState], 1)
	c.bit(&c.isRep[c.state], 0)
	c.state = after(c.state, 7)
	c.putLength(&c.length, n, posState)
	c.distance(dist, min(n-minMatch, 3))
	c.rep = [4]uint32{dist, c.rep[0], c.rep[1], c.rep[2]}
}

func (c *coder) distance(dist uint32, lenState int) {
	slot := distSlot(dist)
	c.tree(c.slots[lenState][:], 6, slot)
	if slot < 4 {
		return
	}
	footer := int(slot>>1) - 1
	low := dist & (1<<footer - 1)
	if slot < 14 {
		c.reverse(c.special[slot-4][:], footer, low)
		return
	}
	c.direct(low>>4, footer-4)
	c.reverse(c.align[:], 4, low&15)
}

// distSlot is twice the highest bit's number, plus the bit below it.
func distSlot(dist uint32) uint32 {
	if dist < 4 {
		return dist
	}
	n := uint32(bits.Len32(dist)) - 1
	return n<<1 | dist>>(n-1)&1
}

// after is the state that follows a match-like symbol: base if a literal came before it, base+3 else.
func after(state, base int) int {
	if state < litStates {
		return base
	}
	return min(base+3, states-1)
}

// repeat writes a match of n bytes at the distance rep[i].
func (c *coder) putRepeat(i, n, pos int) {
	posState := pos & (1<<posBits - 1)
	c.bit(&c.isMatch[c.state][posState], 1)
	c.bit(&c.isRep[c.state], 1)
	c.which(i, posState)
	c.putLength(&c.repLength, n, posState)
	c.state = after(c.state, 8)
	dist := c.rep[i]
	copy(c.rep[1:i+1], c.rep[:i])
	c.rep[0] = dist
}

// which names one of the last four distances.
func (c *coder) which(i, posState int) {
	if i == 0 {
		c.bit(&c.isRep0[c.state], 0)
		c.bit(&c.isRep0Long[c.state][posState], 1)
		return
	}
	c.bit(&c.isRep0[c.state], 1)
	if i == 1 {
		c.bit(&c.isRep1[c.state], 0)
		return
	}
	c.bit(&c.isRep1[c.state], 1)
	c.bit(&c.isRep2[c.state], uint32(i-2))
}

// shortRepeat writes the one byte at rep[0].
func (c *coder) putShort(pos int) {
	posState := pos & (1<<posBits - 1)
	c.bit(&c.isMatch[c.state][posState], 1)
	c.bit(&c.isRep[c.state], 1)
	c.bit(&c.isRep0[c.state], 0)
	c.bit(&c.isRep0Long[c.state][posState], 0)
	c.state = after(c.state, 9)
}
