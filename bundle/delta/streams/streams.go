// Package streams keeps the bytes of a delta apart by what they are, so that
// like stands with like and packs well.
//
// A delta is a row of segments; a segment holds some bytes of each Kind. The
// writer cuts only at marks (Writer.Mark), at which the reader has used up all
// kinds of a segment equally, so one segment at a time is in memory, at most
// MaxSegment bytes. Between two marks at most MaxStep bytes may be written.
package streams

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Kind is what bytes are.
type Kind int

// The kinds, in the order in which a segment holds them.
const (
	Control Kind = iota // numbers: what to do
	Diff                // differences to old content, runs of zeros as lengths
	Frame               // what containers hold beside contents, by column
	Extra               // new content
	Kinds   = 4
)

// Limits, in bytes.
const (
	MaxSegment = 16 << 20
	MaxStep    = 8 << 20
	CutAt      = MaxSegment - MaxStep // a segment that holds so much ends at the next mark
)

// Errors of a Reader.
var (
	ErrShort = errors.New("delta: a stream ends too early")
	ErrLeft  = errors.New("delta: a stream goes on after its end")
	errVast  = errors.New("delta: a number is too large or not in its shortest form")
)

// Segment is the bytes of each kind.
type Segment [Kinds][]byte

// Size is the number of bytes of all kinds.
func (s *Segment) Size() int {
	n := 0
	for _, p := range s {
		n += len(p)
	}
	return n
}

// Writer gathers bytes and hands each full segment to Cut.
type Writer struct {
	Segment
	Cut func(Segment) error
	err error
}

// Uint adds a number in its shortest base-128 form.
func (w *Writer) Uint(k Kind, v uint64) { w.Segment[k] = binary.AppendUvarint(w.Segment[k], v) }

// Int adds a signed number, zigzag.
func (w *Writer) Int(k Kind, v int64) { w.Segment[k] = binary.AppendVarint(w.Segment[k], v) }

// Bytes adds bytes.
func (w *Writer) Bytes(k Kind, p []byte) { w.Segment[k] = append(w.Segment[k], p...) }

// Mark is a place where a segment may end.
func (w *Writer) Mark() error {
	if w.err == nil && w.Size() > MaxSegment {
		w.err = fmt.Errorf("delta: %d bytes between two marks", w.Size())
	}
	if w.err == nil && w.Size() >= CutAt {
		w.err = w.Cut(w.Segment)
		w.Segment = Segment{}
	}
	return w.err
}

// Close hands on the last segment, if it holds anything.
func (w *Writer) Close() error {
	if w.err == nil && w.Size() > MaxSegment {
		w.err = fmt.Errorf("delta: %d bytes between two marks", w.Size())
	}
	if w.err == nil && w.Size() > 0 {
		w.err = w.Cut(w.Segment)
		w.Segment = Segment{}
	}
	return w.err
}

// Reader takes what a Writer wrote, in the same order. Next gives the next
// segment, or io.EOF.
type Reader struct {
	Segment
	Next func() (Segment, error)
}

// Uint reads a number.
func (r *Reader) Uint(k Kind) (uint64, error) {
	p := r.Segment[k]
	v, n := binary.Uvarint(p)
	switch {
	case n == 0:
		return 0, ErrShort
	case n < 0 || n > 1 && p[n-1] == 0:
		return 0, errVast
	}
	r.Segment[k] = p[n:]
	return v, nil
}

// Upto reads a number of at most most; none is at most a negative one.
func (r *Reader) Upto(k Kind, most int64) (int64, error) {
	v, err := r.Uint(k)
	if err == nil && (most < 0 || v > uint64(most)) {
		err = fmt.Errorf("delta: %d is more than %d", v, most)
	}
	if err != nil {
		return 0, err
	}
	return int64(v), nil
}

// Int reads a signed number.
func (r *Reader) Int(k Kind) (int64, error) {
	v, err := r.Uint(k)
	return int64(v>>1) ^ -int64(v&1), err
}

// Take reads n bytes, which are good until the next mark.
func (r *Reader) Take(k Kind, n int) ([]byte, error) {
	if n < 0 || n > len(r.Segment[k]) {
		return nil, ErrShort
	}
	p := r.Segment[k][:n]
	r.Segment[k] = r.Segment[k][n:]
	return p, nil
}

// Mark is where the writer marked: when all is used up the next segment comes,
// if there is one.
func (r *Reader) Mark() error {
	if r.Size() > 0 || r.Next == nil {
		return nil
	}
	s, err := r.Next()
	if errors.Is(err, io.EOF) {
		r.Next = nil // shows when more is asked for
		return nil
	}
	if err != nil {
		return err
	}
	if n := s.Size(); n == 0 || n > MaxSegment {
		return fmt.Errorf("delta: a segment of %d bytes", n)
	}
	r.Segment = s
	return nil
}

// Close is an error if anything is left.
func (r *Reader) Close() error {
	if err := r.Mark(); err != nil {
		return err
	}
	if r.Size() > 0 {
		return ErrLeft
	}
	return nil
}
