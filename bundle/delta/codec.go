package delta

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"packlift/bundle/delta/streams"
)

// WriteTo writes the delta as it stands in a payload: the recipe, and for each
// segment the lengths of its kinds, then their bytes.
func (d *Delta) WriteTo(w io.Writer) (int64, error) {
	n, err := w.Write(d.Recipe.Marshal())
	total := int64(n)
	for i := range d.Segments {
		if err != nil {
			return total, err
		}
		n, err = w.Write(lengths(&d.Segments[i]))
		total += int64(n)
		for _, p := range d.Segments[i] {
			if err == nil {
				n, err = w.Write(p)
				total += int64(n)
			}
		}
	}
	return total, err
}

// Length is the number of bytes that WriteTo writes.
func (d *Delta) Length() int64 {
	n := int64(len(d.Recipe.Marshal())) + d.Size()
	for i := range d.Segments {
		n += int64(len(lengths(&d.Segments[i])))
	}
	return n
}

func lengths(s *streams.Segment) (out []byte) {
	for _, p := range s {
		out = binary.AppendUvarint(out, uint64(len(p)))
	}
	return out
}

// Reader reads what WriteTo wrote, one segment at a time.
type Reader struct {
	Recipe
	r   *bufio.Reader
	buf []byte
}

// NewReader reads the recipe of the delta that r holds to its end.
func NewReader(r io.Reader) (*Reader, error) {
	b := bufio.NewReaderSize(r, 4*MaxRecipe)
	p, err := b.Peek(MaxRecipe)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	recipe, n, err := ParseRecipe(p)
	if err != nil {
		return nil, err
	}
	_, err = b.Discard(n)
	return &Reader{Recipe: recipe, r: b}, err
}

// Next gives the next segment, which is good until the one after it, or io.EOF.
func (r *Reader) Next() (s streams.Segment, err error) {
	if _, err := r.r.Peek(1); err != nil {
		return s, err
	}
	var ends [streams.Kinds]int
	end := 0
	for k := range ends {
		n, err := r.length()
		if err != nil {
			return s, err
		}
		end += n
		ends[k] = end
	}
	if end == 0 || end > streams.MaxSegment {
		return s, fmt.Errorf("delta: a segment of %d bytes", end)
	}
	if cap(r.buf) < end {
		r.buf = make([]byte, end)
	}
	if _, err := io.ReadFull(r.r, r.buf[:end]); err != nil {
		return s, short(err)
	}
	at := 0
	for k, to := range ends {
		s[k] = r.buf[at:to:to]
		at = to
	}
	return s, nil
}

// length reads a number in its shortest form, of at most MaxSegment.
func (r *Reader) length() (int, error) {
	n, shift := uint64(0), 0
	for {
		b, err := r.r.ReadByte()
		if err != nil {
			return 0, short(err)
		}
		n |= uint64(b&0x7F) << shift
		if b < 0x80 {
			if b == 0 && shift > 0 {
				return 0, errors.New("delta: a length that is not in its shortest form")
			}
			break
		}
		if shift += 7; shift > 28 {
			return 0, errors.New("delta: a length out of bounds")
		}
	}
	if n > streams.MaxSegment {
		return 0, fmt.Errorf("delta: a segment of %d bytes", n)
	}
	return int(n), nil
}

func short(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// Apply writes the result.
func (r *Reader) Apply(w io.Writer, bases []io.ReaderAt) error {
	return Apply(w, r.Recipe, r.Next, bases)
}
