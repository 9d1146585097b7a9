package delta

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"packlift/bundle/delta/deflate"
)

// text makes lines that look like source code; a seed gives the same ones.
func text(seed uint64, n int) []byte {
	r := rand.New(rand.NewPCG(seed, 1))
	words := []string{"gateway", "handler", "token", "session", "registry", "synapse", "transport", "mediator"}
	var b bytes.Buffer
	for b.Len() < n {
		fmt.Fprintf(&b, "%s.%d = new %s(%d);\n", words[r.IntN(len(words))], r.IntN(50), words[r.IntN(len(words))], r.IntN(9999))
	}
	return b.Bytes()[:n]
}

func noise(seed uint64, n int) []byte {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)})
	r.Read(b)
	return b
}

// zlibbed packs as Java does.
func zlibbed(p []byte, level int) []byte {
	var b bytes.Buffer
	w, err := deflate.NewWriter(&b, deflate.Params{Level: level, Memory: 8})
	if err != nil {
		panic(err)
	}
	w.Write(p)
	w.Close()
	return b.Bytes()
}

// member is an entry of a zip file that a test makes.
type member struct {
	name    string
	content []byte
	level   int // 0 stored, -1 packed by Go, which cannot be reproduced
	stamp   time.Time
	extra   []byte
	comment string
	sized   bool // sizes in the local header
	flags   uint16
}

// makeZip writes a zip file; edit changes headers before they are written.
func makeZip(t testing.TB, comment string, prefix []byte, all ...member) []byte {
	t.Helper()
	var b bytes.Buffer
	b.Write(prefix)
	w := zip.NewWriter(&b)
	w.SetOffset(int64(len(prefix)))
	if err := w.SetComment(comment); err != nil {
		t.Fatal(err)
	}
	for _, m := range all {
		h := &zip.FileHeader{Name: m.name, Modified: m.stamp, Extra: m.extra, Comment: m.comment, Flags: m.flags | 8, Method: zip.Deflate}
		data := m.content
		switch {
		case m.level == 0:
			h.Method = zip.Store
		case m.level > 0:
			data = zlibbed(m.content, m.level)
		default:
			var p bytes.Buffer
			f, _ := flate.NewWriter(&p, 6)
			f.Write(m.content)
			f.Close()
			data = p.Bytes()
		}
		h.CRC32, h.UncompressedSize64, h.CompressedSize64 = crc32.ChecksumIEEE(m.content), uint64(len(m.content)), uint64(len(data))
		if m.sized {
			h.Flags &^= 8
		}
		e, err := w.CreateRaw(h)
		if err != nil {
			t.Fatal(err)
		}
		e.Write(data)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// jar makes a container of n classes; version changes every fourth a little.
func jar(t testing.TB, version, n int, more ...member) []byte {
	var all []member
	for i := range n {
		c := text(uint64(i), 500+i*37%3000)
		if i%4 == 0 {
			copy(c[len(c)/2:], fmt.Sprintf("version %d", version))
		}
		all = append(all, member{name: fmt.Sprintf("org/example/Class%d.class", i), content: c, level: 6, stamp: time.Date(2020+version, 1, 2, 3, 4, 6, 0, time.UTC)})
	}
	return makeZip(t, "", nil, append(all, more...)...)
}

func gz(p []byte, level int) []byte {
	var b bytes.Buffer
	b.Write([]byte{0x1f, 0x8b, 8, 8, 1, 2, 3, 4, 0, 3, 'n', 'a', 'm', 'e', 0})
	b.Write(zlibbed(p, level))
	b.Write(binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(nil, crc32.ChecksumIEEE(p)), uint32(len(p))))
	return b.Bytes()
}

func goGzip(p []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write(p)
	w.Close()
	return b.Bytes()
}

// pair is a new content, and old ones.
type pair struct {
	name string
	new  []byte
	old  [][]byte
	most int64 // bytes of the delta, 0 for any number
}

// pairs are the tricks that zip files play, and what else a pack may hold.
func pairs(t testing.TB) []pair {
	old, new := jar(t, 1, 100), jar(t, 2, 100)
	script := []byte("#!/bin/sh\nexec java -jar \"$0\" \"$@\"\n")
	at := time.Date(2024, 5, 6, 7, 8, 10, 0, time.UTC)
	inner := func(v int) member {
		return member{name: "BOOT-INF/lib/inner.jar", content: jar(t, v, 40), level: 0, stamp: at, sized: true}
	}
	deflated := func(v int) member {
		return member{name: "WEB-INF/lib/inner.jar", content: jar(t, v, 40), level: 9, stamp: at}
	}
	prefixed := slices.Concat(script, new) // offsets do not know of the script
	overlap := slices.Clone(new)
	second := bytes.Index(overlap, []byte("PK\x01\x02")) + 46
	second += bytes.Index(overlap[second:], []byte("PK\x01\x02"))
	binary.LittleEndian.PutUint32(overlap[second+42:], 0) // two records of the first entry
	lying := slices.Clone(new)
	record := bytes.Index(lying, []byte("PK\x01\x02"))
	binary.LittleEndian.PutUint32(lying[record+24:], 1<<31) // uncompressed size
	wrongCRC := slices.Clone(new)
	wrongCRC[record+16] ^= 1
	huge := slices.Clone(new)
	binary.LittleEndian.PutUint32(huge[record+20:], 1<<30)
	localLie := slices.Clone(new)
	localLie[18] = 77 // packed size in a local header that has a descriptor
	return []pair{
		{"the same", new, [][]byte{new}, 200},
		{"a new version", new, [][]byte{old}, 1500},
		{"bytes, a new version", text(2, 50000), [][]byte{append(text(3, 777), text(2, 49000)...)}, 3000},
		{"no base", new, nil, 0},
		{"a base that is no zip", new, [][]byte{text(1, 5000)}, 0},
		{"a zip base for bytes", text(1, 5000), [][]byte{new}, 0},
		{"two bases", makeZip(t, "", nil, inner(1), deflated(2)), [][]byte{makeZip(t, "", nil, inner(1)), makeZip(t, "", nil, deflated(2))}, 1000},
		{"empty", nil, [][]byte{old}, 10},
		{"empty base", new, [][]byte{nil}, 0},
		{"empty archive", makeZip(t, "", nil), [][]byte{old}, 100},
		{"empty archive as base", new, [][]byte{makeZip(t, "", nil)}, 0},
		{"comment", makeZip(t, "a comment", nil, inner(2)), [][]byte{makeZip(t, "another", nil, inner(1))}, 1000},
		{"comment that looks like an end", makeZip(t, "x PK\x05\x06 end", nil, inner(2)), [][]byte{makeZip(t, "", nil, inner(1))}, 1000},
		{"prepended script, offsets right", makeZip(t, "", script, inner(2)), [][]byte{makeZip(t, "", nil, inner(1))}, 1000},
		{"prepended script, offsets wrong", prefixed, [][]byte{old}, 1700},
		{"nested, stored", makeZip(t, "", nil, inner(2)), [][]byte{makeZip(t, "", nil, inner(1))}, 1000},
		{"nested, deflated", makeZip(t, "", nil, deflated(2)), [][]byte{makeZip(t, "", nil, deflated(1))}, 1000},
		{"nested five deep", nest(t, 2, 5), [][]byte{nest(t, 1, 5)}, 0},
		{"packed by another deflate", makeZip(t, "", nil, member{name: "a", content: text(1, 9000), level: -1}), [][]byte{old}, 0},
		{"every level", levels(t, 2), [][]byte{levels(t, 1)}, 2500},
		{"encrypted", makeZip(t, "", nil, member{name: "a", content: text(1, 900), level: 6, flags: 1}, member{name: "b", content: text(2, 900), flags: 1}), [][]byte{old}, 0},
		{"duplicate names", makeZip(t, "", nil, member{name: "a", content: text(1, 900), level: 6}, member{name: "a", content: text(2, 900), level: 6}), [][]byte{makeZip(t, "", nil, member{name: "a", content: text(2, 900), level: 6})}, 700},
		{"extra fields and comments", makeZip(t, "", nil, member{name: "a", content: text(1, 900), level: 6, extra: []byte{0xFE, 0xCA, 0, 0}, comment: "c"}), [][]byte{old}, 0},
		{"sizes in front", makeZip(t, "", nil, member{name: "a", content: text(1, 900), level: 6, sized: true}), [][]byte{old}, 0},
		{"truncated", new[:len(new)-9], [][]byte{old}, 0},
		{"truncated in the directory", new[:len(new)-900], [][]byte{old}, 0},
		{"only its end", new[len(new)-22:], [][]byte{old}, 0},
		{"junk at the end", slices.Concat(new, []byte("junk")), [][]byte{old}, 0},
		{"overlapping entries", overlap, [][]byte{old}, 0},
		{"lying size", lying, [][]byte{old}, 0},
		{"lying size in the base", new, [][]byte{lying}, 1500},
		{"wrong CRC", wrongCRC, [][]byte{old}, 2500},
		{"entry beyond the end", huge, [][]byte{old}, 0},
		{"lying local header", localLie, [][]byte{old}, 1500},
		{"gap before the directory", withGap(new), [][]byte{old}, 1700},
		{"directory in another order", reordered(t, new), [][]byte{old}, 2000},
		{"zip64", zip64(t, 2), [][]byte{zip64(t, 1)}, 800},
		{"gzip", gz(text(2, 50000), 9), [][]byte{gz(append(text(2, 40000), text(5, 9000)...), 9)}, 60000},
		{"gzip, nothing new", gz(text(2, 50000), 9), [][]byte{gz(text(2, 50000), 6)}, 100},
		{"gzip of Go", goGzip(text(2, 50000)), [][]byte{goGzip(text(2, 49000))}, 0},
		{"gzip, truncated", gz(text(2, 50000), 9)[:3000], [][]byte{gz(text(2, 50000), 6)}, 0},
		{"gzip of two members", slices.Concat(gz(text(2, 500), 9), gz(text(3, 500), 9)), [][]byte{gz(text(2, 500), 6)}, 0},
		{"zip in gzip", gz(new, 6), [][]byte{gz(old, 6)}, 1700},
		{"gzip in zip", makeZip(t, "", nil, member{name: "a.gz", content: gz(new, 6), level: 0}), [][]byte{makeZip(t, "", nil, member{name: "a.gz", content: gz(old, 6), level: 0})}, 1700},
	}
}

func nest(t testing.TB, version, depth int) []byte {
	p := jar(t, version, 20)
	for i := range depth {
		p = makeZip(t, "", nil, member{name: fmt.Sprint("in", i, ".jar"), content: p, level: i % 2 * 6})
	}
	return p
}

func levels(t testing.TB, version int) []byte {
	var all []member
	for level := range 10 {
		c := append(text(uint64(level), 5000), fmt.Sprint(version)...)
		all = append(all, member{name: fmt.Sprint("level", level), content: c, level: level})
	}
	return makeZip(t, "", nil, all...)
}

// withGap puts bytes between the last entry and the directory, as signers of
// Android packages do.
func withGap(p []byte) []byte {
	end := len(p) - 22
	at := int(binary.LittleEndian.Uint32(p[end+16:]))
	block := []byte("a block of signatures that no entry holds")
	out := slices.Concat(p[:at], block, p[at:])
	binary.LittleEndian.PutUint32(out[len(out)-6:], uint32(at+len(block)))
	return out
}

func reordered(t testing.TB, p []byte) []byte {
	end := len(p) - 22
	at := int(binary.LittleEndian.Uint32(p[end+16:]))
	var records [][]byte
	for rest := p[at:end]; len(rest) > 0; {
		n := 46 + int(binary.LittleEndian.Uint16(rest[28:])) + int(binary.LittleEndian.Uint16(rest[30:])) + int(binary.LittleEndian.Uint16(rest[32:]))
		records = append(records, rest[:n])
		rest = rest[n:]
	}
	slices.Reverse(records)
	return slices.Concat(p[:at], slices.Concat(records...), p[end:])
}

// zip64 makes a zip64 file of one small entry: every size and place in wide fields.
func zip64(t testing.TB, version int) []byte {
	c := append(text(1, 3000), fmt.Sprint(version)...)
	data := zlibbed(c, 6)
	le := binary.LittleEndian
	wide := func(out []byte, v ...int) []byte {
		out = le.AppendUint16(out, 1)
		out = le.AppendUint16(out, uint16(8*len(v)))
		for _, x := range v {
			out = le.AppendUint64(out, uint64(x))
		}
		return out
	}
	ones := []byte{255, 255, 255, 255}
	sum := le.AppendUint32(nil, crc32.ChecksumIEEE(c))
	head := slices.Concat([]byte{45, 0, 0, 0, 8, 0, 1, 2, 3, 4}, sum, ones, ones, []byte{1, 0})
	local := slices.Concat([]byte("PK\x03\x04"), head, []byte{20, 0}, []byte("a"), wide(nil, len(c), len(data)), data)
	record := slices.Concat([]byte("PK\x01\x02\x2d\x00"), head, []byte{28, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, ones, []byte("a"), wide(nil, len(c), len(data), 0))
	end := slices.Concat([]byte("PK\x06\x06"), le.AppendUint64(nil, 44), []byte{45, 0, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0})
	for _, v := range []int{1, 1, len(record), len(local)} {
		end = le.AppendUint64(end, uint64(v))
	}
	locator := slices.Concat([]byte("PK\x06\x07\x00\x00\x00\x00"), le.AppendUint64(nil, uint64(len(local)+len(record))), []byte{1, 0, 0, 0})
	last := slices.Concat([]byte("PK\x05\x06\x00\x00\x00\x00\xff\xff\xff\xff"), ones, ones, []byte{0, 0})
	p := slices.Concat(local, record, end, locator, last)
	r, err := zip.NewReader(bytes.NewReader(p), int64(len(p)))
	if err != nil {
		t.Fatal(err)
	}
	e, err := r.File[0].Open()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(e); err != nil || !bytes.Equal(got, c) {
		t.Fatal("the zip64 file of the test is none:", err)
	}
	return p
}
