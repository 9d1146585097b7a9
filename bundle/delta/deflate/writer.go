package deflate

import (
	"errors"
	"fmt"
	"io"
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

// mostSymbols is how many make a block.
func (p Params) mostSymbols() int { return 1<<(p.Memory+6) - 1 }

// Writer compresses what is written to it. Close ends the stream.
type Writer struct {
	parser
	blocks
	closed      bool
	blockStart  int      // in the input
	row         []symbol // of parts, for the next block
	mostSymbols int
}

// NewWriter makes a Writer onto w.
func NewWriter(w io.Writer, p Params) (*Writer, error) {
	x := &Writer{blocks: newBlocks()}
	x.most = tooMany
	return x, x.Reset(w, p)
}

// Reset makes the Writer begin anew, as if just made.
func (w *Writer) Reset(to io.Writer, p Params) error {
	if err := p.check(); err != nil {
		return err
	}
	w.closed, w.blockStart = false, 0
	w.row, w.mostSymbols = w.row[:0], p.mostSymbols()
	w.parser.reset(p)
	w.blocks.reset(to)
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
		w.flush(true)
	}
	w.closed = true
	return w.err
}

func (w *Writer) run(end bool) {
	for w.err == nil && w.parse(end) {
		w.flush(false)
	}
}

// flush writes the block in hand. What has left the window cannot be stored.
func (w *Writer) flush(last bool) {
	n := w.count(w.symbols)
	var plain []byte
	if from := w.blockStart - w.base; from >= 0 {
		plain = w.window[from : from+n]
	}
	w.block(w.symbols, plain, last)
	w.symbols = w.symbols[:0]
	w.blockStart += n
}
