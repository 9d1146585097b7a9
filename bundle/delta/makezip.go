package delta

import (
	"bytes"
	"hash/crc32"
	"io"

	"packlift/bundle/delta/streams"
	"packlift/bundle/delta/zipfile"
)

// Sizes that only making depends on, in bytes.
const (
	holdContents = 32 << 20 // of entries whose frames are written together
	blindFrom    = 8 << 20  // an entry that is longer does not wait for its content
)

// zip writes a zip file.
func (m *maker) zip(in io.ReaderAt, a *zipfile.Archive, sources []int64, depth int) error {
	s := m.scope()
	defer m.leave(s)
	opened := m.opens(sources)
	m.w.Uint(streams.Control, uint64(len(opened)))
	for _, n := range opened {
		m.w.Uint(streams.Control, uint64(n))
	}
	m.w.Uint(streams.Control, uint64(len(a.Entries)))
	if err := m.take(int64(len(a.Entries)) * zipfile.EntryMemory); err != nil {
		return err
	}
	z := &zipper{maker: m, in: in, a: a, depth: depth, index: newIndex(m.catalog, m.hands, s.items), sources: sources}
	if err := z.entries(); err != nil {
		return err
	}
	if err := m.w.Mark(); err != nil {
		return err
	}
	m.w.Uint(streams.Control, uint64(a.Gap))
	if a.Gap > 0 {
		if err := z.inner(a.Central-a.Gap, a.Gap); err != nil {
			return err
		}
	}
	if err := z.directory(); err != nil {
		return err
	}
	return z.end()
}

// opens opens those of the items that are containers, and returns them.
func (m *maker) opens(sources []int64) []int64 {
	var opened []int64
	for _, n := range sources[:min(len(sources), maxOpen)] {
		s := m.scope()
		if m.open(n) == nil && m.used <= MaxMemory/2 {
			opened = append(opened, n)
		} else {
			m.leave(s)
		}
	}
	return opened
}

// zipper writes one zip file.
type zipper struct {
	*maker
	in      io.ReaderAt
	a       *zipfile.Archive
	depth   int
	index   *index
	sources []int64
	frames  zipfile.Frames
	plans   []zipfile.Plan
	facts   []zipfile.Facts

	seen     []seen // entries from seenFrom on
	seenFrom int
}

// told is an entry and how it will be written.
type told struct {
	zipfile.Plan
	zipfile.Facts
	item    int64  // to copy from
	content memory // of a deflated entry
	sources []int64
	plan    *codePlan
}

func (z *zipper) entries() error {
	for at := 0; at < len(z.a.Entries); {
		rest := z.a.Entries[at:]
		batch, held := []told{}, int64(0)
		most := zipfile.Fit(rest)
		for len(batch) < most && (held < holdContents || len(batch) == 0) {
			t, err := z.tell(at + len(batch))
			if err != nil {
				return err
			}
			held += int64(len(t.content))
			batch = append(batch, t)
		}
		if err := z.batch(rest[:len(batch)], batch); err != nil {
			return err
		}
		at += len(batch)
	}
	return nil
}

func (z *zipper) batch(es []zipfile.Entry, batch []told) error {
	if err := z.w.Mark(); err != nil {
		return err
	}
	first := len(z.plans)
	for i := range batch {
		z.plans = append(z.plans, batch[i].Plan)
		z.facts = append(z.facts, batch[i].Facts)
	}
	z.w.Uint(streams.Control, uint64(len(es)))
	z.frames.PutLocals(z.w, es, z.plans[first:], z.facts[first:])
	plans := 0 // entries whose plans are made
	for i := range es {
		if i == plans {
			plans += z.planCodes(batch[i:])
		}
		if err := z.entry(&es[i], &batch[i]); err != nil {
			return err
		}
		batch[i].content, batch[i].plan = nil, nil
	}
	return nil
}

// entry writes what Frames does not hold of an entry.
func (z *zipper) entry(e *zipfile.Entry, t *told) error {
	if e.Gap > 0 {
		if err := z.inner(e.At-e.Gap, e.Gap); err != nil {
			return err
		}
	}
	if err := z.w.Mark(); err != nil {
		return err
	}
	switch t.Mode {
	case modeTwin:
		return nil
	case modeItem:
		z.w.Uint(streams.Control, uint64(t.item))
		return nil
	case modePlain, modeOpaque:
		if t.Mode == modeOpaque {
			z.w.Uint(streams.Control, uint64(t.CRC))
			z.w.Uint(streams.Control, uint64(t.Plain))
		}
		z.w.Uint(streams.Control, uint64(e.Length))
		return z.node(io.NewSectionReader(z.in, e.Data, e.Length), e.Length, t.sources, z.depth+1)
	}
	z.w.Uint(streams.Control, uint64(len(t.content)))
	return z.planned(t.content, int64(len(t.content)), t.sources, z.depth+1, t.plan)
}

// inner writes bytes that are no entry's.
func (z *zipper) inner(at, size int64) error {
	return z.plainer(func() error { return z.node(io.NewSectionReader(z.in, at, size), size, nil, z.depth+1) })
}

// plainer does not look into containers.
func (m *maker) plainer(f func() error) error {
	deep := m.deep
	m.deep = false
	err := f()
	m.deep = deep
	return err
}

// tell decides how the n-th entry is written.
func (z *zipper) tell(n int) (told, error) {
	t := told{Plan: zipfile.Plan{Item: -1}}
	e, s := &z.a.Entries[n], z.see(n)
	if s.err != nil {
		return t, s.err
	}
	same := s.same
	if t.Item = z.index.named(e, same); t.Item >= 0 {
		t.Twin = z.items[t.Item].entry
	}
	if same >= 0 {
		t.item, t.Mode, t.Facts = same, modeItem, z.items[same].entry.Facts
		if t.Item < 0 || t.Item == same {
			t.Item, t.Twin, t.Mode = same, z.items[same].entry, modeTwin
		}
		return t, nil
	}
	return t, z.changed(e, s, &t)
}

// same finds an item whose packed bytes are the entry's, -1 for none.
func (z *zipper) same(e *zipfile.Entry) (int64, error) {
	for _, n := range z.index.like(e) {
		t := &z.items[n]
		equal, err := equalParts(z.in, e.Data, t.in, t.off, e.Length)
		if err != nil || equal {
			return n, err
		}
	}
	return -1, nil
}

func equalParts(a io.ReaderAt, aOff int64, b io.ReaderAt, bOff, n int64) (bool, error) {
	var pa, pb [16 << 10]byte
	for n > 0 {
		k := min(n, int64(len(pa)))
		if err := readFull(a, pa[:k], aOff); err != nil {
			return false, err
		}
		if err := readFull(b, pb[:k], bOff); err != nil {
			return false, err
		}
		if !bytes.Equal(pa[:k], pb[:k]) {
			return false, nil
		}
		aOff, bOff, n = aOff+k, bOff+k, n-k
	}
	return true, nil
}

// changed decides for an entry whose packed bytes are new.
func (z *zipper) changed(e *zipfile.Entry, s *seen, t *told) error {
	if e.Waits(t.Plan) && e.Length > blindFrom {
		t.Blind = true
		e.Narrow()
	}
	if e.Local[zipfile.Method] == 0 {
		t.Mode = modePlain
		crc, err := z.sum(e)
		t.Facts = zipfile.Facts{CRC: crc, Length: e.Length, Plain: e.Length}
		if t.Item >= 0 {
			t.sources = []int64{t.Item}
		}
		return err
	}
	t.Mode, t.Facts = modeOpaque, e.Facts
	if s.content == nil {
		return nil
	}
	t.Mode, t.content = modeDeflate+uint32(s.setting), s.content
	t.Facts = zipfile.Facts{CRC: crc32.ChecksumIEEE(s.content), Length: e.Length, Plain: int64(len(s.content))}
	t.sources = z.index.sources(e, s, t.Item)
	s.content = nil // held by t alone
	return nil
}

func (z *zipper) sum(e *zipfile.Entry) (uint32, error) {
	h := crc32.NewIEEE()
	_, err := io.Copy(h, io.NewSectionReader(z.in, e.Data, e.Length))
	return h.Sum32(), err
}

func (z *zipper) directory() error {
	z.frames.StartCentral()
	for done := 0; done < len(z.a.Order); {
		if err := z.w.Mark(); err != nil {
			return err
		}
		var es []zipfile.Entry
		for _, place := range z.a.Order[done:min(len(z.a.Order), done+zipfile.Rows)] {
			es = append(es, z.a.Entries[place])
		}
		es = es[:zipfile.Fit(es)]
		order := z.a.Order[done : done+len(es)]
		plans, facts := make([]zipfile.Plan, len(es)), make([]zipfile.Facts, len(es))
		for i, place := range order {
			plans[i], facts[i] = z.plans[place], z.facts[place]
		}
		z.w.Uint(streams.Control, uint64(len(es)))
		z.frames.PutOrder(z.w, order)
		z.frames.PutCentral(z.w, es, plans, facts)
		done += len(es)
	}
	return nil
}

// end writes what stands behind the directory.
func (z *zipper) end() error {
	if err := z.w.Mark(); err != nil {
		return err
	}
	tail, err := whole(io.NewSectionReader(z.in, z.a.Tail, z.a.Length-z.a.Tail), z.a.Length-z.a.Tail)
	if err != nil {
		return err
	}
	usual := z.frames.AppendEnd(nil, len(z.a.Entries), z.a.Tail-z.a.Central, z.a.Central, nil)
	usual = usual[:len(usual)-2]
	if bytes.HasPrefix(tail, usual) {
		comment := tail[len(usual)+2:]
		z.w.Uint(streams.Control, uint64(len(comment))+1)
		z.w.Bytes(streams.Extra, comment)
		return nil
	}
	z.w.Uint(streams.Control, 0)
	return z.plainer(func() error { return z.node(memory(tail), int64(len(tail)), nil, z.depth+1) })
}
