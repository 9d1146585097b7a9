package deflate

import "math/bits"

// code is a Huffman code, its bits in the order in which they are sent.
type code struct {
	bits uint16
	len  uint8
}

// tree is one alphabet of a block: how often each symbol came, and its code.
// The second half of parent and codes are inner nodes.
type tree struct {
	freq    []uint16
	parent  []uint16
	codes   []code
	static  []code
	extra   []uint8
	base    int // the first symbol with extra bits
	symbols int
	most    int // bits of the longest code
	last    int // the last symbol in use
}

func newTree(symbols, most, base int, extra []uint8, static []code) tree {
	n := 2*symbols + 1
	return tree{freq: make([]uint16, symbols), parent: make([]uint16, n), codes: make([]code, n), static: static, extra: extra, base: base, symbols: symbols, most: most}
}

// heap is a priority queue of symbols, and behind it those taken, in order. What is
// queued holds, from its high bits down, how often it came, the height of its tree and
// its number, so that the first two are compared at once.
type heap struct {
	node  [heapSize]uint32
	n     int
	taken int
}

const (
	numberBits = 10
	heightBits = 5 // a tree of 65535 leaves that zlib's freq can count is no higher than 23
	number     = 1<<numberBits - 1
)

// smaller is zlib's order: of equal ones the lower tree, and of equal trees either.
func smaller(a, b uint32) bool { return a>>numberBits <= b>>numberBits }

func (h *heap) down(k int) {
	node := h.node[:h.n+1]
	v := node[k]
	for j := k << 1; j < len(node); j <<= 1 {
		least := node[j]
		if j+1 < len(node) && smaller(node[j+1], least) {
			j++
			least = node[j]
		}
		if smaller(v, least) {
			break
		}
		node[k] = least
		k = j
	}
	node[k] = v
}

func (h *heap) push(node int, freq uint16) {
	h.n++
	h.node[h.n] = uint32(freq)<<(heightBits+numberBits) | uint32(node)
}

func (h *heap) take(node uint32) {
	h.taken--
	h.node[h.taken] = node & number
}

// build gives t's symbols their codes and adds their cost to the block's.
func (w *blocks) build(t *tree) {
	h := &w.heap
	h.n, h.taken = 0, heapSize
	last := -1
	for n := range t.symbols {
		if t.freq[n] != 0 {
			last = n
			h.push(n, t.freq[n])
		} else {
			t.codes[n].len = 0
		}
	}
	for h.n < 2 { // pkzip wants at least one distance code
		node := 0
		if last < 2 {
			last++
			node = last
		}
		h.push(node, 1)
		t.freq[node] = 1
		w.optimal--
		if t.static != nil {
			w.fixed -= int(t.static[node].len)
		}
	}
	t.last = last
	for n := h.n / 2; n >= 1; n-- {
		h.down(n)
	}
	h.join(t)
	var count [maxBits + 1]uint16
	w.lengths(t, &count)
	assignCodes(t.codes[:last+1], &count)
}

// join makes inner nodes of the two rarest until one is left.
func (h *heap) join(t *tree) {
	for node := t.symbols; ; node++ {
		n := h.node[1]
		h.node[1] = h.node[h.n]
		h.n--
		h.down(1)
		m := h.node[1]
		h.take(n)
		h.take(m)
		t.parent[n&number], t.parent[m&number] = uint16(node), uint16(node)
		h.node[1] = joined(n, m) | uint32(node)
		h.down(1)
		if h.n < 2 {
			break
		}
	}
	h.take(h.node[1])
}

// joined is how often both came and the height of the tree above them.
func joined(n, m uint32) uint32 {
	const heights = (1<<heightBits - 1) << numberBits
	freq := n>>(heightBits+numberBits) + m>>(heightBits+numberBits)
	return freq<<(heightBits+numberBits) | max(n&heights, m&heights) + 1<<numberBits
}

// lengths sets the code lengths, none above t.most, and counts them.
func (w *blocks) lengths(t *tree, count *[maxBits + 1]uint16) {
	h, overflow := &w.heap, 0
	t.codes[h.node[h.taken]].len = 0
	for _, n := range h.node[h.taken+1:] {
		bits := int(t.codes[t.parent[n]].len) + 1
		if bits > t.most {
			bits = t.most
			overflow++
		}
		t.codes[n].len = uint8(bits)
		if int(n) > t.last {
			continue
		}
		count[bits]++
		extra := 0
		if int(n) >= t.base {
			extra = int(t.extra[int(n)-t.base])
		}
		w.optimal += int(t.freq[n]) * (bits + extra)
		if t.static != nil {
			w.fixed += int(t.freq[n]) * (int(t.static[n].len) + extra)
		}
	}
	if overflow > 0 {
		w.shorten(t, count, overflow)
	}
}

// shorten moves leaves up until no code is too long.
func (w *blocks) shorten(t *tree, count *[maxBits + 1]uint16, overflow int) {
	for ; overflow > 0; overflow -= 2 {
		bits := t.most - 1
		for count[bits] == 0 {
			bits--
		}
		count[bits]--
		count[bits+1] += 2
		count[t.most]--
	}
	i := heapSize
	for bits := t.most; bits > 0; bits-- {
		for n := count[bits]; n > 0; {
			i--
			m := w.heap.node[i]
			if int(m) > t.last {
				continue
			}
			if old := int(t.codes[m].len); old != bits {
				w.optimal += (bits - old) * int(t.freq[m])
				t.codes[m].len = uint8(bits)
			}
			n--
		}
	}
}

// assignCodes gives the codes of known lengths their bits.
func assignCodes(codes []code, count *[maxBits + 1]uint16) {
	var next [maxBits + 1]uint16
	c := uint16(0)
	for bits := 1; bits <= maxBits; bits++ {
		c = (c + count[bits-1]) << 1
		next[bits] = c
	}
	for n := range codes {
		if l := codes[n].len; l != 0 {
			codes[n].bits = reverse(next[l], int(l))
			next[l]++
		}
	}
}

func reverse(c uint16, n int) uint16 { return bits.Reverse16(c) >> (16 - n) }
