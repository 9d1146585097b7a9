package lzma2

// Prices are what symbols cost with the probabilities as they are, in
// sixteenths of a bit.

const (
	priceShift = 4
	noPrice    = 1 << 30
	fullDist   = 128 // distances below this have a price each
	slotCount  = 64
)

// bitPrices is the price of a bit by the probability of that bit (price_tablegen.c of liblzma).
var bitPrices = func() (out [1 << (probBits - priceShift)]uint32) {
	for i := range out {
		w, n := uint32(i<<priceShift+1<<(priceShift-1)), uint32(0)
		for range priceShift {
			w, n = w*w, n<<1
			for w >= 1<<16 {
				w, n = w>>1, n+1
			}
		}
		out[i] = probBits<<priceShift - 15 - n
	}
	return out
}()

func price0(p prob) uint32 { return bitPrices[p>>priceShift] }

func price1(p prob) uint32 { return bitPrices[(1<<probBits-1-p)>>priceShift] }

func bitPrice(p prob, bit uint32) uint32 {
	return bitPrices[(uint32(p)^(-bit&(1<<probBits-1)))>>priceShift]
}

func treePrice(probs []prob, bits int, v uint32) (sum uint32) {
	for v |= 1 << bits; v > 1; v >>= 1 {
		sum += bitPrice(probs[v>>1], v&1)
	}
	return sum
}

func reversePrice(probs []prob, bits int, v uint32) (sum uint32) {
	m := uint32(1)
	for range bits {
		sum += bitPrice(probs[m], v&1)
		m, v = m<<1|v&1, v>>1
	}
	return sum
}

// lengthPrices are those of one kind of length, by position state. What they
// were made from goes on to change: after as many lengths as a table has they are made anew.
type lengthPrices struct {
	price [1 << posBits][treeNice + 1]uint32
	left  [1 << posBits]int
}

func (t *lengthPrices) used(l *lengths, posState int) {
	if t.left[posState]--; t.left[posState] <= 0 {
		t.update(l, posState)
	}
}

func (t *lengthPrices) update(l *lengths, posState int) {
	table := &t.price[posState]
	t.left[posState] = len(table) - minMatch
	short, long := price0(l.choice), price1(l.choice)
	middle, long := long+price0(l.choice2), long+price1(l.choice2)
	for n := minMatch; n < len(table); n++ {
		switch v := uint32(n - minMatch); {
		case v < 8:
			table[n] = short + treePrice(l.low[posState][:], 3, v)
		case v < 16:
			table[n] = middle + treePrice(l.mid[posState][:], 3, v-8)
		default:
			table[n] = long + treePrice(l.high[:], 8, v-16)
		}
	}
}

// distPrices are those of distances, by the state that the length gives.
type distPrices struct {
	slot  [4][slotCount]uint32
	near  [4][fullDist]uint32
	align [16]uint32
	since int // matches since they were made
}

func (t *distPrices) update(m *model) {
	t.since = 0
	for state := range t.slot {
		for slot := range uint32(slotCount) {
			t.slot[state][slot] = treePrice(m.slots[state][:], 6, slot)
			if slot >= 14 {
				t.slot[state][slot] += (slot>>1 - 5) << priceShift
			}
		}
	}
	for dist := range uint32(fullDist) {
		slot, low := distSlot(dist), uint32(0)
		if slot >= 4 {
			footer := int(slot>>1) - 1
			low = reversePrice(m.special[slot-4][:], footer, dist&(1<<footer-1))
		}
		for state := range t.near {
			t.near[state][dist] = t.slot[state][slot] + low
		}
	}
	for v := range uint32(16) {
		t.align[v] = reversePrice(m.align[:], 4, v)
	}
}

func (t *distPrices) of(dist uint32, n int) uint32 {
	state := min(n-minMatch, 3)
	if dist < fullDist {
		return t.near[state][dist]
	}
	return t.slot[state][distSlot(dist)] + t.align[dist&15]
}

// literalPrice is the price of b after last, in state; other is the byte at the last distance.
func (m *model) literalPrice(state int, last, other, b byte) (sum uint32) {
	probs := &m.literal[last>>(8-litContext)]
	if state < litStates {
		for v := uint32(b) | 0x100; v > 1; v >>= 1 {
			sum += bitPrice(probs[v>>1], v&1)
		}
		return sum
	}
	offset, match := uint32(0x100), uint32(other)
	for symbol := uint32(b) | 0x100; symbol < 0x10000; {
		match <<= 1
		sum += bitPrice(probs[offset+match&offset+symbol>>8], symbol>>7&1)
		symbol <<= 1
		offset &^= match ^ symbol
	}
	return sum
}

// whichPrice is the price of naming the last distance i, after the bit that says it is one.
func (m *model) whichPrice(i, state, posState int) uint32 {
	if i == 0 {
		return price0(m.isRep0[state]) + price1(m.isRep0Long[state][posState])
	}
	p := price1(m.isRep0[state])
	if i == 1 {
		return p + price0(m.isRep1[state])
	}
	return p + price1(m.isRep1[state]) + bitPrice(m.isRep2[state], uint32(i-2))
}
