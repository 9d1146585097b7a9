package delta

import (
	"bytes"
	"hash/crc32"
	"io"

	"packlift/bundle/delta/streams"
	"packlift/bundle/delta/zipfile"
)

// gzipped is a gzip file taken apart.
type gzipped struct {
	head, content []byte
	setting       int
}

// parseGzip takes a gzip file of one member apart; nil if it could not be
// rebuilt, or is too large.
func (m *maker) parseGzip(in io.ReaderAt, size int64) *gzipped {
	n, err := zipfile.GzipHead(in, size)
	if err != nil || size > MaxInside {
		return nil
	}
	all, err := whole(in, size)
	if err != nil {
		return nil
	}
	packed, tail := all[n:size-zipfile.GzipEnd], all[size-zipfile.GzipEnd:]
	plain := int64(tail[4]) | int64(tail[5])<<8 | int64(tail[6])<<16 | int64(tail[7])<<24
	if plain > MaxInside {
		return nil
	}
	content, err := m.inflate(&item{in: memory(packed), length: int64(len(packed)), plain: plain})
	if err != nil {
		return nil
	}
	var setting int
	var ok bool
	m.hands.each(1, func(h *hand, _ int) { setting, ok = h.packer.Find(content, packed, m.setting) })
	f := zipfile.Facts{CRC: crc32.ChecksumIEEE(content), Plain: plain}
	if !ok || !bytes.Equal(f.GzipTail(), tail) {
		return nil
	}
	m.setting = setting
	return &gzipped{bytes.Clone(all[:n]), content, setting}
}

func (m *maker) gzip(g *gzipped, sources []int64, depth int) error {
	s := m.scope()
	defer m.leave(s)
	opened := m.opens(sources)
	m.w.Uint(streams.Control, uint64(len(opened)))
	for _, n := range opened {
		m.w.Uint(streams.Control, uint64(n))
	}
	m.w.Uint(streams.Control, uint64(len(g.head)))
	m.w.Bytes(streams.Extra, g.head)
	m.w.Uint(streams.Control, uint64(g.setting))
	m.w.Uint(streams.Control, uint64(len(g.content)))
	inside := make([]int64, 0, len(m.items)-s.items)
	for n := s.items; n < len(m.items) && len(inside) < maxSources; n++ {
		inside = append(inside, int64(n))
	}
	return m.node(memory(g.content), int64(len(g.content)), inside, depth+1)
}
