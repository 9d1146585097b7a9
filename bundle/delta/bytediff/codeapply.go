package bytediff

import (
	"errors"
	"fmt"
	"io"

	"packlift/bundle/delta/streams"
)

// MaxSteps is the most steps of a difference of executables; they are all in
// memory, StepMemory bytes each at most. Between markSteps of them is a mark.
const (
	MaxSteps   = 1 << 17
	StepMemory = 160
	markSteps  = 4096
)

// ApplyCode is Apply for a difference of executables.
func (a *Applier) ApplyCode(w io.Writer, r *streams.Reader, size int64, old io.ReaderAt, oldSize int64) error {
	kinds, err := r.Upto(streams.Control, refAll)
	if err != nil {
		return err
	}
	var regions [2][]Region
	for i := range regions {
		if regions[i], err = getRegions(r); err != nil {
			return err
		}
	}
	steps, err := getSteps(r, size, oldSize)
	if err != nil {
		return err
	}
	m, at := newMover(regions[0], regions[1], places(steps), uint64(kinds)), 0
	for _, s := range steps {
		if err := r.Mark(); err != nil {
			return err
		}
		buf, err := a.piece(old, int64(s.pos), s.copy)
		if err != nil {
			return err
		}
		m.predict(buf, uint64(s.pos), uint64(at))
		if err := addDiff(r, buf); err != nil {
			return err
		}
		p, err := r.Take(streams.Extra, s.insert)
		if err != nil {
			return err
		}
		if _, err := w.Write(buf); err != nil {
			return err
		}
		if _, err := w.Write(p); err != nil {
			return err
		}
		at += s.copy + s.insert
	}
	return nil
}

// piece reads bytes of old.
func (a *Applier) piece(old io.ReaderAt, pos int64, n int) ([]byte, error) {
	if len(a.buf) < n {
		a.buf = make([]byte, max(n, 4096))
	}
	if got, err := old.ReadAt(a.buf[:n], pos); got < n {
		return nil, fmt.Errorf("delta: the old content: %w", unexpected(err))
	}
	return a.buf[:n], nil
}

func getRegions(r *streams.Reader) ([]Region, error) {
	n, err := r.Upto(streams.Control, maxRegions)
	if err != nil {
		return nil, err
	}
	out := make([]Region, n)
	for i := range out {
		for _, v := range []*uint64{&out[i].Off, &out[i].Addr, &out[i].Size} {
			if *v, err = r.Uint(streams.Control); err != nil {
				return nil, err
			}
		}
		code, err := r.Upto(streams.Control, 1)
		if err != nil {
			return nil, err
		}
		out[i].Code = code == 1
	}
	return out, nil
}

// getSteps reads steps that make exactly size bytes.
func getSteps(r *streams.Reader, size, oldSize int64) ([]step, error) {
	n, err := r.Upto(streams.Control, MaxSteps)
	if err != nil {
		return nil, err
	}
	var out []step
	pos := int64(0)
	for i := range int(n) {
		if i%markSteps == 0 {
			if err := r.Mark(); err != nil {
				return nil, err
			}
		}
		seek, err := r.Int(streams.Control)
		if err != nil {
			return nil, err
		}
		if seek < -pos || seek > oldSize-pos {
			return nil, errors.New("delta: a copy begins outside the old content")
		}
		pos += seek
		copied, err := r.Upto(streams.Control, min(size, oldSize-pos, MaxPiece))
		if err != nil {
			return nil, err
		}
		insert, err := r.Upto(streams.Control, min(size-copied, MaxPiece))
		if err != nil {
			return nil, err
		}
		out = append(out, step{int(pos), int(copied), int(insert)})
		pos += copied
		size -= copied + insert
	}
	if size != 0 {
		return nil, errors.New("delta: steps that do not make the stated size")
	}
	return out, nil
}
