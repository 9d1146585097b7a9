package deflate

import "math"

// place is where the parser stands in the input.
func (p *parser) place() int { return p.base + p.at }

// start makes the parser begin at the cut before x, as one would stand there that had
// parsed what is before it and had no match in hand.
func (p *parser) start(j *packing, x *part) {
	from := j.begin(x.n)
	p.reset(j.params)
	p.stop = math.MaxInt
	p.base = windowBase(from, len(j.plain))
	p.at = max(0, from-p.base-windowSize)
	p.ahead = copy(p.window[p.at:], j.plain[p.base+p.at:min(from+minLookahead-1, len(j.plain))])
	p.startHash()
	if j.deep.Load() {
		p.dig()
	}
	first := p.at
	p.at = from - p.base
	p.ahead -= p.at - first
	p.insertFrom(first, p.at-1)
	p.symbols = x.symbols
	p.mark(j, x)
}

// upto parses until the first place at or behind to, of those that it comes to.
func (p *parser) upto(j *packing, to int) {
	if fed := p.place() + p.ahead; fed < to+minLookahead-1 {
		p.in = j.plain[fed : to+minLookahead-1]
		p.parse(false)
	}
}

// stretch parses x, for which p stands where it begins, and returns the part behind it if
// p is to go on with that.
func (p *parser) stretch(j *packing, x *part) *part {
	defer j.busy.Done()
	next, mine := p.through(j, x)
	if p.deep {
		j.deep.Store(true)
	}
	x.symbols, p.symbols, p.in = p.symbols, nil, nil
	x.follows = next
	close(x.done)
	if !mine {
		return nil
	}
	p.symbols = next.symbols
	return next
}

// through goes on to the end of x, or beyond it to where the parser of what follows stood.
func (p *parser) through(j *packing, x *part) (follows *part, mine bool) {
	for p.reach(j, x) && x.to < len(j.plain) {
		next, mine := j.behind(x)
		if mine || next == nil {
			return next, mine
		}
		<-next.marked
		if p.meet(j, x, next) {
			j.met.Add(1)
			return next, false
		}
		j.drop(x)
	}
	return nil, false
}

// reach parses to the end of x, unless it is wanted no more.
func (p *parser) reach(j *packing, x *part) bool {
	most := min(x.to, len(j.plain)-minLookahead)
	for p.place() < most {
		if x.dropped.Load() || j.stopped.Load() {
			return false
		}
		p.upto(j, min(p.place()+stride, most))
	}
	if x.to == len(j.plain) {
		p.in = j.plain[p.place()+p.ahead:]
		p.parse(false)
		p.parse(true)
		p.finish()
	}
	return true
}

// mark notes where behind the cut no match is in hand.
func (p *parser) mark(j *packing, x *part) {
	defer close(x.marked)
	from := j.begin(x.n)
	most := min(j.end(x.n), from+meeting, len(j.plain)-minLookahead)
	for at := p.place(); at < most && x.n > 0; at = p.place() {
		if p.matchLen < minMatch {
			n := len(p.symbols) + 1
			if p.pending {
				n++
			}
			x.marks[at-from] = uint16(n)
		}
		p.upto(j, at+1)
	}
}

// meet goes on to where the one stood who parsed next.
func (p *parser) meet(j *packing, x, next *part) bool {
	from := j.begin(next.n)
	most := min(j.end(next.n), from+meeting, len(j.plain)-minLookahead)
	for at := p.place(); at < most; at = p.place() {
		if n := next.marks[at-from]; n > 0 && p.matchLen < minMatch {
			p.finish()
			x.skip = int(n) - 1
			return true
		}
		p.upto(j, at+1)
	}
	return false
}
