package apply

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync"

	"github.com/klauspost/readahead"
)

// What copying takes is lent out again, so that memory does not grow with the
// number of files.

const copyBuffer = 256 << 10

var (
	copies = sync.Pool{New: func() any { return new([copyBuffer]byte) }}
	smalls = sync.Pool{New: func() any { return new(bytes.Buffer) }}
)

// copyThrough copies all of r to w.
func copyThrough(w io.Writer, r io.Reader) (int64, error) {
	b := copies.Get().(*[copyBuffer]byte)
	defer copies.Put(b)
	return io.CopyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{r}, b[:])
}

// sized gives n bytes of buf's memory.
func sized(buf *bytes.Buffer, n int64) []byte {
	buf.Reset()
	buf.Grow(int(n))
	return buf.AvailableBuffer()[:n]
}

// writeLarge unpacks and checks what comes while what came is written.
func (t *stager) writeLarge(ctx context.Context, o *op, r io.Reader) error {
	for i, b := range t.ahead {
		if b == nil {
			t.ahead[i] = make([]byte, copyBuffer)
		}
	}
	ahead, err := readahead.NewReaderBuffer(&contextReader{ctx, r}, t.ahead[:])
	if err != nil {
		return err
	}
	return errors.Join(t.write(o, ahead), ahead.Close())
}
