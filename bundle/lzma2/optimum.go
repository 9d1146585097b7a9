package lzma2

// The optimal parser looks some way ahead, prices every way that symbols could
// go there with the probabilities as they are, and writes the cheapest
// (lzma_encoder_optimum_normal.c of liblzma).

const (
	planSize = 4096
	reps     = 4 // a back below this names a last distance, others are a distance plus this
	literal  = 1<<32 - 1
)

// node is a position of the plan, and the cheapest way to it: a symbol of
// back from the node at from. With lit a literal stands between: the symbol is
// the last distance after a literal at from-1; with two, the literal follows a
// symbol of back2 from from2.
type node struct {
	price       uint32
	back, back2 uint32
	from, from2 int
	state       int
	lit, two    bool
	reps        [reps]uint32
}

// planner decides what to write at each position.
type planner struct {
	tree
	coder
	nodes      [planSize + 1]node
	at, end    int // the symbols planned and not yet written: nodes[at] leads to the next
	found      []match
	hasFound   bool
	matchLen   lengthPrices
	repeatLen  lengthPrices
	dists      distPrices
	fillPrices bool
}

func (p *planner) start(buf []byte) { p.tree.reset(buf) }

func (p *planner) drop() { p.buf = nil }

func (p *planner) seen(pos int) int { return max(pos, p.next) }

func (p *planner) core() *coder { return &p.coder }

func (p *planner) resetState() {
	p.coder.resetState()
	p.fillPrices, p.at, p.end, p.hasFound = true, 0, 0, false
}

// put writes the next symbol at pos and returns how many bytes it stands for.
func (p *planner) put(pos int) int {
	var n int
	var back uint32
	if p.at != p.end {
		n, back = p.planned()
	} else {
		n, back = p.plan(pos)
	}
	switch {
	case back == literal:
		p.putLiteral(p.buf, pos)
	case back == 0 && n == 1:
		p.putShort(pos)
	case back < reps:
		p.putRepeat(int(back), n, pos)
		p.repeatLen.used(&p.repLength, pos&(1<<posBits-1))
	default:
		p.putMatch(back-reps, n, pos)
		p.matchLen.used(&p.length, pos&(1<<posBits-1))
		p.dists.since++
	}
	return n
}

func (p *planner) planned() (n int, back uint32) {
	x := &p.nodes[p.at]
	n, back, p.at = x.from-p.at, x.back, x.from
	return n, back
}

// refresh makes the prices anew when enough has changed.
func (p *planner) refresh() {
	if p.fillPrices {
		for s := range 1 << posBits {
			p.matchLen.update(&p.length, s)
			p.repeatLen.update(&p.repLength, s)
		}
	}
	if p.fillPrices || p.dists.since >= 128 {
		p.dists.update(&p.model)
	}
	p.fillPrices = false
}

// look gives the matches at pos, which is the position before the next one to find at.
func (p *planner) look() []match {
	if !p.hasFound {
		p.found = p.find()
	}
	p.hasFound = false
	return p.found
}

func longest(list []match) int {
	if len(list) == 0 {
		return 0
	}
	return list[len(list)-1].n
}

// plan decides on symbols from pos on and returns the first.
func (p *planner) plan(pos int) (n int, back uint32) {
	if !p.hasFound {
		p.refresh()
	}
	list := p.look()
	left := min(len(p.buf)-pos, maxMatch)
	if left < 2 {
		return 1, literal
	}
	lens, best := p.repeats(pos, p.rep, left)
	if lens[best] >= treeNice {
		p.skip(lens[best] - 1)
		return lens[best], uint32(best)
	}
	if n := longest(list); n >= treeNice {
		p.skip(n - 1)
		return n, list[len(list)-1].dist + reps
	}
	end := p.first(pos, list, lens, max(longest(list), lens[best]))
	if end < 2 {
		return 1, p.nodes[1].back
	}
	cur := 1
	for ; cur < end; cur++ {
		p.found, p.hasFound = p.find(), true
		if longest(p.found) >= treeNice {
			break
		}
		end = p.step(pos+cur, cur, end)
		p.hasFound = false
	}
	return p.backward(cur)
}

// repeats gives the length of the match at each of the last distances.
func (p *planner) repeats(pos int, rep [reps]uint32, left int) (lens [reps]int, best int) {
	for i, d := range rep {
		if lens[i] = p.repeatLengthAt(pos, d, left); lens[i] > lens[best] {
			best = i
		}
	}
	return lens, best
}

// repeatLengthAt is 0 for less than two bytes.
func (p *planner) repeatLengthAt(pos int, dist uint32, left int) int {
	at := pos - int(dist) - 1
	if at < 0 || p.buf[at] != p.buf[pos] || left < 2 || p.buf[at+1] != p.buf[pos+1] {
		return 0
	}
	return 2 + common(p.buf[at+2:], p.buf[pos+2:pos+left])
}

// otherAt is the byte at a distance before pos.
func (p *planner) otherAt(pos int, dist uint32) byte {
	if at := pos - int(dist) - 1; at >= 0 {
		return p.buf[at]
	}
	return 0
}

func (p *planner) before(pos int) byte {
	if pos == 0 {
		return 0
	}
	return p.buf[pos-1]
}

// first prices all symbols at pos and gives the last node reached.
func (p *planner) first(pos int, list []match, lens [reps]int, end int) int {
	start := &p.nodes[0]
	start.state, start.reps, start.price = p.state, p.rep, 0
	state, posState := p.state, pos&(1<<posBits-1)
	other, isOther := p.otherAt(pos, p.rep[0]), pos > int(p.rep[0])
	p.nodes[1] = node{price: price0(p.isMatch[state][posState]) + p.literalPrice(state, p.before(pos), other, p.buf[pos]), back: literal}
	matchPrice := price1(p.isMatch[state][posState])
	repPrice := matchPrice + price1(p.isRep[state])
	if isOther && other == p.buf[pos] {
		p.nodes[1].offer(repPrice+p.shortPrice(state, posState), 0, 0)
	}
	if end < 2 {
		return end
	}
	p.open(1, end)
	for i, n := range lens {
		p.offerRepeats(0, i, n, repPrice+p.whichPrice(i, state, posState), posState)
	}
	p.offerMatches(0, list, max(2, lens[0]+1), matchPrice+price0(p.isRep[state]), posState)
	return end
}

func (p *planner) shortPrice(state, posState int) uint32 {
	return price0(p.isRep0[state]) + price0(p.isRep0Long[state][posState])
}

// open makes the nodes after end, up to to, ones that nothing leads to yet.
func (p *planner) open(end, to int) int {
	for end < to {
		end++
		p.nodes[end].price = noPrice
	}
	return end
}

// offer takes a way to x if it is cheaper.
func (x *node) offer(price, back uint32, from int) bool {
	if price >= x.price {
		return false
	}
	x.price, x.back, x.from, x.lit = price, back, from, false
	return true
}

func (p *planner) offerRepeats(cur, i, n int, price uint32, posState int) {
	table := &p.repeatLen.price[posState]
	for ; n >= minMatch; n-- {
		p.nodes[cur+n].offer(price+table[n], uint32(i), cur)
	}
}

// offerMatches prices every length from start on, each at the nearest place that has it.
func (p *planner) offerMatches(cur int, list []match, start int, price uint32, posState int) {
	table := &p.matchLen.price[posState]
	for _, m := range list {
		for ; start <= m.n; start++ {
			p.nodes[cur+start].offer(price+table[start]+p.dists.of(m.dist, start), m.dist+reps, cur)
		}
	}
}
