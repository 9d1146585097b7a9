package export

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"

	"packlift/bundle/xzpar"
	"packlift/internal/fault"
)

// maxDictionary is the largest that an input may ask for: what `xz -9` does.
const maxDictionary = xzpar.MaxDict

var errNotXZ = errors.New("it is no xz file")

// xzGuard passes an xz file on and follows its structure (The .xz File Format
// 1.2.1, sections 2 to 5), so that a block whose dictionary is over the cap
// never reaches the decoder, which would allocate it.
type xzGuard struct {
	r     io.Reader
	next  func([]byte) error // takes the next want bytes
	want  int
	buf   []byte
	skip  int64
	err   error
	check int64  // bytes of a block's check
	size  int64  // of the block's LZMA2 data, or of the index, so far
	left  uint64 // integers of the index that follow
	shift uint   // of the integer at hand
}

func newXZGuard(r io.Reader) *xzGuard {
	g := &xzGuard{r: r}
	g.then(4, g.magic)
	return g
}

func (g *xzGuard) Read(p []byte) (int, error) {
	if g.err != nil {
		return 0, g.err
	}
	n, err := g.r.Read(p)
	if g.err = g.feed(p[:n]); g.err != nil {
		return 0, g.err
	}
	return n, err
}

func (g *xzGuard) then(n int, next func([]byte) error) { g.want, g.next = n, next }

func (g *xzGuard) feed(p []byte) error {
	for len(p) > 0 {
		if k := min(int64(len(p)), g.skip); k > 0 {
			g.skip -= k
			p = p[k:]
			continue
		}
		k := min(g.want-len(g.buf), len(p))
		g.buf = append(g.buf, p[:k]...)
		p = p[k:]
		if len(g.buf) < g.want {
			continue
		}
		b := g.buf
		g.buf = g.buf[len(g.buf):]
		if err := g.next(b); err != nil {
			return err
		}
	}
	return nil
}

// magic is the start of a stream, or four bytes of padding between streams.
func (g *xzGuard) magic(b []byte) error {
	if !bytes.Equal(b, []byte{0, 0, 0, 0}) {
		g.then(8, g.streamFlags)
	}
	return nil
}

func (g *xzGuard) streamFlags(b []byte) error {
	g.check = [16]int64{0, 4, 4, 4, 8, 8, 8, 16, 16, 16, 32, 32, 32, 64, 64, 64}[b[3]&0x0F]
	g.then(1, g.block)
	return nil
}

// block is the first byte of a block header, or of the index.
func (g *xzGuard) block(b []byte) error {
	if b[0] != 0 {
		g.then(int(b[0])*4+3, g.header)
		return nil
	}
	g.size, g.left, g.shift = 1, 0, 0
	g.then(1, g.records)
	return nil
}

// header is the rest of a block header: flags, sizes, filters.
func (g *xzGuard) header(b []byte) error {
	filters, rest := int(b[0]&3)+1, b[1:]
	for _, flag := range []byte{0x40, 0x80} {
		if b[0]&flag != 0 {
			if _, rest = varint(rest); rest == nil {
				return errNotXZ
			}
		}
	}
	for range filters {
		var id, size uint64
		if id, rest = varint(rest); rest != nil {
			size, rest = varint(rest)
		}
		if rest == nil || size > uint64(len(rest)) {
			return errNotXZ
		}
		if id == 0x21 && size == 1 && dictionary(rest[0]) > maxDictionary {
			return fault.New(fault.Usage, "it needs a dictionary of %d MiB to unpack, the most is %d MiB", dictionary(rest[0])>>20, maxDictionary>>20).
				WithHint("unpack it first, or pack it with a dictionary as small as that of `xz -9`")
		}
		rest = rest[size:]
	}
	g.size = 0
	g.then(1, g.chunk)
	return nil
}

func varint(b []byte) (uint64, []byte) {
	v, n := binary.Uvarint(b)
	if n <= 0 {
		return 0, nil
	}
	return v, b[n:]
}

// dictionary is the size that an LZMA2 filter's property byte states (section 5.3.1).
func dictionary(b byte) int64 {
	if b >= 40 {
		return 1<<32 - 1
	}
	return int64(2|b&1) << (b/2 + 11)
}

// chunk is the control byte of an LZMA2 chunk; the last is followed by padding
// and check.
func (g *xzGuard) chunk(b []byte) error {
	g.size++
	switch ctl := b[0]; {
	case ctl == 0:
		g.skip = -g.size&3 + g.check
		g.then(1, g.block)
	case ctl == 1 || ctl == 2:
		g.then(2, func(b []byte) error { return g.body(2, int64(binary.BigEndian.Uint16(b))+1) })
	case ctl >= 0xC0: // with a byte of properties
		g.then(4, func(b []byte) error { return g.body(4, int64(binary.BigEndian.Uint16(b[2:]))+2) })
	case ctl >= 0x80:
		g.then(4, func(b []byte) error { return g.body(4, int64(binary.BigEndian.Uint16(b[2:]))+1) })
	default:
		return errNotXZ
	}
	return nil
}

func (g *xzGuard) body(head, n int64) error {
	g.size, g.skip = g.size+head+n, n
	g.then(1, g.chunk)
	return nil
}

// records is a byte of the number of records.
func (g *xzGuard) records(b []byte) error {
	g.size++
	if g.shift > 56 {
		return errNotXZ
	}
	g.left |= uint64(b[0]&0x7F) << g.shift
	g.shift += 7
	if b[0]&0x80 == 0 {
		g.left *= 2
		return g.record()
	}
	return nil
}

// record goes on to the next integer of the index, or to its padding, CRC and
// the stream's footer.
func (g *xzGuard) record() error {
	if g.left > 0 {
		g.then(1, g.integer)
		return nil
	}
	g.skip = -g.size&3 + 4 + 12
	g.then(4, g.magic)
	return nil
}

func (g *xzGuard) integer(b []byte) error {
	g.size++
	if b[0]&0x80 == 0 {
		g.left--
		return g.record()
	}
	return nil
}
