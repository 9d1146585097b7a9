package delta

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"packlift/bundle/delta/streams"
)

// Length is the number of bytes that WriteTo writes.
func (d *Delta) Length() int64 {
	n := int64(len(d.Recipe.Marshal()))
	for _, s := range d.Segments {
		n += int64(len(segmentHead(s))) + int64(s.Size())
	}
	return n
}

// WriteTo writes the delta as one run of bytes: the recipe, then each segment,
// the lengths of its kinds before them.
func (d *Delta) WriteTo(w io.Writer) (int64, error) {
	n, err := w.Write(d.Recipe.Marshal())
	total := int64(n)
	for _, s := range d.Segments {
		for _, p := range append([][]byte{segmentHead(s)}, s[:]...) {
			if err != nil {
				return total, err
			}
			n, err = w.Write(p)
			total += int64(n)
		}
	}
	return total, err
}

func segmentHead(s streams.Segment) (out []byte) {
	for _, p := range s {
		out = binary.AppendUvarint(out, uint64(len(p)))
	}
	return out
}

// Reader reads what WriteTo wrote, one segment at a time.
type Reader struct {
	Recipe
	in *bufio.Reader
}

// NewReader reads the recipe of a delta, which is all of r.
func NewReader(r io.Reader) (*Reader, error) {
	in := bufio.NewReaderSize(r, 64<<10)
	head, err := in.Peek(MaxRecipe)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("delta: %w", err)
	}
	recipe, n, err := ParseRecipe(head)
	if err != nil {
		return nil, err
	}
	_, err = in.Discard(n)
	return &Reader{recipe, in}, err
}

// Apply writes the result; bases are in the recipe's order.
func (r *Reader) Apply(w io.Writer, bases []io.ReaderAt) error {
	return Apply(w, r.Recipe, r.Next, bases)
}

// Next gives the next segment, or io.EOF.
func (r *Reader) Next() (streams.Segment, error) {
	var s streams.Segment
	if _, err := r.in.Peek(1); err != nil {
		return s, err
	}
	var sizes [streams.Kinds]int
	total := 0
	for k := range sizes {
		n, err := r.length()
		if err != nil {
			return s, err
		}
		if total += n; total > streams.MaxSegment {
			return s, errors.New("delta: a segment that is too long")
		}
		sizes[k] = n
	}
	if total == 0 {
		return s, errors.New("delta: an empty segment")
	}
	all := make([]byte, total)
	if _, err := io.ReadFull(r.in, all); err != nil {
		return s, fmt.Errorf("delta: a segment: %w", ended(err))
	}
	for k, n := range sizes {
		s[k], all = all[:n:n], all[n:]
	}
	return s, nil
}

func ended(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// length reads a number of at most streams.MaxSegment in its shortest form.
func (r *Reader) length() (int, error) {
	n := 0
	for shift := 0; shift < 28; shift += 7 {
		b, err := r.in.ReadByte()
		if err != nil {
			return 0, fmt.Errorf("delta: a segment: %w", ended(err))
		}
		if n |= int(b&0x7F) << shift; b >= 0x80 {
			continue
		}
		if n > streams.MaxSegment || b == 0 && shift > 0 {
			break
		}
		return n, nil
	}
	return 0, errors.New("delta: the length of a segment is too large or not in its shortest form")
}
