package vectorgen

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"hash/crc64"
	"slices"
	"strings"

	"filippo.io/age"
	"filippo.io/age/armor"

	"packlift/bundle"
	"packlift/internal/fault"
)

func (g *generator) decryptFaults() {
	edit := func(name, about string, edit func(b []byte) []byte) {
		g.tampered(bundle.LayerDecrypt, name, "levels.tar.xz.age "+about, func(r *recipe) { r.age[bundle.LevelsName] = edit })
	}
	end := func(b []byte) int { return bytes.Index(b, []byte("\n--- ")) + 5 + 43 + 1 } // the header's end
	edit("no-age", "is not age", func(b []byte) []byte { return bytes.Repeat([]byte("x"), len(b)) })
	edit("version", "is of age v2", func(b []byte) []byte { return bytes.Replace(b, []byte("org/v1"), []byte("org/v2"), 1) })
	edit("armour", "is armoured", func(b []byte) []byte {
		var out bytes.Buffer
		w := armor.NewWriter(&out)
		w.Write(b)
		g.must(w.Close())
		return out.Bytes()
	})
	edit("mac", "has another header MAC", func(b []byte) []byte { i := end(b) - 10; return edited(b, i, b[i]^1) })
	edit("nonce", "has another nonce", func(b []byte) []byte { return flip(b, end(b)+3) })
	edit("chunk", "has a flipped bit in its one chunk", func(b []byte) []byte { return flip(b, end(b)+40) })
	edit("tag", "has a flipped bit in the chunk's tag", func(b []byte) []byte { return flip(b, len(b)-1) })
	edit("cut", "lacks its last byte", func(b []byte) []byte { return b[:len(b)-1] })
	edit("cut-header", "ends inside its header", func(b []byte) []byte { return b[:end(b)-20] })
	edit("more", "is followed by a byte", func(b []byte) []byte { return append(b, 0) })
	edit("empty", "is one byte", func([]byte) []byte { return []byte{0} })
	edit("no-recipient", "has no recipient", func(b []byte) []byte {
		i, j := bytes.IndexByte(b, '\n')+1, bytes.Index(b, []byte("--- "))
		return slices.Concat(b[:i], b[j:])
	})
	g.add(vector{Name: "stranger", About: "no identity matches", Layer: bundle.LayerDecrypt, Identity: "other_identity.txt"}, fault.Undecryptable, g.update().build())
	r := g.update()
	scrypt, err := age.NewScryptRecipient("another passphrase")
	g.must(err)
	scrypt.SetWorkFactor(10)
	r.recipients = []age.Recipient{scrypt}
	g.add(vector{Name: "passphrase", About: "encrypted with another passphrase", Layer: bundle.LayerDecrypt, Identity: "passphrase.txt"}, fault.Undecryptable, r.build())
}

func edited(b []byte, at int, c byte) []byte {
	out := bytes.Clone(b)
	out[at] = c
	return out
}

// xzStream is an xz stream about to be spelled; zero fields are as they should be.
type xzStream struct {
	data          []byte // LZMA2
	plain         []byte
	statesPacked  int
	statesPlain   int
	dict, check   byte
	noSizes       bool
	filter        []byte // in place of LZMA2's
	blockPadding  int    // bytes more than needed
	index         []byte // in place of the index's list
	dirty         bool   // the padding after the data is not zero
	blocks        int
	flags, footer byte
}

func (x xzStream) header() []byte {
	out := []byte{0xFD, '7', 'z', 'X', 'Z', 0, x.flags, x.check}
	return binary.LittleEndian.AppendUint32(out, crc32.ChecksumIEEE(out[6:]))
}

func (x xzStream) blockHeader() []byte {
	out := []byte{0, 0xC0}
	if x.noSizes {
		out[1] = 0
	} else {
		out = binary.AppendUvarint(out, uint64(x.statesPacked))
		out = binary.AppendUvarint(out, uint64(x.statesPlain))
	}
	if x.filter == nil {
		x.filter = []byte{0x21, 1, x.dict}
	}
	out = append(out, x.filter...)
	out = append(out, make([]byte, -len(out)&3+x.blockPadding)...)
	out[0] = byte(len(out) / 4)
	return binary.LittleEndian.AppendUint32(out, crc32.ChecksumIEEE(out))
}

func (x xzStream) sum() []byte {
	switch x.check {
	case 0:
		return nil
	case 1:
		return binary.LittleEndian.AppendUint32(nil, crc32.ChecksumIEEE(x.plain))
	}
	return binary.LittleEndian.AppendUint64(nil, crc64.Checksum(x.plain, crc64.MakeTable(crc64.ECMA)))
}

func (x xzStream) build() []byte {
	if x.statesPacked == 0 {
		x.statesPacked = len(x.data)
	}
	if x.statesPlain == 0 {
		x.statesPlain = len(x.plain)
	}
	if x.blocks == 0 {
		x.blocks = 1
	}
	head, pad := x.blockHeader(), make([]byte, -len(x.data)&3)
	if x.dirty {
		pad[0] = 1
	}
	out := x.header()
	index := binary.AppendUvarint([]byte{0}, uint64(x.blocks))
	for range x.blocks {
		out = slices.Concat(out, head, x.data, pad, x.sum())
		index = binary.AppendUvarint(index, uint64(len(head)+len(x.data)+len(x.sum())))
		index = binary.AppendUvarint(index, uint64(x.statesPlain))
	}
	if x.index != nil {
		index = x.index
	}
	index = append(index, make([]byte, -len(index)&3)...)
	index = binary.LittleEndian.AppendUint32(index, crc32.ChecksumIEEE(index))
	end := binary.LittleEndian.AppendUint32(nil, uint32(len(index)/4-1))
	end = append(end, x.flags, x.check^x.footer)
	out = append(out, index...)
	out = binary.LittleEndian.AppendUint32(out, crc32.ChecksumIEEE(end))
	return append(append(out, end...), 'Y', 'Z')
}

// stored is plain as LZMA2 that does not compress.
func stored(plain []byte) []byte {
	var out []byte
	control := byte(1)
	for len(plain) > 0 {
		n := min(len(plain), 1<<16)
		out = append(out, control, byte((n-1)>>8), byte(n-1))
		out = append(out, plain[:n]...)
		plain, control = plain[n:], 2
	}
	return append(out, 0)
}

// lzma2 takes the LZMA2 data out of a stream that the writer made.
func (g *generator) lzma2(plain []byte) []byte {
	xz, _ := g.streams(plain)
	head := int(xz[12])*4 + 4
	n, _ := binary.Uvarint(xz[14:])
	return xz[12+head:][:n]
}

func (g *generator) xzFaults() {
	spelled := func(name, about string, edit func(x *xzStream)) {
		g.tampered(bundle.LayerXZ, name, "the xz of levels "+about, func(r *recipe) {
			r.pack[bundle.LevelsName] = func(plain []byte) ([]byte, []bundle.Stream) {
				x := xzStream{data: stored(plain), plain: plain, dict: 2, check: 4}
				edit(&x)
				return x.build(), []bundle.Stream{{}}
			}
		})
	}
	zeros := make([]byte, 16<<20)
	spelled("bomb", "states its size and holds 16 MiB", func(x *xzStream) { x.data = g.lzma2(zeros) })
	spelled("bomb-honest", "holds 16 MiB and says so, the manifest does not", func(x *xzStream) { x.data, x.plain = g.lzma2(zeros), zeros })
	spelled("states-less", "states a byte less", func(x *xzStream) { x.statesPlain = len(x.plain) - 1 })
	spelled("states-more", "states a byte more", func(x *xzStream) { x.statesPlain = len(x.plain) + 1 })
	spelled("states-cap", "states more than the cap", func(x *xzStream) { x.statesPlain = 32<<20 + 1 })
	spelled("states-huge", "states 2^62 bytes", func(x *xzStream) { x.statesPlain = 1 << 62 })
	spelled("states-packed", "states another packed size", func(x *xzStream) { x.statesPacked = len(x.data) - 4 })
	spelled("dictionary-bomb", "asks for a dictionary of 4 GiB", func(x *xzStream) { x.dict = 40 })
	spelled("dictionary-96", "asks for a dictionary of 96 MiB", func(x *xzStream) { x.dict = 29 })
	spelled("dictionary-unknown", "asks for a dictionary of unknown size", func(x *xzStream) { x.dict = 63 })
	spelled("no-sizes", "has a block without sizes", func(x *xzStream) { x.noSizes = true })
	spelled("check-none", "has no check", func(x *xzStream) { x.check = 0 })
	spelled("check-crc32", "has check CRC32", func(x *xzStream) { x.check = 1 })
	spelled("check-wrong", "has a wrong check", func(x *xzStream) { x.plain = flip(x.plain, 100) })
	spelled("flags", "has reserved flags", func(x *xzStream) { x.flags = 1 })
	spelled("footer-flags", "has another check in its footer", func(x *xzStream) { x.footer = 1 })
	spelled("delta", "has a delta filter", func(x *xzStream) { x.filter = []byte{3, 1, 0} })
	spelled("bcj", "has an x86 filter", func(x *xzStream) { x.filter = []byte{4, 0} })
	spelled("block-padding", "has more padding in its block header than needed", func(x *xzStream) { x.blockPadding = 4 })
	spelled("two-blocks", "has two blocks", func(x *xzStream) { x.data, x.blocks = g.lzma2(x.plain), 2 })
	spelled("no-block", "has an index without records", func(x *xzStream) { x.index = []byte{0, 0} })
	spelled("index-wrong", "has an index that states other sizes", func(x *xzStream) { x.index = []byte{0, 1, 20, 5} })
	spelled("padding-dirty", "has padding that is not zero", func(x *xzStream) {
		for len(x.data)%4 == 0 {
			x.data = slices.Concat([]byte{1, 0, 0, x.plain[0], 2}, x.data[1:3], x.data[4:])
			x.data[6]--
		}
		x.dirty = true
	})
	g.lzma2Faults(spelled)
	g.xzEdges()
}

// lzma2Faults are faults of the LZMA2 data.
func (g *generator) lzma2Faults(spelled func(name, about string, edit func(x *xzStream))) {
	data := func(name, about string, edit func(x *xzStream) []byte) {
		spelled("lzma2-"+name, "holds LZMA2 data that "+about, func(x *xzStream) { x.data = edit(x) })
	}
	data("no-end", "does not end", func(x *xzStream) []byte { return x.data[:len(x.data)-1] })
	data("after-end", "is followed by bytes", func(x *xzStream) []byte { return append(x.data, 0, 0, 0) })
	data("early-end", "ends at once", func(*xzStream) []byte { return []byte{0, 0, 0, 0} })
	data("no-reset", "begins without a dictionary reset", func(x *xzStream) []byte { return edited(x.data, 0, 2) })
	data("control", "has a reserved control byte", func(x *xzStream) []byte { return edited(x.data, 0, 3) })
	data("chunk-cut", "is cut inside a chunk", func(x *xzStream) []byte { return x.data[:40] })
	data("no-props", "has an LZMA chunk without properties", func(x *xzStream) []byte {
		return slices.Concat(x.data[:len(x.data)-1], []byte{0x80, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0})
	})
	data("props", "has impossible properties", func(x *xzStream) []byte { return edited(g.lzma2(x.plain), 5, 225) })
	data("lc-lp", "has lc and lp above 4", func(x *xzStream) []byte { return edited(g.lzma2(x.plain), 5, 4+9*4) })
	data("range-start", "begins its range coder with a byte other than 0", func(x *xzStream) []byte { return edited(g.lzma2(x.plain), 6, 1) })
	data("flip", "has a flipped bit", func(x *xzStream) []byte { b := g.lzma2(x.plain); return flip(b, len(b)/2) })
}

// xzEdges are faults before, between and after streams.
func (g *generator) xzEdges() {
	edge := func(name, about string, edit func(b []byte) []byte) {
		g.tampered(bundle.LayerXZ, name, "the xz of levels "+about, func(r *recipe) {
			r.pack[bundle.LevelsName] = func(plain []byte) ([]byte, []bundle.Stream) {
				b, table := g.streams(plain)
				return edit(b), table
			}
		})
	}
	edge("magic", "has another magic", func(b []byte) []byte { return flip(b, 0) })
	edge("header-crc", "has a wrong CRC in its stream header", func(b []byte) []byte { return flip(b, 8) })
	edge("block-crc", "has a wrong CRC in its block header", func(b []byte) []byte { return flip(b, 12+int(b[12])*4) })
	edge("index-crc", "has a wrong CRC in its index", func(b []byte) []byte { return flip(b, len(b)-13) })
	edge("footer-crc", "has a wrong CRC in its footer", func(b []byte) []byte { return flip(b, len(b)-12) })
	edge("footer-magic", "has another footer magic", func(b []byte) []byte { return flip(b, len(b)-1) })
	edge("cut", "is cut short", func(b []byte) []byte { return b[:len(b)-30] })
	edge("stream-padding", "is followed by stream padding", func(b []byte) []byte { return append(b, 0, 0, 0, 0) })
	edge("trailing", "is followed by bytes", func(b []byte) []byte { return append(b, strings.Repeat("x", 16)...) })
	edge("trailing-stream", "is followed by another stream", func(b []byte) []byte { more, _ := g.streams(make([]byte, 512)); return append(b, more...) })
	edge("leading", "stands after four zero bytes", func(b []byte) []byte { return append([]byte{0, 0, 0, 0}, b...) })
	edge("not-xz", "is plain text", func(b []byte) []byte { return bytes.Repeat([]byte("y"), len(b)) })

	for _, name := range []string{bundle.LevelsName, bundle.PayloadName} {
		plain := func(what, about string, edit func(p *bundle.Blob)) {
			g.tampered(bundle.LayerXZ, "lie-plain-"+what+"-"+word(name), "MANIFEST.json states "+about+" of "+name, func(r *recipe) {
				r.lie = func(i *bundle.Info) { edit(&partInfo[name](i).Plain) }
			})
		}
		plain("less", "a smaller plain size", func(p *bundle.Blob) { p.Size -= 512 })
		plain("more", "a larger plain size", func(p *bundle.Blob) { p.Size += 512 })
		plain("digest", "another plain digest", func(p *bundle.Blob) { p.SHA256[31] ^= 1 })
	}
}
