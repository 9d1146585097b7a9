package xzpar

import (
	"bytes"
	"context"
	"fmt"
	"io"
)

// decoder decodes whole streams; it is reused, and not safe for concurrent use.
// before, which may be nil, is told from time to time how much of one came out; its
// error ends it there.
type decoder struct {
	lzma   lzmaDecoder
	before func(done int) error
}

// stream decodes the one stream that in holds, exactly, into out, exactly.
func (d *decoder) stream(out, in []byte) error {
	if len(in) < edgeSize {
		return errShort
	}
	if !bytes.Equal(in[:edgeSize], streamHeader) {
		return fmt.Errorf("no xz stream with CRC64 begins here")
	}
	b, n, err := parseBlock(in[edgeSize:])
	if err != nil {
		return err
	}
	if b.plain != int64(len(out)) || b.size() != int64(len(in)) {
		return fmt.Errorf("stream states %d plain and %d stored bytes, its table %d and %d", b.plain, b.size(), len(out), len(in))
	}
	return d.body(b, out, in[edgeSize+n:])
}

// body decodes LZMA2 data and compares all that follows it with what must follow.
func (d *decoder) body(b block, out, in []byte) error {
	if err := d.lzma.unpack(out, in[:b.packed], dictSize(b.dict), d.before); err != nil {
		return err
	}
	if !bytes.Equal(in[b.packed:], b.tail(checksum(out))) {
		return fmt.Errorf("check, padding, index or footer is wrong")
	}
	return nil
}

// Sequential reads a row of streams without a table, one stream at a time. It
// holds one stream as stored and as plain. The end of the underlying reader
// must be the end of a stream.
type Sequential struct {
	r       io.Reader
	d       decoder
	in, out []byte
	rest    []byte
	count   int
	err     error
}

// NewSequential makes a Sequential of r. It ends with ctx, even in the middle of
// a stream, and its error then is ctx's cause.
func NewSequential(ctx context.Context, r io.Reader) *Sequential {
	return &Sequential{r: r, d: decoder{before: func(int) error { return ended(ctx) }}}
}

// ended is the cause of ctx's end, nil before it.
func ended(ctx context.Context) error {
	if ctx.Err() == nil { // cheaper than its cause
		return nil
	}
	return context.Cause(ctx)
}

func (s *Sequential) Read(p []byte) (int, error) {
	for len(s.rest) == 0 {
		if s.err != nil {
			return 0, s.err
		}
		s.advance()
	}
	n := copy(p, s.rest)
	s.rest = s.rest[n:]
	return n, nil
}

// advance decodes the next stream; at a clean end it sets io.EOF.
func (s *Sequential) advance() {
	var head [edgeSize]byte
	n, err := io.ReadFull(s.r, head[:])
	if n == 0 && err == io.EOF && s.count > 0 {
		s.err = io.EOF
		return
	}
	if err == nil {
		err = s.stream(head[:])
	} else if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		s.err = fmt.Errorf("xz stream %d: %w", s.count, err)
		return
	}
	s.count++
	s.rest = s.out
}

func (s *Sequential) stream(head []byte) error {
	if !bytes.Equal(head, streamHeader) {
		return fmt.Errorf("no xz stream with CRC64 begins here")
	}
	b, err := s.block()
	if err != nil {
		return err
	}
	s.in = grow(s.in, int(b.size())-edgeSize-len(b.header()))
	s.out = grow(s.out, int(b.plain))
	if err := full(s.r, s.in); err != nil {
		return err
	}
	return s.d.body(b, s.out, s.in)
}

func (s *Sequential) block() (block, error) {
	var p [maxBlock]byte
	if err := full(s.r, p[:1]); err != nil {
		return block{}, err
	}
	n := int(p[0])*4 + 4
	if n > maxBlock {
		return block{}, fmt.Errorf("no block header of the allowed form")
	}
	if err := full(s.r, p[1:n]); err != nil {
		return block{}, err
	}
	b, _, err := parseBlock(p[:n])
	return b, err
}

func full(r io.Reader, p []byte) error {
	_, err := io.ReadFull(r, p)
	if err == io.EOF && len(p) > 0 {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// grow returns a slice of n bytes, in b's memory where it fits.
func grow(b []byte, n int) []byte {
	if cap(b) < n {
		return make([]byte, n)
	}
	return b[:n]
}
