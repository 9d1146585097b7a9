package lzma2

import "fmt"

// Limits of an LZMA2 chunk, and the most that one symbol adds to the packed bytes.
const (
	maxChunkPlain  = 2 << 20
	maxChunkPacked = 64 << 10
	maxRaw         = 64 << 10
	maxSymbol      = 32
)

// Control bytes of chunks.
const (
	ctlEnd       = 0x00
	ctlRawReset  = 0x01 // raw bytes, window reset
	ctlRaw       = 0x02
	ctlPacked    = 0x80 // state goes on
	ctlState     = 0xA0 // state reset
	ctlProps     = 0xC0 // state reset, properties
	ctlAllResets = 0xE0 // state and window reset, properties
)

// Encoder keeps its tables from one input to the next. It is for one goroutine.
type Encoder struct {
	Quick bool // parse greedily: two to three times as fast, some percent larger

	p        strategy
	out      []byte
	fresh    bool // nothing was written: the window must be reset
	hasProps bool
	stale    bool // the decoder's state is not ours: reset it
}

// strategy decides on the symbols of a buffer and writes them with its coder.
type strategy interface {
	start(buf []byte)
	drop() // let go of the buffer
	resetState()
	put(pos int) int  // the next symbol at pos; returns the bytes it stands for
	seen(pos int) int // where put can go on after pos when nothing is planned any more
	core() *coder
}

func (e *Encoder) choose() strategy {
	if e.Quick {
		if p, ok := e.p.(*parser); ok {
			return p
		}
		return &parser{}
	}
	if p, ok := e.p.(*planner); ok {
		return p
	}
	return &planner{}
}

// Encode appends plain to dst as LZMA2 chunks, end mark included. An input over
// MaxPlain is an error.
func (e *Encoder) Encode(dst, plain []byte) ([]byte, error) {
	if len(plain) > MaxPlain {
		return nil, fmt.Errorf("lzma2: %d bytes at once, the most is %d", len(plain), MaxPlain)
	}
	e.p = e.choose()
	e.p.start(plain)
	e.out, e.fresh, e.hasProps, e.stale = dst, true, false, true
	for pos := 0; pos < len(plain); {
		pos = e.chunk(plain, pos)
	}
	out := append(e.out, ctlEnd)
	e.p.drop()
	e.out = nil
	return out, nil
}

// chunk writes what begins at pos and returns where it ends.
func (e *Encoder) chunk(plain []byte, pos int) int {
	if e.stale {
		e.p.resetState()
	}
	start, c := pos, e.p.core()
	c.rangeCoder.reset()
	for pos < len(plain) && pos-start <= maxChunkPlain-maxMatch && c.size() <= maxChunkPacked-maxSymbol {
		pos += e.p.put(pos)
	}
	packed := c.finish()
	if len(packed)+6 >= pos-start {
		pos = e.p.seen(pos)
		e.raw(plain[start:pos])
		e.stale = true // the model went on, the decoder's did not
	} else {
		e.packed(packed, pos-start)
		e.stale = false
	}
	e.fresh = false
	return pos
}

func (e *Encoder) raw(b []byte) {
	for len(b) > 0 {
		n := min(len(b), maxRaw)
		ctl := byte(ctlRaw)
		if e.fresh {
			ctl = ctlRawReset
		}
		e.fresh = false
		e.out = append(e.out, ctl, byte((n-1)>>8), byte(n-1))
		e.out = append(e.out, b[:n]...)
		b = b[n:]
	}
}

func (e *Encoder) packed(b []byte, plain int) {
	ctl := byte(ctlPacked)
	switch {
	case e.fresh:
		ctl = ctlAllResets
	case !e.hasProps:
		ctl = ctlProps
	case e.stale:
		ctl = ctlState
	}
	u, c := plain-1, len(b)-1
	e.out = append(e.out, ctl|byte(u>>16), byte(u>>8), byte(u), byte(c>>8), byte(c))
	if ctl >= ctlProps {
		e.out = append(e.out, props)
		e.hasProps = true
	}
	e.out = append(e.out, b...)
}
