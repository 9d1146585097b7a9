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
func (p *parser) looked(n int) {
	p.excess = max(0, p.excess+n-usual)
	if p.excess < p.most || p.fast {
		return
	}
	p.dig()
	p.insertFrom(max(p.at-windowSize+1, 0), p.at)
}

// dig changes to the chains of four bytes, which are empty.
func (p *parser) dig() {
	p.deep = true
	if p.chains == nil {
		p.chains = &chains{}
	} else {
		clear(p.chains.last[:p.mask+1])
		clear(p.chains.head[:])
	}
}

// insertDeep is insert into all chains.
func (p *parser) insertDeep(at int) int {
	c, v, s := p.chains, p.word(at), p.shift&31
	h := &c.last[(uint(v&0xFF)<<(2*s)^uint(v>>8&0xFF)<<s^uint(v>>16&0xFF))&p.mask&placeMask]
	before := *h
	here := before&^placeMask + 1<<16 | link(at)
	*h = here
	p.prev[at&windowMask] = uint16(before)
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
func (p *parser) deepest(head int) int {
	chain, best, nice := p.limits()
	limit := max(p.at-maxDist, 0)
	if head == limit { // zlib lets the first one lie at maxDist, and those behind it not
		limit--
	}
	if best < minMatch {
		best = p.nearest(head, limit, chain)
	}
	c, first := p.chains, p.word(p.at)
	last := p.word(p.at + best - minMatch)
	for l := c.at; int(l&placeMask) > limit && nice > minMatch; l = c.prev[l&windowMask] {
		cur := int(l & placeMask)
		if p.word(cur) != first {
			continue
		}
		if int(c.rank-uint16(l>>16)) > chain {
			break
		}
		if best >= minMatch && p.word(cur+best-minMatch) != last {
			continue
		}
		if n := p.same(p.at, cur); n > best {
			p.matchAt, best = cur, n
			if n >= nice {
				break
			}
			last = p.word(p.at + best - minMatch)
		}
	}
	return min(best, p.ahead)
}

// nearest looks for the first string that shares three bytes, where prevLen is less, and
// returns the length that there is now. One that is too far does not count.
func (p *parser) nearest(cur, limit, chain int) int {
	limit = max(limit, p.at-tooFar-1)
	first := p.word(p.at) << 8
	for ; cur > limit && chain > 0; chain-- {
		if p.word(cur)<<8 == first {
			p.matchAt = cur
			return minMatch
		}
		cur = int(p.prev[cur&windowMask])
	}
	return p.prevLen
}
