package delta

import (
	"io"
	"sync"
)

// behind writes to w, in a goroutine of its own, what it is given, so that hashing and
// writing a content go on while it is made. What fits one buffer is taken by Close.
// Close it, always.
type behind struct {
	w    io.Writer
	buf  *[behindSize]byte
	n    int
	full chan *[behindSize]byte // nil until one is
	free chan taken
}

// taken is a buffer that w has taken, and the error of the first that it did not take.
type taken struct {
	buf *[behindSize]byte
	err error
}

const (
	behindSize  = 256 << 10
	behindCount = 3 // one is filled, one is written, and one waits
)

var behindBuffers = sync.Pool{New: func() any { return new([behindSize]byte) }}

func newBehind(w io.Writer) *behind {
	return &behind{w: w, buf: behindBuffers.Get().(*[behindSize]byte)}
}

func (b *behind) Write(p []byte) (int, error) {
	total := 0
	for len(p) > 0 {
		if b.n == behindSize {
			if err := b.next(); err != nil {
				return total, err
			}
		}
		n := copy(b.buf[b.n:], p)
		p, b.n, total = p[n:], b.n+n, total+n
	}
	return total, nil
}

// next hands the full buffer on and takes a free one.
func (b *behind) next() error {
	if b.full == nil {
		b.full, b.free = make(chan *[behindSize]byte, behindCount), make(chan taken, behindCount)
		for range behindCount - 1 {
			b.free <- taken{buf: behindBuffers.Get().(*[behindSize]byte)}
		}
		go b.run()
	}
	b.full <- b.buf
	x := <-b.free
	b.buf, b.n = x.buf, 0
	return x.err
}

func (b *behind) run() {
	defer close(b.free)
	var err error
	for buf := range b.full {
		if err == nil {
			_, err = b.w.Write(buf[:])
		}
		b.free <- taken{buf, err}
	}
}

// Close writes what is left. Its error is w's first one.
func (b *behind) Close() error {
	var err error
	if b.full != nil {
		close(b.full)
		for x := range b.free {
			behindBuffers.Put(x.buf)
			if err == nil {
				err = x.err
			}
		}
	}
	if err == nil && b.n > 0 {
		_, err = b.w.Write(b.buf[:b.n])
	}
	behindBuffers.Put(b.buf)
	return err
}
