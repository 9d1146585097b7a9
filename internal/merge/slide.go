package merge

// A run of changed lines that begins, or is followed, by lines like its own can
// be shown at several places. slide puts each where git does: as far down as it
// goes, joined with runs that it meets, or beside a change of the other side.
func slide(lines []int32, off, other []bool) {
	g, o := run{lines: lines, off: off}, run{off: other}
	g.first()
	o.first()
	for {
		if g.end > g.start {
			settleRun(&g, &o)
		}
		if !g.next() || !o.next() {
			return
		}
	}
}

func settleRun(g, o *run) {
	beside := -1 // the last place at which the other side changed too
	earliest := 0
	for size := -1; size != g.end-g.start; {
		size, beside = g.end-g.start, -1
		for g.up() {
			o.previous()
		}
		earliest = g.end
		for {
			if o.end > o.start {
				beside = g.end
			}
			if !g.down() {
				break
			}
			o.next()
		}
	}
	if g.end == earliest || beside < 0 {
		return
	}
	for o.end == o.start && g.up() {
		o.previous()
	}
}

// run is one of the runs of changed lines, maybe empty, that lie before, between
// and behind the unchanged ones.
type run struct {
	lines      []int32
	off        []bool
	start, end int
}

func (r *run) first() {
	r.start, r.end = 0, 0
	r.grow()
}

func (r *run) grow() {
	for r.end < len(r.off) && r.off[r.end] {
		r.end++
	}
}

func (r *run) next() bool {
	if r.end == len(r.off) {
		return false
	}
	r.start, r.end = r.end+1, r.end+1
	r.grow()
	return true
}

func (r *run) previous() {
	if r.start == 0 {
		return
	}
	r.end = r.start - 1
	for r.start = r.end; r.start > 0 && r.off[r.start-1]; {
		r.start--
	}
}

func (r *run) down() bool {
	if r.end >= len(r.lines) || r.lines[r.start] != r.lines[r.end] {
		return false
	}
	r.off[r.start], r.off[r.end] = false, true
	r.start, r.end = r.start+1, r.end+1
	r.grow()
	return true
}

func (r *run) up() bool {
	if r.start == 0 || r.lines[r.start-1] != r.lines[r.end-1] {
		return false
	}
	r.start, r.end = r.start-1, r.end-1
	r.off[r.start], r.off[r.end] = true, false
	for r.start > 0 && r.off[r.start-1] {
		r.start--
	}
	return true
}
