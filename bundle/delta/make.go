package delta

import (
	"errors"
	"fmt"
	"io"

	"packlift/bundle/delta/bytediff"
	"packlift/bundle/delta/streams"
	"packlift/bundle/delta/zipfile"
)

// Options bound Make. Memory is in bytes, 0 is DefaultMemory; a delta that
// would have more than MaxDelta bytes is given up, 0 is half of Memory. Jobs is
// how many cores make it, 0 is all; what is made does not depend on it.
type Options struct {
	Jobs     int
	Memory   int64
	MaxDelta int64
}

// DefaultMemory is what Make takes at most, about, in bytes.
const DefaultMemory = 512 << 20

// ErrNoGain means that a content is better sent whole.
var ErrNoGain = errors.New("delta: no smaller than the content itself")

// Make tells new from bases, the likeliest first, at most MaxBases. What it
// returns was applied, and gave new.
func Make(new Blob, bases []Blob, o Options) (*Delta, error) {
	if o.Memory == 0 {
		o.Memory = DefaultMemory
	}
	if o.MaxDelta == 0 {
		o.MaxDelta = o.Memory / 2
	}
	r := Recipe{Result: new.Content}
	var data []io.ReaderAt
	for _, b := range bases[:min(len(bases), MaxBases)] {
		r.Bases = append(r.Bases, b.Content)
		data = append(data, b.Data)
	}
	d, err := proved(r, new.Data, data, o, true)
	if err == nil || errors.Is(err, ErrNoGain) || errors.Is(err, errRead) {
		return d, err
	}
	d, err = proved(r, new.Data, data, o, false)
	if err != nil && !errors.Is(err, ErrNoGain) && !errors.Is(err, errRead) {
		return nil, fmt.Errorf("delta: what was made does not apply: %w", err)
	}
	return d, err
}

// proved is makeOne of what then was applied.
func proved(r Recipe, new io.ReaderAt, data []io.ReaderAt, o Options, deep bool) (*Delta, error) {
	d, err := makeOne(r, new, data, o, deep)
	if err == nil {
		err = d.Apply(io.Discard, data)
	}
	if err != nil {
		return nil, err
	}
	return d, nil
}

var errRead = errors.New("delta: cannot read a content")

func makeOne(r Recipe, new io.ReaderAt, data []io.ReaderAt, o Options, deep bool) (*Delta, error) {
	d := &Delta{Recipe: r}
	w := &streams.Writer{Cut: func(s streams.Segment) error {
		d.Segments = append(d.Segments, s)
		if d.Size() > o.MaxDelta {
			return ErrNoGain
		}
		return nil
	}}
	m := &maker{catalog: newCatalog(r.Bases, data), w: w, o: o, deep: deep, hands: newHands(o.Jobs)}
	sources := make([]int64, len(data))
	for i := range sources {
		sources[i] = int64(i)
	}
	if err := w.Mark(); err != nil {
		return nil, err
	}
	if err := m.node(new, r.Result.Size, sources, 0); err != nil {
		return nil, err
	}
	return d, w.Close()
}

// maker writes nodes. What it writes and in which order is what applier reads.
type maker struct {
	*catalog
	w       *streams.Writer
	o       Options
	deep    bool // look into containers
	buf     []byte
	hands   hands
	setting int // of the last deflated content: likely that of the next one
}

// node writes how to make a content, told from items if there are any.
func (m *maker) node(in io.ReaderAt, size int64, sources []int64, depth int) error {
	return m.planned(in, size, sources, depth, nil)
}

// planned is node where the difference of executables is there, should it be one.
func (m *maker) planned(in io.ReaderAt, size int64, sources []int64, depth int, plan *codePlan) error {
	if m.deep && depth < maxDepth && size > 0 {
		if a, err := zipfile.Parse(in, size); err == nil && len(a.Entries) > 0 {
			m.w.Uint(streams.Control, formZip)
			return m.zip(in, a, sources, depth)
		}
		if g := m.parseGzip(in, size); g != nil {
			m.w.Uint(streams.Control, formGzip)
			return m.gzip(g, sources, depth)
		}
	}
	if len(sources) == 0 {
		m.w.Uint(streams.Control, formRaw)
		return m.raw(in, size)
	}
	if done, err := m.code(in, size, sources[0], plan); done || err != nil {
		return err
	}
	m.w.Uint(streams.Control, formDiff)
	return m.diff(in, size, sources)
}

func (m *maker) raw(in io.ReaderAt, size int64) error {
	for at := int64(0); at < size; {
		if err := m.w.Mark(); err != nil {
			return err
		}
		p, err := m.read(in, at, min(size-at, bytediff.MaxPiece))
		if err != nil {
			return err
		}
		m.w.Bytes(streams.Extra, p)
		at += int64(len(p))
	}
	return nil
}

// read gives n bytes, good until the next call.
func (m *maker) read(in io.ReaderAt, at, n int64) ([]byte, error) {
	if int64(cap(m.buf)) < n {
		m.buf = make([]byte, n)
	}
	p := m.buf[:n]
	return p, readFull(in, p, at)
}

func readFull(in io.ReaderAt, p []byte, at int64) error {
	n, err := in.ReadAt(p, at)
	if n == len(p) {
		return nil
	}
	if err == nil || err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("%w: %w", errRead, err)
}

// moreOld is how much old content beside twice the new one's size is looked at,
// in bytes: more costs time and seldom helps. The first item is always taken.
const moreOld = 1 << 20

// diff writes a content as a difference of items.
func (m *maker) diff(in io.ReaderAt, size int64, sources []int64) error {
	used := m.used
	defer func() { m.used = used }()
	var all several
	var numbers []int64
	end := int64(0)
	for _, n := range sources[:min(len(sources), maxSources)] {
		t := &m.items[n]
		if end > 0 && end+t.plain > 2*size+moreOld {
			break
		}
		part, err := m.content(t)
		if errors.Is(err, errMemory) {
			continue
		}
		if err != nil {
			return err
		}
		end += t.plain
		all.parts, all.ends, numbers = append(all.parts, part), append(all.ends, end), append(numbers, n)
	}
	m.w.Uint(streams.Control, uint64(len(numbers)))
	for _, n := range numbers {
		m.w.Uint(streams.Control, uint64(n))
	}
	return m.hands[0].bytes.MakeAt(m.w, in, size, &all, end, m.o.Memory)
}

// whole is all of a content in memory.
func whole(in io.ReaderAt, size int64) ([]byte, error) {
	if m, ok := in.(memory); ok && int64(len(m)) == size {
		return m, nil
	}
	p := make([]byte, size)
	return p, readFull(in, p, 0)
}
