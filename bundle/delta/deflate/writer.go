package deflate

import (
	"errors"
	"fmt"
	"io"
)

const (
	minMatch     = 3
	maxMatch     = 258
	windowSize   = 1 << 15
	windowMask   = windowSize - 1
	minLookahead = maxMatch + minMatch + 1
	maxDist      = windowSize - minLookahead
	windowEdge   = 1024 // behind the window: may be looked at, and does not count
	tooFar       = 4096 // a match of three bytes from farther away does not pay
)

// Params are the settings of zlib that its output depends on. Level is 1 to 9,
// Memory 1 to 9 (zlib's memLevel; its default is 8).
type Params struct {
	Level, Memory int
}

func (p Params) check() error {
	if p.Level < 1 || p.Level > 9 || p.Memory < 1 || p.Memory > 9 {
		return fmt.Errorf("deflate: no level %d with memory %d", p.Level, p.Memory)
	}
	return nil
}

// effort is zlib's configuration_table: when to stop looking.
type effort struct {
	good, lazy, nice, chain int
	fast                    bool
}

var efforts = [10]effort{
	1: {4, 4, 8, 4, true}, 2: {4, 5, 16, 8, true}, 3: {4, 6, 32, 32, true},
	4: {4, 4, 16, 16, false}, 5: {8, 16, 32, 32, false}, 6: {8, 16, 128, 128, false},
	7: {8, 32, 128, 256, false}, 8: {32, 128, 258, 1024, false}, 9: {32, 258, 258, 4096, false},
}

// Writer compresses what is written to it. Close ends the stream.
type Writer struct {
	w   io.Writer
	err error
	effort
	closed bool

	in     []byte
	window [2*windowSize + windowEdge]byte
	head   [1 << 16]uint16 // as many as mask has
	prev   [windowSize]uint16
	hash   uint
	shift  uint
	mask   uint
	excess int  // strings that searches looked at beyond what is usual
	most   int  // of them before the chains are used
	deep   bool // they are in use
	chains *chains

	at, ahead, blockStart int // at: zlib's strstart, ahead: its lookahead
	matchAt, matchLen     int
	prevAt, prevLen       int
	pending               bool // a literal waits for a better match
	lit, dist, lens       tree
	heap                  heap
	symbols               []symbol
	mostSymbols           int
	optimal, fixed        int // bits of the block with its own trees, with the fixed ones
	out                   []byte
	hold                  uint64
	held                  uint
}

// NewWriter makes a Writer onto w.
func NewWriter(w io.Writer, p Params) (*Writer, error) {
	x := &Writer{
		lit:  newTree(litCodes, maxBits, literals+1, extraLength[:], staticLit),
		dist: newTree(distCodes, maxBits, 0, extraDist[:], staticDist),
		lens: newTree(lenCodes, maxLenBits, 0, extraLen[:], nil),
		most: tooMany,
	}
	return x, x.Reset(w, p)
}

// Reset makes the Writer begin anew, as if just made.
func (w *Writer) Reset(to io.Writer, p Params) error {
	if err := p.check(); err != nil {
		return err
	}
	w.w, w.err, w.closed, w.effort = to, nil, false, efforts[p.Level]
	bits := uint(p.Memory) + 7
	w.shift, w.mask, w.hash = (bits+minMatch-1)/minMatch, 1<<bits-1, 0
	clear(w.head[:w.mask+1])
	w.excess, w.deep = 0, false
	w.mostSymbols = 1<<(p.Memory+6) - 1
	w.at, w.ahead, w.blockStart = 0, 0, 0
	w.matchAt, w.matchLen, w.prevAt, w.prevLen, w.pending = 0, minMatch-1, 0, minMatch-1, false
	w.in, w.out, w.hold, w.held = nil, w.out[:0], 0, 0
	w.startBlock()
	return nil
}

// Write takes plain bytes.
func (w *Writer) Write(p []byte) (int, error) {
	if w.closed {
		return 0, errors.New("deflate: writer is closed")
	}
	if w.err != nil {
		return 0, w.err
	}
	w.in = p
	w.run(false)
	w.in = nil
	return len(p), w.err
}

// Close ends the stream; it does not close what is beneath.
func (w *Writer) Close() error {
	if !w.closed && w.err == nil {
		w.run(true)
		w.finish()
	}
	w.closed = true
	return w.err
}

func (w *Writer) run(end bool) {
	if w.fast {
		w.runFast(end)
	} else {
		w.runLazy(end)
	}
}

func (w *Writer) finish() {
	if w.pending {
		w.literal(w.window[w.at-1])
		w.pending = false
	}
	w.flush(true)
}

// put hands finished bytes on.
func (w *Writer) put() {
	if w.err == nil && len(w.out) > 0 {
		_, w.err = w.w.Write(w.out)
	}
	w.out = w.out[:0]
}
