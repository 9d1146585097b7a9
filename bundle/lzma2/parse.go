package lzma2

const niceLen = 192 // a match this long is taken at once

// parser decides what to write at each position.
type parser struct {
	finder
	coder
	ahead   []match // matches at pos, if they were looked up already
	hasNext bool
}

func (p *parser) start(buf []byte) {
	p.finder.reset(buf)
	p.hasNext = false
}

func (p *parser) drop() { p.buf = nil }

func (p *parser) seen(pos int) int { return pos }

func (p *parser) core() *coder { return &p.coder }

// put writes the next symbol at pos and returns how many bytes it stands for.
func (p *parser) put(pos int) int {
	rep, repLen := p.bestRepeat(pos)
	if repLen >= niceLen {
		p.putRepeat(rep, repLen, pos)
		p.hasNext = false
		return repLen
	}
	m := p.main(pos)
	if m.n < niceLen {
		if repLen >= minMatch && worthRepeat(repLen, m) {
			p.putRepeat(rep, repLen, pos)
			return repLen
		}
		if m.n < minMatch || p.later(pos, m) {
			return p.single(pos)
		}
	}
	p.putMatch(m.dist, m.n, pos)
	p.hasNext = false
	return m.n
}

// single writes one byte, as a repeat of the last distance where that is cheap.
func (p *parser) single(pos int) int {
	if r := pos - int(p.rep[0]) - 1; r >= 0 && p.state >= litStates && p.buf[r] == p.buf[pos] {
		p.putShort(pos)
	} else {
		p.putLiteral(p.buf, pos)
	}
	return 1
}

// worthRepeat tells whether a repeat beats a match that is a little longer: its
// distance costs almost nothing.
func worthRepeat(repLen int, m match) bool {
	return repLen+1 >= m.n || repLen+2 >= m.n && m.dist > 1<<9 || repLen+3 >= m.n && m.dist > 1<<15
}

// main is the match to take at pos: the longest, or one a byte shorter and far nearer.
func (p *parser) main(pos int) match {
	list := p.ahead
	if !p.hasNext {
		list = p.find(pos)
	}
	p.hasNext = false
	if len(list) == 0 {
		return match{n: 1}
	}
	i := len(list) - 1
	for i > 0 && list[i].n == list[i-1].n+1 && muchNearer(list[i-1].dist, list[i].dist) {
		i--
	}
	if list[i].n == minMatch && list[i].dist >= 0x80 {
		return match{n: 1}
	}
	return list[i]
}

func muchNearer(near, far uint32) bool { return near < far>>7 }

// later tells whether the next position has something better than m, so that a
// literal comes first.
func (p *parser) later(pos int, m match) bool {
	if len(p.buf)-pos <= minMatch {
		return true
	}
	p.ahead, p.hasNext = p.find(pos+1), true
	if k := len(p.ahead); k > 0 {
		n := p.ahead[k-1]
		if n.n >= m.n && n.dist < m.dist || n.n == m.n+1 && !muchNearer(m.dist, n.dist) || n.n > m.n+1 ||
			n.n+1 >= m.n && m.n >= 3 && muchNearer(n.dist, m.dist) {
			return true
		}
	}
	limit := max(minMatch, m.n-1)
	for _, d := range p.rep {
		if p.repeatAt(pos+1, d, limit) >= limit {
			return true
		}
	}
	return false
}

// bestRepeat is the longest match at one of the last four distances.
func (p *parser) bestRepeat(pos int) (rep, length int) {
	for i, d := range p.rep {
		if n := p.repeatAt(pos, d, maxMatch); n > length {
			rep, length = i, n
		}
	}
	return rep, length
}

func (p *parser) repeatAt(pos int, dist uint32, limit int) int {
	at := pos - int(dist) - 1
	if at < 0 {
		return 0
	}
	return common(p.buf[at:], p.buf[pos:min(len(p.buf), pos+limit)])
}
