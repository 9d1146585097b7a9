package delta

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"

	"packlift/bundle/delta/bytediff"
	"packlift/bundle/delta/streams"
	"packlift/bundle/delta/zipfile"
)

// Apply writes to w the result of r, whose segments next gives, one after the
// other, until io.EOF. It writes from another goroutine, which has ended when Apply
// returns; an error of w comes before any other. A w that is a Digester says itself
// what it was given; anything else is hashed on the way.
func Apply(w io.Writer, r Recipe, next func() (streams.Segment, error), bases []io.ReaderAt) error {
	if len(bases) != len(r.Bases) {
		return fmt.Errorf("delta: %d bases for a recipe of %d", len(bases), len(r.Bases))
	}
	in := &streams.Reader{Next: next}
	a := &applier{r: in, catalog: newCatalog(r.Bases, bases), packers: newPackers()}
	sum, ok := w.(Digester)
	if !ok {
		sum = &digester{w, sha256.New()}
	}
	rear := newBehind(sum)
	out := &sink{w: rear, left: r.Result.Size}
	err := a.all(out, r.Result.Size)
	if werr := rear.Close(); werr != nil {
		return werr
	}
	if err != nil {
		return err
	}
	if out.left != 0 || sum.Digest() != r.Result.SHA256 {
		return errors.New("delta: the result is not what the recipe says")
	}
	return nil
}

// Digester is a writer that hashes what it takes.
type Digester interface {
	io.Writer
	Digest() [sha256.Size]byte // of all that it took, by SHA-256
}

type digester struct {
	io.Writer
	sum hash.Hash
}

func (d *digester) Write(p []byte) (int, error) {
	d.sum.Write(p)
	return d.Writer.Write(p)
}

func (d *digester) Digest() [sha256.Size]byte { return [sha256.Size]byte(d.sum.Sum(nil)) }

// all makes the result and sees that nothing is left.
func (a *applier) all(w io.Writer, size int64) error {
	if err := a.r.Mark(); err != nil {
		return err
	}
	if err := a.node(w, size, 0); err != nil {
		return err
	}
	return a.r.Close()
}

// sink counts and sums what goes through it, and stops it at a limit.
type sink struct {
	w    io.Writer
	n    int64
	left int64
	crc  uint32
	sum  bool // CRC-32
}

var errLonger = errors.New("delta: goes beyond the stated size")

func (s *sink) Write(p []byte) (int, error) {
	if int64(len(p)) > s.left {
		return 0, errLonger
	}
	s.left -= int64(len(p))
	s.n += int64(len(p))
	if s.sum {
		s.crc = crc32.Update(s.crc, crc32.IEEETable, p)
	}
	return s.w.Write(p)
}

type applier struct {
	*catalog
	r        *streams.Reader
	bytes    bytediff.Applier
	packers  *packers
	copyPart []byte
}

// node writes a content of the size that is known, or of any up to most.
func (a *applier) node(w io.Writer, size int64, depth int) error {
	form, err := a.r.Upto(streams.Control, forms-1)
	if err != nil {
		return err
	}
	if depth > maxDepth {
		return errors.New("delta: containers too deep")
	}
	switch form {
	case formRaw:
		return a.raw(w, size)
	case formDiff:
		return a.diff(w, size)
	case formCode:
		return a.code(w, size)
	case formZip:
		return a.zip(w, size, depth)
	default:
		return a.gzip(w, size, depth)
	}
}

func (a *applier) raw(w io.Writer, size int64) error {
	for size > 0 {
		if err := a.r.Mark(); err != nil {
			return err
		}
		p, err := a.r.Take(streams.Extra, int(min(size, bytediff.MaxPiece)))
		if err != nil {
			return err
		}
		if _, err := w.Write(p); err != nil {
			return err
		}
		size -= int64(len(p))
	}
	return nil
}

// diff writes a difference of one or more items.
func (a *applier) diff(w io.Writer, size int64) error {
	n, err := a.r.Upto(streams.Control, maxSources)
	if err != nil {
		return err
	}
	used := a.used
	defer func() { a.used = used }()
	var all several
	end := int64(0)
	for range n {
		number, err := a.r.Upto(streams.Control, int64(len(a.items))-1)
		if err != nil {
			return err
		}
		t := &a.items[number]
		part, err := a.content(t)
		if err != nil {
			return err
		}
		end += t.plain
		all.parts, all.ends = append(all.parts, part), append(all.ends, end)
	}
	if n == 1 {
		return a.bytes.Apply(w, a.r, size, all.parts[0], end)
	}
	return a.bytes.Apply(w, a.r, size, &all, end)
}

// code writes a difference of two executables.
func (a *applier) code(w io.Writer, size int64) error {
	number, err := a.r.Upto(streams.Control, int64(len(a.items))-1)
	if err != nil {
		return err
	}
	used := a.used
	defer func() { a.used = used }()
	t := &a.items[number]
	old, err := a.content(t)
	if err != nil {
		return err
	}
	if err := a.take(bytediff.MaxSteps * bytediff.StepMemory); err != nil {
		return err
	}
	return a.bytes.ApplyCode(w, a.r, size, old, t.plain)
}

// produced writes the data of an entry and tells what is true of it. plain is
// the size of what is to be deflated, most bounds the packed bytes.
func (a *applier) produced(w io.Writer, mode uint32, plain, most int64, depth int) (zipfile.Facts, error) {
	var f zipfile.Facts
	if mode >= modeDeflate+uint32(zipfile.Settings) {
		return f, errMode
	}
	if mode == modeOpaque {
		crc, err := a.r.Upto(streams.Control, 1<<32-1)
		if err != nil {
			return f, err
		}
		if f.Plain, err = a.r.Upto(streams.Control, 1<<62); err != nil {
			return f, err
		}
		f.CRC = uint32(crc)
	}
	if mode >= modeDeflate {
		return a.deflated(w, int(mode-modeDeflate), plain, most, depth)
	}
	size, err := a.r.Upto(streams.Control, most)
	if err != nil {
		return f, err
	}
	f.Length = size
	out := &sink{w: w, left: size, sum: mode == modePlain}
	if err := a.node(out, size, depth); err != nil {
		return f, err
	}
	if out.left > 0 {
		return f, errShorter
	}
	if mode == modePlain {
		f.CRC, f.Plain = out.crc, size
	}
	return f, nil
}

var errMode = errors.New("delta: no such mode of an entry")

var errShorter = errors.New("delta: less than the stated size")

// mostRatio is how many plain bytes one of deflate can be, at most.
const mostRatio = 1032

// deflated packs a node as it comes.
func (a *applier) deflated(w io.Writer, setting int, size, most int64, depth int) (zipfile.Facts, error) {
	var f zipfile.Facts
	packed := &sink{w: w, left: most}
	k, err := a.packers.take(packed, setting)
	if err != nil {
		return f, err
	}
	out := &sink{w: k, left: size, sum: true}
	if err := a.node(out, size, depth); err != nil {
		return f, err
	}
	if err := k.Close(); err != nil {
		return f, err
	}
	if out.left > 0 {
		return f, errShorter
	}
	a.packers.free(k)
	return zipfile.Facts{CRC: out.crc, Length: packed.n, Plain: size}, nil
}

func (a *applier) gzip(w io.Writer, size int64, depth int) error {
	s := a.scope()
	defer a.leave(s)
	if err := a.opens(); err != nil {
		return err
	}
	n, err := a.r.Upto(streams.Control, min(size, zipfile.MaxGzipHead))
	if err != nil {
		return err
	}
	head, err := a.r.Take(streams.Extra, int(n))
	if err != nil {
		return err
	}
	if _, err := w.Write(head); err != nil {
		return err
	}
	setting, err := a.r.Upto(streams.Control, int64(zipfile.Settings-1))
	if err != nil {
		return err
	}
	plain, err := a.r.Upto(streams.Control, size*mostRatio)
	if err != nil {
		return err
	}
	f, err := a.deflated(w, int(setting), plain, size-n, depth+1)
	if err != nil {
		return err
	}
	_, err = w.Write(f.GzipTail())
	return err
}

func (a *applier) opens() error {
	n, err := a.r.Upto(streams.Control, maxOpen)
	if err != nil {
		return err
	}
	for range n {
		number, err := a.r.Upto(streams.Control, int64(len(a.items))-1)
		if err != nil {
			return err
		}
		if err := a.open(number); err != nil {
			return err
		}
	}
	return nil
}

// copied writes the data of an entry as it stands in an item.
func (a *applier) copied(w io.Writer, t *item) error {
	if a.copyPart == nil {
		a.copyPart = make([]byte, 256<<10)
	}
	_, err := io.CopyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{io.NewSectionReader(t.in, t.off, t.length)}, a.copyPart)
	return err
}

// limited is a buffer that counts against the memory of a catalog.
type limited struct {
	bytes.Buffer
	c *catalog
}

func (l *limited) Write(p []byte) (int, error) {
	if l.Len()+len(p) > MaxInside {
		return 0, errMemory
	}
	if err := l.c.take(int64(len(p))); err != nil {
		return 0, err
	}
	return l.Buffer.Write(p)
}
