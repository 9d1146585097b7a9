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
	mostParts = 32           // that are begun before those in front are written
	stride    = 16 << 10     // bytes after which a parser sees whether it is still wanted
)

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
	written int   // of them, with those dropped
	last    *part // that was claimed
	stopped atomic.Bool
	spare   [][]symbol
	busy    sync.WaitGroup // parts that are being parsed
}

// part is what one parser parses.
type part struct {
	n       int // its number
	to      int // where it ends, or goes through to; it is its own parser that changes it
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

// claim gives the next part to be parsed, nil if there is none or too many wait.
func (j *packing) claim() *part {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.claimed-j.written >= mostParts {
		return nil
	}
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

// recycle takes the memory of a part that is written.
func (j *packing) recycle(x *part) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.written = x.n + 1
	j.spare = append(j.spare, x.symbols[:0])
}
