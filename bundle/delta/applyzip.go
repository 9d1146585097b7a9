package delta

import (
	"errors"
	"io"

	"packlift/bundle/delta/bytediff"
	"packlift/bundle/delta/streams"
	"packlift/bundle/delta/zipfile"
)

// zip writes a zip file.
func (a *applier) zip(w io.Writer, size int64, depth int) error {
	s := a.scope()
	defer a.leave(s)
	if err := a.opens(); err != nil {
		return err
	}
	count, err := a.r.Upto(streams.Control, zipfile.MaxEntries)
	if err != nil {
		return err
	}
	if err := a.take(count * zipfile.EntryMemory); err != nil {
		return err
	}
	z := unzipper{applier: a, size: size, out: &sink{w: w, left: size}, depth: depth}
	defer z.row.wait()
	z.es, z.plans = make([]zipfile.Entry, 0, count), make([]zipfile.Plan, 0, count)
	if err := z.entries(int(count)); err != nil {
		return err
	}
	if err := z.gap(); err != nil {
		return err
	}
	begin := z.out.n
	if err := z.directory(int(count)); err != nil {
		return err
	}
	if err := z.end(int(count), z.out.n-begin, begin); err != nil {
		return err
	}
	if z.out.left != 0 {
		return errShorter
	}
	return nil
}

// unzipper writes one zip file.
type unzipper struct {
	*applier
	row    row
	size   int64
	out    *sink
	depth  int
	frames zipfile.Frames
	es     []zipfile.Entry
	plans  []zipfile.Plan
}

func (z *unzipper) entries(count int) error {
	for len(z.es) < count {
		if err := z.r.Mark(); err != nil {
			return err
		}
		n, err := z.r.Upto(streams.Control, int64(min(zipfile.Rows, count-len(z.es))))
		if err != nil {
			return err
		}
		es, plans, err := z.frames.Locals(z.r, int(n), z.twin)
		if err != nil {
			return err
		}
		for i := range es {
			if err := z.entry(&es[i], plans[i]); err != nil {
				return err
			}
		}
		if err := z.drain(); err != nil {
			return err
		}
		z.es, z.plans = append(z.es, es...), append(z.plans, plans...)
	}
	return nil
}

func (z *unzipper) entry(e *zipfile.Entry, p zipfile.Plan) error {
	if e.Gap > 0 {
		if err := z.drain(); err != nil {
			return err
		}
		if err := z.inner(e.Gap); err != nil {
			return err
		}
	}
	if err := z.r.Mark(); err != nil {
		return err
	}
	switch {
	case p.Mode == modeTwin || p.Mode == modeItem:
		return z.copyEntry(e, p)
	case p.Mode < modeDeflate:
		return z.madeEntry(e, p, 0)
	}
	size, err := z.r.Upto(streams.Control, z.size*mostRatio)
	if err != nil {
		return err
	}
	if size <= aheadSize {
		return z.aheadEntry(e, p, size)
	}
	return z.madeEntry(e, p, size)
}

// madeEntry writes an entry whose content is made now; plain is its size if it
// is to be deflated.
func (z *unzipper) madeEntry(e *zipfile.Entry, p zipfile.Plan, plain int64) error {
	if err := z.drain(); err != nil {
		return err
	}
	e.At = z.out.n
	if e.Waits(p) {
		return z.heldEntry(e, p, plain)
	}
	if _, err := z.out.Write(e.Settle(p, zipfile.Facts{})); err != nil {
		return err
	}
	f, err := z.produced(z.out, p.Mode, plain, z.out.left, z.depth+1)
	if err != nil {
		return err
	}
	e.Facts = f
	_, err = z.out.Write(e.After(f))
	return err
}

// inner writes bytes between entries: a node of its own.
func (z *unzipper) inner(size int64) error {
	if size > z.out.left {
		return errLonger
	}
	part := &sink{w: z.out, left: size}
	if err := z.node(part, size, z.depth+1); err != nil {
		return err
	}
	if part.left != 0 {
		return errShorter
	}
	return nil
}

func (z *unzipper) copyEntry(e *zipfile.Entry, p zipfile.Plan) error {
	number := p.Item
	if p.Mode == modeItem {
		var err error
		if number, err = z.r.Upto(streams.Control, int64(len(z.items))-1); err != nil {
			return err
		}
	}
	t, err := z.item(number)
	if err != nil {
		return err
	}
	if t.entry == nil {
		return errors.New("delta: an entry that is copied from no entry")
	}
	x := &ahead{e: e, p: p, from: t, ready: make(chan struct{})}
	x.facts = t.entry.Facts
	close(x.ready)
	return z.queue(x)
}

// heldEntry holds the data back until the header is known.
func (z *unzipper) heldEntry(e *zipfile.Entry, p zipfile.Plan, plain int64) error {
	used := z.used
	held := &limited{c: z.catalog}
	f, err := z.produced(held, p.Mode, plain, z.out.left, z.depth+1)
	if err != nil {
		return err
	}
	z.used = used
	for _, part := range [][]byte{e.Settle(p, f), held.Bytes(), e.After(f)} {
		if _, err := z.out.Write(part); err != nil {
			return err
		}
	}
	return nil
}

// gap writes what stands between the last entry and the directory.
func (z *unzipper) gap() error {
	if err := z.r.Mark(); err != nil {
		return err
	}
	size, err := z.r.Upto(streams.Control, z.out.left)
	if err != nil || size == 0 {
		return err
	}
	return z.inner(size)
}

func (z *unzipper) directory(count int) error {
	z.frames.StartCentral()
	for done := 0; done < count; {
		if err := z.r.Mark(); err != nil {
			return err
		}
		n, err := z.r.Upto(streams.Control, int64(min(zipfile.Rows, count-done)))
		if err != nil {
			return err
		}
		if n == 0 {
			return errors.New("delta: no records at all")
		}
		order, err := z.frames.Order(z.r, int(n), count)
		if err != nil {
			return err
		}
		es, plans := make([]zipfile.Entry, n), make([]zipfile.Plan, n)
		for i, place := range order {
			es[i], plans[i] = z.es[place], z.plans[place]
		}
		if err := z.frames.Central(z.r, z.out, es, plans); err != nil {
			return err
		}
		done += int(n)
	}
	return nil
}

// end writes what stands behind the directory: its usual end, or a node.
func (z *unzipper) end(count int, size, offset int64) error {
	if err := z.r.Mark(); err != nil {
		return err
	}
	n, err := z.r.Upto(streams.Control, bytediff.MaxPiece)
	if err != nil {
		return err
	}
	if n == 0 {
		if z.out.left == 0 {
			return nil
		}
		return z.inner(z.out.left)
	}
	comment, err := z.r.Take(streams.Extra, int(n-1))
	if err != nil {
		return err
	}
	if len(comment) > 1<<16-1 {
		return errors.New("delta: a comment that is too long")
	}
	_, err = z.out.Write(z.frames.AppendEnd(nil, count, size, offset, comment))
	return err
}
