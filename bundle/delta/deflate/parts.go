package deflate

import (
	"sync"
	"sync/atomic"
)

// A large content is parsed in parts, several at a time. The lazy levels put every string
// into the chains whatever they take, so what a search finds depends on the content, the
// place, and the match in hand from the byte before. A parser that begins at a cut, the
// window before it filled in, therefore goes the way of the one before it as soon as both
// stand at one place with no match in hand: from there on its symbols are those of one
// parser for all. The one before goes on beyond the cut until it comes to such a place. Where
// there is none soon, as in long runs, it goes through the whole part, which is dropped.

const (
	partSize  = 128 << 10
	partLeast = 2 * partSize // less is not cut
	meeting   = 512          // bytes behind a cut in which two parsers may meet
	stride    = 16 << 10     // bytes after which a parser sees whether it is still wanted
)

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

// cuts are the places where a content of n bytes is cut.
func cuts(n int) (out []int) {
	for at := partSize; at <= n-partSize/2; at += partSize {
		out = append(out, at)
	}
	return out
}

// packing is one content that is packed in parts.
type packing struct {
	plain  []byte
	params Params
	lend   Lend
	cuts   []int       // no two the same, none in the last minLookahead bytes
	deep   atomic.Bool // the chains of four bytes are of use here
	met    atomic.Int32

	mu      sync.Mutex
	claimed int   // parts
	last    *part // that was claimed
	stopped atomic.Bool
	spare   [][]symbol
	busy    sync.WaitGroup // parts that are being parsed
}

// part is what one parser parses.
type part struct {
	n       int // its number
	to      int
	symbols []symbol
	// marks tell, of places behind the cut where no match is in hand, how many symbols end
	// there, plus one.
	marks   [meeting]uint16
	marked  chan struct{} // closed when they are there
	done    chan struct{} // closed when symbols, follows and skip are there
	dropped atomic.Bool   // the one before goes through
	next    *part         // the one behind, once claimed
	follows *part         // the one whose symbols follow
	skip    int           // less these, which symbols have already
}

// end is where the n-th part ends.
func (j *packing) end(n int) int {
	if n < len(j.cuts) {
		return j.cuts[n]
	}
	return len(j.plain)
}

// begin is where it begins.
func (j *packing) begin(n int) int {
	if n == 0 {
		return 0
	}
	return j.cuts[n-1]
}

// claim gives the next part to be parsed, nil if there is none.
func (j *packing) claim() *part {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.claimNext()
}

func (j *packing) claimNext() *part {
	if j.stopped.Load() || j.claimed > len(j.cuts) {
		return nil
	}
	x := &part{n: j.claimed, to: j.end(j.claimed), marked: make(chan struct{}), done: make(chan struct{})}
	if n := len(j.spare); n > 0 {
		x.symbols, j.spare = j.spare[n-1], j.spare[:n-1]
	} else {
		x.symbols = make([]symbol, 0, partSize/4)
	}
	if j.last != nil {
		j.last.next = x
	}
	j.last = x
	j.claimed++
	j.busy.Add(1)
	return x
}

// behind is the part behind x, which is claimed now, for the one who parsed x, if nobody has.
func (j *packing) behind(x *part) (next *part, mine bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if x.dropped.Load() {
		return nil, false
	}
	if x.next != nil {
		return x.next, false
	}
	if next = j.claimNext(); next == nil {
		return nil, false
	}
	close(next.marked) // one that goes on is met nowhere
	return next, true
}

// drop makes x go through the part behind it, unless x is dropped itself, and that one
// somebody else's to meet.
func (j *packing) drop(x *part) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if x.dropped.Load() {
		return
	}
	next := x.next
	next.dropped.Store(true)
	x.to, x.next = next.to, next.next
	if j.last == next {
		j.last = x
	}
}

// stop lets no more parts be claimed, and waits for those in hand.
func (j *packing) stop() {
	j.mu.Lock()
	j.stopped.Store(true)
	j.mu.Unlock()
	j.busy.Wait()
}

// recycle takes the memory of symbols that are needed no more.
func (j *packing) recycle(symbols []symbol) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.spare = append(j.spare, symbols[:0])
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
		j.recycle(x.symbols)
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
