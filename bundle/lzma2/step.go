package lzma2

// step prices all symbols at pos, which is the plan's node cur, and gives the
// last node reached. The matches there are in found.
func (p *planner) step(pos, cur, end int) int {
	x := &p.nodes[cur]
	p.arrive(x, cur)
	state, posState := x.state, pos&(1<<posBits-1)
	other, isOther := p.otherAt(pos, x.reps[0]), pos > int(x.reps[0])
	next := &p.nodes[cur+1]
	litPrice := x.price + price0(p.isMatch[state][posState]) + p.literalPrice(state, p.before(pos), other, p.buf[pos])
	nextIsNew := next.offer(litPrice, literal, cur)
	matchPrice := x.price + price1(p.isMatch[state][posState])
	repPrice := matchPrice + price1(p.isRep[state])
	if isOther && other == p.buf[pos] && !(next.from < cur && next.back == 0) {
		if price := repPrice + p.shortPrice(state, posState); price <= next.price {
			next.price, next.back, next.from, next.lit = price, 0, cur, false
			nextIsNew = true
		}
	}
	full := min(len(p.buf)-pos, planSize-1-cur)
	if full < 2 {
		return end
	}
	left := min(full, treeNice)
	if !nextIsNew && !(isOther && other == p.buf[pos]) {
		end = p.literalThenRepeat(pos, cur, end, full, litPrice)
	}
	start := minMatch
	for i, dist := range x.reps {
		n := p.repeatLengthAt(pos, dist, left)
		if n < minMatch {
			continue
		}
		if i == 0 {
			start = n + 1
		}
		end = p.open(end, cur+n)
		price := repPrice + p.whichPrice(i, state, posState)
		p.offerRepeats(cur, i, n, price, posState)
		end = p.thenRepeat(pos, cur, end, full, n, dist, uint32(i), price+p.repeatLen.price[posState][n], after(state, 8))
	}
	return p.matchesAt(pos, cur, end, full, left, start, matchPrice+price0(p.isRep[state]))
}

// arrive fills in the state and the last distances after the symbols that lead to x.
func (p *planner) arrive(x *node, cur int) {
	from := x.from
	if x.lit {
		from--
	}
	prev := &p.nodes[from]
	state := prev.state
	if x.lit {
		if x.two {
			state = afterBack(p.nodes[x.from2].state, x.back2)
		}
		state = afterLiteral(state)
	}
	if !x.lit && from == cur-1 {
		x.reps = prev.reps
		if x.back == 0 {
			x.state = after(state, 9)
		} else {
			x.state = afterLiteral(state)
		}
		return
	}
	back := x.back
	switch {
	case x.lit && x.two:
		prev, back = &p.nodes[x.from2], x.back2
		x.state = after(state, 8)
	default:
		x.state = afterBack(state, back)
	}
	x.reps = moved(&prev.reps, back)
}

func afterBack(state int, back uint32) int {
	if back < reps {
		return after(state, 8)
	}
	return after(state, 7)
}

func afterLiteral(state int) int {
	switch {
	case state < 4:
		return 0
	case state < 10:
		return state - 3
	}
	return state - 6
}

// moved is rep after a symbol of back.
func moved(rep *[reps]uint32, back uint32) [reps]uint32 {
	switch {
	case back >= reps:
		return [reps]uint32{back - reps, rep[0], rep[1], rep[2]}
	case back == 0:
		return *rep
	case back == 1:
		return [reps]uint32{rep[1], rep[0], rep[2], rep[3]}
	case back == 2:
		return [reps]uint32{rep[2], rep[0], rep[1], rep[3]}
	}
	return [reps]uint32{rep[3], rep[0], rep[1], rep[2]}
}

// literalThenRepeat tries a literal and then the last distance.
func (p *planner) literalThenRepeat(pos, cur, end, full int, litPrice uint32) int {
	x := &p.nodes[cur]
	at := pos - int(x.reps[0]) - 1
	if at < 0 {
		return end
	}
	n := common(p.buf[at+1:], p.buf[pos+1:pos+min(full, treeNice+1)])
	if n < minMatch {
		return end
	}
	end = p.open(end, cur+1+n)
	price := litPrice + p.lastPrice(afterLiteral(x.state), pos+1, n)
	if to := &p.nodes[cur+1+n]; to.offer(price, 0, cur+1) {
		to.lit, to.two = true, false
	}
	return end
}

// lastPrice is the price of n bytes at the last distance.
func (p *planner) lastPrice(state, pos, n int) uint32 {
	posState := pos & (1<<posBits - 1)
	return price1(p.isMatch[state][posState]) + price1(p.isRep[state]) + p.whichPrice(0, state, posState) + p.repeatLen.price[posState][n]
}

// thenRepeat tries, after a symbol of n bytes that cost price and led to state,
// a literal and then the same distance again.
func (p *planner) thenRepeat(pos, cur, end, full, n int, dist, back, price uint32, state int) int {
	at := pos - int(dist) - 1
	limit := min(full, n+1+treeNice)
	if n+1 >= limit {
		return end
	}
	more := common(p.buf[at+n+1:], p.buf[pos+n+1:pos+limit])
	if more < minMatch {
		return end
	}
	price += price0(p.isMatch[state][(pos+n)&(1<<posBits-1)]) + p.literalPrice(state, p.buf[pos+n-1], p.buf[at+n], p.buf[pos+n])
	price += p.lastPrice(afterLiteral(state), pos+n+1, more)
	end = p.open(end, cur+n+1+more)
	if to := &p.nodes[cur+n+1+more]; to.offer(price, 0, cur+n+1) {
		to.lit, to.two, to.from2, to.back2 = true, true, cur, back
	}
	return end
}

// matchesAt prices the matches in found, and each followed by a literal and the same distance.
func (p *planner) matchesAt(pos, cur, end, full, left, start int, price uint32) int {
	list := p.found
	for i, m := range list {
		if m.n >= left { // the plan, or the data, ends before
			list = list[:i+1]
			list[i].n = left
			break
		}
	}
	if longest(list) < start {
		return end
	}
	end = p.open(end, cur+longest(list))
	posState := pos & (1<<posBits - 1)
	table, state := &p.matchLen.price[posState], after(p.nodes[cur].state, 7)
	for _, m := range list {
		if m.n < start {
			continue
		}
		var last uint32
		for ; start <= m.n; start++ {
			last = price + table[start] + p.dists.of(m.dist, start)
			p.nodes[cur+start].offer(last, m.dist+reps, cur)
		}
		end = p.thenRepeat(pos, cur, end, full, m.n, m.dist, m.dist+reps, last, state)
	}
	return end
}

// backward turns the way to cur around, so that each node of it leads to the
// next, and gives the first symbol.
func (p *planner) backward(cur int) (n int, back uint32) {
	p.end = cur
	from, with := p.nodes[cur].from, p.nodes[cur].back
	for cur != 0 {
		if x := &p.nodes[cur]; x.lit {
			p.nodes[from].back, p.nodes[from].from, p.nodes[from].lit = literal, from-1, false
			if x.two {
				y := &p.nodes[from-1]
				y.lit, y.from, y.back = false, x.from2, x.back2
			}
		}
		prev := &p.nodes[from]
		to, toBack := cur, with
		cur = from
		from, with = prev.from, prev.back
		prev.from, prev.back = to, toBack
	}
	p.at = 0
	return p.planned()
}
