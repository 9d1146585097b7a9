package deflate

// Where chains are long zlib looks at many strings for each that it takes. Then the strings
// are chained by four bytes as well. zlib takes the first of the longest of those with the
// same hash of three bytes, the nearest first, and looks at so many and no more. What
// shares four bytes stands in both chains, in the same order, and the rank of a string in
// the chain of zlib's hash tells whether zlib would have come as far. So the same is found.

// link is a place in the window, in its low half, 0 for none, and the rank of the string
// there among all with the same hash of three bytes, modulo 65536.
type link uint32

const (
	placeMask  = 1<<16 - 1
	hashBits   = 15
	hashFactor = 0x9E3779B1
	usual      = 24      // strings that a search may look at
	tooMany    = 1 << 13 // strings looked at beside them: chains are long here
)

// chains take the place of Writer.head: the last string by zlib's hash, and the strings by
// the hash of four bytes.
type chains struct {
	last [1 << 16]link // as many as Writer.mask has
	head [1 << hashBits]link
	prev [windowSize]link
	rank uint16 // of the string that came last
	at   link   // the one before it with the same hash of four bytes
}

// looked counts what longest looked at, and changes to the longer way of inserting
// and the shorter way of looking.
func (w *Writer) looked(n int) {
	w.excess = max(0, w.excess+n-usual)
	if w.excess < w.most || w.fast {
		return
	}
	w.deep = true
	if w.chains == nil {
		w.chains = &chains{}
	} else {
		clear(w.chains.last[:w.mask+1])
		clear(w.chains.head[:])
	}
	for at := max(w.at-windowSize+1, 0); at <= w.at; at++ {
		w.insertDeep(at)
	}
}

// insertDeep is insert into all chains.
func (w *Writer) insertDeep(at int) int {
	c, v, s := w.chains, w.word(at), w.shift&31
	h := &c.last[(uint(v&0xFF)<<(2*s)^uint(v>>8&0xFF)<<s^uint(v>>16&0xFF))&w.mask&placeMask]
	before := *h
	here := before&^placeMask + 1<<16 | link(at)
	*h = here
	w.prev[at&windowMask] = uint16(before)
	h = &c.head[v*hashFactor>>(32-hashBits)]
	c.rank, c.at = uint16(here>>16), *h
	c.prev[at&windowMask] = *h
	*h = here
	return int(before & placeMask)
}

func (c *chains) slide(mask uint) {
	for _, p := range [][]link{c.last[:mask+1], c.head[:], c.prev[:]} {
		for i, v := range p {
			p[i] = v - min(v&placeMask, windowSize)
		}
	}
}

// deepest finds what longest finds.
func (w *Writer) deepest(head int) int {
	chain, best, nice := w.limits()
	limit := max(w.at-maxDist, 0)
	if head == limit { // zlib lets the first one lie at maxDist, and those behind it not
		limit--
	}
	if best < minMatch {
		best = w.nearest(head, limit, chain)
	}
	c, first := w.chains, w.word(w.at)
	last := w.word(w.at + best - minMatch)
	for l := c.at; int(l&placeMask) > limit && nice > minMatch; l = c.prev[l&windowMask] {
		cur := int(l & placeMask)
		if w.word(cur) != first {
			continue
		}
		if int(c.rank-uint16(l>>16)) > chain {
			break
		}
		if best >= minMatch && w.word(cur+best-minMatch) != last {
			continue
		}
		if n := w.same(w.at, cur); n > best {
			w.matchAt, best = cur, n
			if n >= nice {
				break
			}
			last = w.word(w.at + best - minMatch)
		}
	}
	return min(best, w.ahead)
}

// nearest looks for the first string that shares three bytes, where prevLen is less, and
// returns the length that there is now. One that is too far does not count.
func (w *Writer) nearest(cur, limit, chain int) int {
	limit = max(limit, w.at-tooFar-1)
	first := w.word(w.at) << 8
	for ; cur > limit && chain > 0; chain-- {
		if w.word(cur)<<8 == first {
			w.matchAt = cur
			return minMatch
		}
		cur = int(w.prev[cur&windowMask])
	}
	return w.prevLen
}
