package export

import (
	"bytes"
	"cmp"
	"compress/flate"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"packlift/bundle"
	"packlift/bundle/delta"
	"packlift/bundle/delta/match"
	"packlift/internal/manifest"
)

const (
	mostBases   = 4         // a delta is told from so many files at most
	makerMemory = 200 << 20 // of one delta.Make: fixed, for the result depends on it
	heldInPart  = 64 << 20  // a file of an archive is held in memory up to this; a larger one travels whole
	leastGain   = 20        // a delta saves at least a twentieth of the packed size
	leastSize   = 512       // a recipe alone takes some eighty bytes
)

// compare finds out for each content whether it travels as a delta. The
// deltas themselves are kept as long as there is memory for them.
func (c *creation) compare() error {
	c.meter.start(StageCompare, c.made.Bytes)
	for _, s := range c.steps() {
		if err := c.findBases(s); err != nil {
			return err
		}
	}
	makers := max(1, min(int64(c.Jobs), c.room()*3/4/makerMemory))
	keep := &c.deltas
	keep.left = max(0, c.room()-max(makers*makerMemory, bundle.LeastWriteMemory))
	g, ctx := errgroup.WithContext(c.ctx)
	g.SetLimit(int(makers))
	for _, x := range largestFirst(c.payload) {
		g.Go(func() error {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			defer c.meter.add(x.Size)
			return c.decide(x)
		})
	}
	return g.Wait()
}

// largestFirst is the order in which all cores are busy to the end.
func largestFirst(items []*carried) []*carried {
	return slices.SortedStableFunc(slices.Values(items), func(a, b *carried) int { return cmp.Compare(b.Size, a.Size) })
}

// allowance is the memory that deltas take and may take until they are written.
type allowance struct {
	mu         sync.Mutex
	kept, left int64
}

func (a *allowance) take(n int64) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if n > a.left {
		return false
	}
	a.left, a.kept = a.left-n, a.kept+n
	return true
}

// decide makes x a delta if that is smaller.
func (c *creation) decide(x *carried) error {
	if x.again || x.text || x.settled || x.Size < leastSize || len(x.bases) == 0 && !x.isContainer() {
		return nil
	}
	d, err := c.makeDelta(x)
	if errors.Is(err, delta.ErrNoGain) {
		return nil
	}
	if err != nil {
		return err
	}
	whole, err := c.packedWhole(x)
	if err != nil {
		return err
	}
	if packedDelta(d) > whole-whole/leastGain {
		return nil
	}
	x.Delta, x.takes = true, d.Length()
	for _, b := range d.Bases {
		x.Bases = append(x.Bases, manifest.Digest(b.SHA256))
	}
	if c.deltas.take(d.Size()) {
		x.delta = d
	}
	return nil
}

// isContainer tells whether what x holds can be told by what is packed in it.
func (x *carried) isContainer() bool {
	f, err := x.open()
	if err != nil {
		return false // said where it is read for good
	}
	defer f.Close()
	var front [4]byte
	io.ReadFull(f, front[:])
	return string(front[:]) == "PK\x03\x04" || front[0] == 0x1f && front[1] == 0x8b
}

// packedDelta and packedWhole estimate what travels, by a quick compressor.
func packedDelta(d *delta.Delta) int64 {
	n, _ := packed(func(w io.Writer) error { _, err := d.WriteTo(w); return err })
	return n
}

func (c *creation) packedWhole(x *carried) (int64, error) {
	return packed(func(w io.Writer) error {
		f, err := x.open()
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = io.Copy(w, newChecked(withContext(c.ctx, f), x.source(), x.Size, x.SHA256))
		return err
	})
}

func packed(write func(io.Writer) error) (int64, error) {
	var n counter
	w := packers.Get().(*flate.Writer)
	defer packers.Put(w)
	w.Reset(&n)
	err := errors.Join(write(w), w.Close())
	return int64(n), err
}

var packers = sync.Pool{New: func() any {
	w, _ := flate.NewWriter(io.Discard, flate.BestSpeed) // the level is a known one
	return w
}}

type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

// makeDelta tells x from its bases. ErrNoGain says that it is better sent whole.
func (c *creation) makeDelta(x *carried) (*delta.Delta, error) {
	data, done, err := readable(c.ctx, x.to.tree, x.path, x.Size)
	if err != nil || data == nil {
		return nil, errors.Join(err, noneWithout(data))
	}
	defer done()
	var bases []delta.Blob
	for _, e := range x.bases {
		old, done, err := readable(c.ctx, x.from.tree, e.Path, e.Size)
		if err != nil {
			return nil, err
		}
		if old == nil {
			continue
		}
		defer done()
		if err := sameContent(old, e.Size, e.SHA256); err != nil {
			return nil, fmt.Errorf("%s: %w", x.from.at(e.Path), err)
		}
		bases = append(bases, delta.Blob{Content: delta.Content{Size: e.Size, SHA256: e.SHA256}, Data: old})
	}
	d, err := delta.Make(delta.Blob{Content: delta.Content{Size: x.Size, SHA256: x.SHA256}, Data: data}, bases, delta.Options{Jobs: c.Jobs, Memory: makerMemory})
	if err != nil && !errors.Is(err, delta.ErrNoGain) {
		if serr := sameContent(data, x.Size, x.SHA256); serr != nil {
			err = serr
		}
		return nil, fmt.Errorf("%s: %w", x.source(), err)
	}
	return d, err
}

func noneWithout(data io.ReaderAt) error {
	if data == nil {
		return delta.ErrNoGain
	}
	return nil
}

// sameContent compares what is read now with what was scanned.
func sameContent(r io.ReaderAt, size int64, want manifest.Digest) error {
	sum := sha256.New()
	if _, err := io.Copy(sum, io.NewSectionReader(r, 0, size)); err != nil {
		return err
	}
	if manifest.Digest(sum.Sum(nil)) != want {
		return (&checked{name: "it"}).changed()
	}
	return nil
}

// readable opens a file of a tree for reading anywhere, until ctx ends; nil
// where it would take too much memory.
func readable(ctx context.Context, s source, path string, size int64) (io.ReaderAt, func(), error) {
	f, err := s.open(path)
	if err != nil {
		return nil, nil, err
	}
	if at, ok := f.(io.ReaderAt); ok {
		return &contextReaderAt{ctx, at}, func() { f.Close() }, nil
	}
	defer f.Close()
	if size > heldInPart {
		if d, ok := s.(*depotSource); ok {
			return d.openAt(path)
		}
		return nil, nil, nil
	}
	b := make([]byte, size)
	if _, err := io.ReadFull(f, b); err != nil {
		return nil, nil, err
	}
	return bytes.NewReader(b), func() {}, nil
}

// findBases chooses the old files that each content of a step may be told from.
func (c *creation) findBases(s step) error {
	known := func(x *carried) bool { return x.step != s || x.again || x.text || x.settled }
	items := slices.DeleteFunc(slices.Clone(c.payload), known)
	if len(items) == 0 {
		return nil
	}
	olds := slices.DeleteFunc(s.leaving(), func(e manifest.Entry) bool { return c.Missing[e.SHA256] })
	old, new := make([]match.File, len(olds)), make([]match.File, len(items))
	g, ctx := errgroup.WithContext(c.ctx)
	g.SetLimit(c.Jobs)
	sketch := func(out *match.File, s source, e manifest.Entry) {
		g.Go(func() error {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			sk, err := sketchOf(ctx, s, e.Path)
			*out = match.File{Path: e.Path, Size: e.Size, Digest: e.SHA256, Sketch: sk}
			return err
		})
	}
	for i, e := range olds {
		sketch(&old[i], s.from.tree, e)
	}
	for i, x := range items {
		sketch(&new[i], s.to.tree, manifest.Entry{Path: x.path, Size: x.Size, SHA256: x.SHA256})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	for i, list := range match.Bases(new, old, mostBases) {
		for _, n := range list {
			items[i].bases = append(items[i].bases, olds[n])
		}
	}
	return nil
}

func sketchOf(ctx context.Context, s source, path string) (match.Sketch, error) {
	f, err := s.open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var out match.Sketcher
	_, err = io.Copy(&out, withContext(ctx, f))
	return out.Sketch(), err
}
