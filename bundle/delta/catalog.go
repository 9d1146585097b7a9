package delta

import (
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	"packlift/bundle/delta/inflate"
	"packlift/bundle/delta/zipfile"
)

// Memory that applying a delta may take for contents and entries, in bytes, and
// how deep containers may lie in containers. They are part of the format.
const (
	MaxMemory = 64 << 20
	MaxInside = 24 << 20 // of one content held in memory
	maxDepth  = 4
	maxOpen   = 64 // containers opened for one
)

var errMemory = errors.New("delta: needs more memory than allowed")

// item is a content that deltas can be made of: a base, or an entry of a
// container that stands in an earlier item.
type item struct {
	in     io.ReaderAt
	off    int64
	length int64 // as it stands there
	plain  int64 // inflated
	packed bool  // deflated
	entry  *zipfile.Entry
}

// catalog numbers items: the bases, then the entries of each container opened.
type catalog struct {
	items []item
	used  int64 // memory
	inflater
}

// wholeMost is the most packed bytes that are read to be inflated; more are a stream.
const wholeMost = 2 << 20

func newCatalog(contents []Content, data []io.ReaderAt) *catalog {
	c := &catalog{}
	for i, b := range contents {
		c.items = append(c.items, item{in: data[i], length: b.Size, plain: b.Size})
	}
	return c
}

// scope is a state of a catalog to go back to.
type scope struct {
	items int
	used  int64
}

func (c *catalog) scope() scope { return scope{len(c.items), c.used} }

func (c *catalog) leave(s scope) {
	clear(c.items[s.items:])
	c.items, c.used = c.items[:s.items], s.used
}

// take counts memory; it stays counted until the scope is left or it is given back.
func (c *catalog) take(n int64) error {
	if n < 0 || n > MaxMemory-c.used {
		return errMemory
	}
	c.used += n
	return nil
}

func (c *catalog) item(n int64) (*item, error) {
	if n < 0 || n >= int64(len(c.items)) {
		return nil, fmt.Errorf("delta: there is no item %d", n)
	}
	return &c.items[n], nil
}

// twin is the entry of an item.
func (c *catalog) twin(n int64) (*zipfile.Entry, error) {
	t, err := c.item(n)
	if err == nil && t.entry == nil {
		err = fmt.Errorf("delta: item %d is no entry", n)
	}
	if err != nil {
		return nil, err
	}
	return t.entry, nil
}

// content opens an item's plain bytes. One that is packed is held in memory,
// counted.
func (c *catalog) content(t *item) (io.ReaderAt, error) {
	if !t.packed {
		return io.NewSectionReader(t.in, t.off, t.length), nil
	}
	if t.plain > MaxInside {
		return nil, errMemory
	}
	if err := c.take(t.plain); err != nil {
		return nil, err
	}
	buf, err := c.inflate(t)
	return memory(buf), err
}

// inflater keeps its memory.
type inflater struct {
	whole inflate.Decoder
	flate io.ReadCloser
}

// inflate reads exactly an item's plain bytes.
func (c *inflater) inflate(t *item) ([]byte, error) {
	if t.length >= 0 && t.length <= wholeMost && t.plain >= 0 && t.plain <= MaxInside {
		if in := c.whole.Input(int(t.length)); readFull(t.in, in, t.off) == nil {
			if out, err := c.whole.Unpack(int(t.plain)); err == nil {
				return out, nil
			}
		}
	}
	return c.inflateStream(t)
}

// inflateStream takes what inflate does not, and says what is wrong.
func (c *inflater) inflateStream(t *item) ([]byte, error) {
	in := io.NewSectionReader(t.in, t.off, t.length)
	if c.flate == nil {
		c.flate = flate.NewReader(in)
	} else if err := c.flate.(flate.Resetter).Reset(in, nil); err != nil {
		return nil, err
	}
	buf := make([]byte, t.plain)
	if _, err := io.ReadFull(c.flate, buf); err != nil {
		return nil, fmt.Errorf("delta: an old entry does not inflate: %w", err)
	}
	var more [1]byte
	if n, err := c.flate.Read(more[:]); n != 0 || err != io.EOF {
		return nil, errors.New("delta: an old entry is longer than it says")
	}
	return buf, nil
}

// memory is a content in memory.
type memory []byte

func (m memory) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 || off > int64(len(m)) {
		return 0, io.ErrUnexpectedEOF
	}
	n := copy(p, m[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// open adds the entries of a container to the catalog.
func (c *catalog) open(n int64) error {
	t, err := c.item(n)
	if err != nil {
		return err
	}
	in, err := c.content(t)
	if err != nil {
		return err
	}
	var head [2]byte
	if got, _ := in.ReadAt(head[:], 0); got == 2 && head[0] == 0x1f && head[1] == 0x8b {
		return c.openGzip(in, t.plain)
	}
	return c.openZip(in, t.plain)
}

func (c *catalog) openZip(in io.ReaderAt, size int64) error {
	a, err := zipfile.ParseWithin(in, size, MaxMemory-c.used)
	if err != nil {
		return err
	}
	if err := c.take(a.Memory()); err != nil {
		return err
	}
	c.items = slices.Grow(c.items, len(a.Entries))
	for i := range a.Entries {
		e := &a.Entries[i]
		c.items = append(c.items, item{in: in, off: e.Data, length: e.Length, plain: e.Plain, packed: e.Central[zipfile.Method] == zipfile.Deflated && e.Central[zipfile.Flags]&1 == 0, entry: e})
	}
	return nil
}

func (c *catalog) openGzip(in io.ReaderAt, size int64) error {
	head, err := zipfile.GzipHead(in, size)
	if err != nil {
		return err
	}
	var end [4]byte
	if n, err := in.ReadAt(end[:], size-4); n < 4 {
		return err
	}
	plain := int64(binary.LittleEndian.Uint32(end[:]))
	c.items = append(c.items, item{in: in, off: head, length: size - head - zipfile.GzipEnd, plain: plain, packed: true})
	return nil
}

// several joins the contents of items to one.
type several struct {
	parts []io.ReaderAt
	ends  []int64
}

func (s *several) ReadAt(p []byte, off int64) (int, error) {
	done, begin := 0, int64(0)
	for i, end := range s.ends {
		if off < end && done < len(p) {
			n := min(len(p)-done, int(min(end-off, int64(len(p)))))
			got, err := s.parts[i].ReadAt(p[done:done+n], off-begin)
			done += got
			if got < n {
				return done, err
			}
			off += int64(got)
		}
		begin = end
	}
	if done < len(p) {
		return done, io.EOF
	}
	return done, nil
}
