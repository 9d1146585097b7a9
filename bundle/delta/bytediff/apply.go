package bytediff

import (
	"errors"
	"io"

	"packlift/bundle/delta/streams"
)

// Applier applies differences, one after the other, in the same memory.
type Applier struct {
	buf []byte
}

// Apply writes the size bytes that r makes of old, which has oldSize, to w. It
// never writes more.
func (a *Applier) Apply(w io.Writer, r *streams.Reader, size int64, old io.ReaderAt, oldSize int64) error {
	for pos := int64(0); size > 0; {
		if err := r.Mark(); err != nil {
			return err
		}
		seek, err := r.Int(streams.Control)
		if err != nil {
			return err
		}
		if seek < -pos || seek > oldSize-pos {
			return errors.New("delta: a copy begins outside the old content")
		}
		pos += seek
		n, err := a.copy(w, r, size, old, pos, oldSize)
		if err != nil {
			return err
		}
		pos += n
		size -= n
		n, err = a.insert(w, r, size)
		if err != nil {
			return err
		}
		size -= n
	}
	return nil
}

func (a *Applier) copy(w io.Writer, r *streams.Reader, size int64, old io.ReaderAt, pos, oldSize int64) (int64, error) {
	n, err := r.Upto(streams.Control, min(size, oldSize-pos, MaxPiece))
	if err != nil || n == 0 {
		return 0, err
	}
	buf, err := a.piece(old, pos, int(n))
	if err != nil {
		return 0, err
	}
	if err := addDiff(r, buf); err != nil {
		return 0, err
	}
	_, err = w.Write(buf)
	return n, err
}

func unexpected(err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// addDiff adds the differences for all of buf to it.
func addDiff(r *streams.Reader, buf []byte) error {
	for i := 0; i < len(buf); {
		p := r.Segment[streams.Diff]
		j := 0
		for j < len(p) && i+j < len(buf) && p[j] != 0 {
			buf[i+j] += p[j]
			j++
		}
		r.Segment[streams.Diff] = p[j:]
		if i += j; i == len(buf) {
			return nil
		}
		if j == len(p) {
			return streams.ErrShort
		}
		r.Segment[streams.Diff] = p[j+1:]
		run, err := r.Upto(streams.Diff, int64(len(buf)-i-1))
		if err != nil {
			return err
		}
		i += int(run) + 1
	}
	return nil
}

func (a *Applier) insert(w io.Writer, r *streams.Reader, size int64) (int64, error) {
	n, err := r.Upto(streams.Control, min(size, MaxPiece))
	if err != nil {
		return 0, err
	}
	p, err := r.Take(streams.Extra, int(n))
	if err == nil && n > 0 {
		_, err = w.Write(p)
	}
	return n, err
}
