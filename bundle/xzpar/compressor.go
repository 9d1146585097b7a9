package xzpar

import (
	"errors"
	"fmt"
	"io"

	"packlift/bundle/lzma2"
)

// CompressorMemory is what a Compressor takes at most, in bytes.
const CompressorMemory = jobMemory + StreamSize

// Compressor compresses contents one after the other, each to a file of its
// own, and keeps its tables from one to the next. It is for one goroutine.
type Compressor struct {
	packer packer
	plain  []byte
	packed []byte
}

// NewCompressor makes one; quick takes less time and gives some percent more bytes.
func NewCompressor(quick bool) *Compressor {
	return &Compressor{packer: packer{encoder: lzma2.Encoder{Quick: quick}}}
}

// Compress writes all of r to w as a row of streams, cut as a Writer does
// without boundaries, and says how many bytes both have. An empty r is an error.
func (c *Compressor) Compress(w io.Writer, r io.Reader) (packed, plain int64, err error) {
	for {
		c.plain, err = readUpTo(r, c.plain[:0], StreamSize)
		if err != nil {
			return packed, plain, err
		}
		if len(c.plain) == 0 {
			break
		}
		var stream []byte
		if stream, c.packed, err = c.packer.pack(c.packed, c.plain); err != nil {
			return packed, plain, err
		}
		if _, err := w.Write(stream); err != nil {
			return packed, plain, err
		}
		packed, plain = packed+int64(len(stream)), plain+int64(len(c.plain))
		if len(c.plain) < StreamSize {
			break
		}
	}
	if plain == 0 {
		return 0, 0, errors.New("xz: nothing was written")
	}
	return packed, plain, nil
}

// readUpTo appends to buf what r has, up to n bytes; it grows as r gives them.
func readUpTo(r io.Reader, buf []byte, n int) ([]byte, error) {
	for len(buf) < n {
		if len(buf) == cap(buf) {
			buf = append(buf, 0)[:len(buf)]
		}
		got, err := r.Read(buf[len(buf):min(cap(buf), n)])
		buf = buf[:len(buf)+got]
		if errors.Is(err, io.EOF) {
			return buf, nil
		}
		if err != nil {
			return buf, fmt.Errorf("xz: what is compressed: %w", err)
		}
	}
	return buf, nil
}
