package bytediff

// step is a part of a delta: copy bytes from pos in old, changed by their
// differences, then insert new ones.
type step struct {
	pos, copy, insert int
}

const (
	better  = 8  // a new match must explain so many bytes more than the one in hand
	settled = 24 // so many bytes that still match where we are need no search
)

// matcher walks through new as Colin Percival's bsdiff does: it looks for
// exact matches and extends both ends over bytes that mostly agree.
type matcher struct {
	index
	new  []byte
	emit func(step)

	done    int // bytes of new that ops explain, and where the next copy begins
	oldDone int
}

// match explains new by the indexed old.
func (m *matcher) match() {
	scan, n, pos := 0, 0, 0
	offset := 0 // of the match in hand: place in old less place in new
	for scan < len(m.new) {
		var oldScore int
		scan, pos, n, oldScore = m.next(scan+n, pos, offset)
		if n == oldScore && scan < len(m.new) {
			continue
		}
		m.close(scan, pos)
		offset = pos - scan
	}
}

// next goes on from scan until a match beats the one at offset by enough, or
// agrees with it wholly.
func (m *matcher) next(scan, pos, offset int) (at, where, n, oldScore int) {
	scored := scan
	for ; scan < len(m.new); scan++ {
		if run := m.aligned(scan, offset); run >= settled {
			return scan, scan + offset, run, run
		}
		pos, n = m.longest(m.new[scan:])
		for ; scored < scan+n; scored++ {
			if m.agrees(scored, offset) {
				oldScore++
			}
		}
		if n == oldScore && n != 0 || n > oldScore+better {
			return scan, pos, n, oldScore
		}
		if m.agrees(scan, offset) {
			oldScore--
		}
	}
	return scan, pos, n, oldScore
}

func (m *matcher) agrees(at, offset int) bool {
	i := at + offset
	return i >= 0 && i < len(m.old) && m.old[i] == m.new[at]
}

// aligned is how far new from at on agrees with old at offset.
func (m *matcher) aligned(at, offset int) int {
	i := at + offset
	if i < 0 || i >= len(m.old) {
		return 0
	}
	return common(m.old[i:], m.new[at:])
}

// close ends the copy in hand before the match of new[scan:] with old[pos:].
func (m *matcher) close(scan, pos int) {
	forward := m.forward(scan)
	backward := 0
	if scan < len(m.new) {
		backward = m.backward(scan, pos)
	}
	if over := m.done + forward - (scan - backward); over > 0 {
		keep := m.split(scan, pos, forward, backward, over)
		forward += keep - over
		backward -= keep
	}
	s := step{m.oldDone, forward, scan - backward - m.done - forward}
	m.done, m.oldDone = scan-backward, pos-backward
	if s.copy > 0 || s.insert > 0 {
		m.emit(s)
	}
}

// forward is how far the copy in hand goes on with most bytes agreeing.
func (m *matcher) forward(scan int) int {
	score, best, length := 0, 0, 0
	for i := 0; m.done+i < scan && m.oldDone+i < len(m.old); {
		if m.old[m.oldDone+i] == m.new[m.done+i] {
			score++
		}
		i++
		if score*2-i > best*2-length {
			best, length = score, i
		}
	}
	return length
}

// backward is the same from the next match towards the front.
func (m *matcher) backward(scan, pos int) int {
	score, best, length := 0, 0, 0
	for i := 1; scan >= m.done+i && pos >= i; i++ {
		if m.old[pos-i] == m.new[scan-i] {
			score++
		}
		if score*2-i > best*2-length {
			best, length = score, i
		}
	}
	return length
}

// split divides over bytes that both sides claim, and returns how many are the
// copy's in hand.
func (m *matcher) split(scan, pos, forward, backward, over int) int {
	score, best, keep := 0, 0, 0
	for i := range over {
		if m.new[m.done+forward-over+i] == m.old[m.oldDone+forward-over+i] {
			score++
		}
		if m.new[scan-backward+i] == m.old[pos-backward+i] {
			score--
		}
		if score > best {
			best, keep = score, i+1
		}
	}
	return keep
}
