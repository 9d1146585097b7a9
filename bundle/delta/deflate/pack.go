package deflate

// Lend has work called with a Writer of its own in another goroutine, again and again until
// it returns false or the core is wanted elsewhere. It returns false if no core is free.
type Lend func(work func(*Writer) bool) bool

// Pack is Write of all there is and Close, with the cores that lend has free. Beside plain
// it takes up to four bytes for each of its bytes.
func (w *Writer) Pack(plain []byte, lend Lend) error {
	if w.fast || len(plain) < partLeast {
		w.Write(plain)
		return w.Close()
	}
	return w.packParts(&packing{plain: plain, params: w.params, lend: lend, cuts: cuts(len(plain))})
}

// packParts parses parts, in turn with the others, and writes those whose turn it is.
func (w *Writer) packParts(j *packing) error {
	defer j.stop()
	x := j.claim()
	w.start(j, x)
	for first, skip := x, 0; first != nil && w.err == nil; {
		if x != nil {
			j.ask()
			x = w.stretch(j, x)
		} else if x = j.claim(); x != nil {
			w.start(j, x)
			continue
		} else {
			<-first.done
		}
		first, skip = w.writeReady(j, first, skip)
	}
	if x != nil { // claimed, and no longer wanted
		j.busy.Done()
	}
	if w.err == nil {
		w.flushRow(j, true)
	}
	w.closed = true
	return w.err
}

// ask has others parse what nobody parses yet.
func (j *packing) ask() {
	j.mu.Lock()
	left := len(j.cuts) + 1 - j.claimed
	j.mu.Unlock()
	for ; left > 0 && j.lend != nil && j.lend(j.help); left-- {
	}
}

// help parses a part, and what follows as long as nobody else does.
func (j *packing) help(w *Writer) bool {
	x := j.claim()
	if x == nil {
		return false
	}
	w.start(j, x)
	for x != nil {
		x = w.stretch(j, x)
	}
	return true
}

// writeReady writes parts that are done, from the first on, and returns the first that is not.
func (w *Writer) writeReady(j *packing, x *part, skip int) (*part, int) {
	for x != nil {
		select {
		case <-x.done:
		default:
			return x, skip
		}
		w.writePart(j, x, skip)
		j.recycle(x)
		x, skip = x.follows, x.skip
	}
	return nil, 0
}

// writePart writes all blocks that are full. A literal that waited until the end fills none.
func (w *Writer) writePart(j *packing, x *part, skip int) {
	for s := x.symbols[skip:]; len(s) > 0; {
		n := min(len(s), w.mostSymbols-len(w.row))
		w.row, s = append(w.row, s[:n]...), s[n:]
		if end := x.follows == nil && len(s) == 0 && w.row[len(w.row)-1].dist == 0; len(w.row) == w.mostSymbols && !end {
			w.flushRow(j, false)
		}
	}
}

// flushRow writes a block of what came from parts.
func (w *Writer) flushRow(j *packing, last bool) {
	n := w.count(w.row)
	end := w.blockStart + n
	head := end // where the parser stood
	if !last {
		head += 1 - w.row[len(w.row)-1].size()
	}
	var plain []byte
	if w.blockStart >= windowBase(head, len(j.plain)) {
		plain = j.plain[w.blockStart:end]
	}
	w.block(w.row, plain, last)
	w.row, w.blockStart = w.row[:0], end
}

// windowBase is where the window begins of a parser that stands at a place of size bytes.
func windowBase(at, size int) int {
	over := at - windowSize - maxDist
	if size-at < minLookahead {
		over++
	}
	return (max(over, 0) + windowSize - 1) / windowSize * windowSize
}
