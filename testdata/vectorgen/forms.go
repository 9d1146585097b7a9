package vectorgen

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"strings"

	"packlift/bundle/delta"
	"packlift/bundle/delta/deflate"
	"packlift/bundle/delta/streams"
	"packlift/internal/manifest"
)

// form is an entry of deltas.json: a delta by itself, with what it is told from
// and what it makes, by file name. One with a fault makes nothing.
type form struct {
	Name   string   `json:"name"`
	About  string   `json:"about"`
	Form   int      `json:"form"`
	Delta  string   `json:"delta"`
	Bases  []string `json:"bases"`
	Result string   `json:"result,omitempty"`
	Fault  bool     `json:"fault,omitempty"`
}

// forms writes a delta of each form, and a fault of each.
func (g *generator) forms() {
	dir := filepath.Join(g.dir, "deltas")
	g.must(os.MkdirAll(dir, 0o755))
	lines := func(n int) string { return strings.Repeat("one line of many\n", 100) + fmt.Sprint("version ", n, "\n") }
	var list []form
	for i, c := range []struct {
		name, about, fault string
		old, now           []byte
		spoil              func(s *streams.Segment)
	}{
		{"raw", "a content as itself", "the bytes end too early", nil, []byte(lines(1)), func(s *streams.Segment) { s[streams.Extra] = s[streams.Extra][:len(s[streams.Extra])-1] }},
		{"difference", "a difference of one item", "an item that is not there", []byte(lines(1)), []byte(lines(2)), func(s *streams.Segment) { s[streams.Control][2] = 7 }},
		{"zip", "a zip file whose entries are packed again, copied and new", "more containers opened than allowed", g.zipFile(1), g.zipFile(2), func(s *streams.Segment) { s[streams.Control][1] = 65 }},
		{"gzip", "a gzip file whose content is packed again", "an unknown setting", g.gzipFile(1), g.gzipFile(2), func(s *streams.Segment) { s[streams.Control][4] = 12 }},
		{"executables", "an executable whose addresses moved", "an item that is not there", program(0), program(48), func(s *streams.Segment) { s[streams.Control][1] = 7 }},
		{"nested", "a zip file in a zip file, opened one after the other", "the inner one is opened first", g.nested(1), g.nested(2), func(s *streams.Segment) { s[streams.Control][2] = 1 }},
		{"pages", "an executable for arm64: pages with a partner, with a wide one, with none", "more regions than allowed", armProgram(0), armProgram(0x1030), func(s *streams.Segment) { s[streams.Control][3] = 65 }},
	} {
		number := []int{0, 1, 2, 3, 4, 2, 4}[i]
		list = append(list, g.form(dir, number, c.name, c.about, c.old, c.now))
		f := list[len(list)-1]
		bad := g.deltaBytes(number, c.old, c.now, c.spoil)
		g.file(dir, c.name+"-fault.delta", bad)
		list = append(list, form{Name: c.name + "-fault", About: "the same with a fault: " + c.fault, Form: number, Delta: c.name + "-fault.delta", Bases: f.Bases, Fault: true})
	}
	b, err := json.MarshalIndent(list, "", "  ")
	g.must(err)
	g.file(dir, "deltas.json", append(b, '\n'))
}

func (g *generator) file(dir, name string, b []byte) {
	g.bytes += len(b)
	g.must(os.WriteFile(filepath.Join(dir, name), b, 0o644))
}

// form writes a good delta and its files.
func (g *generator) form(dir string, number int, name, about string, old, now []byte) form {
	f := form{Name: name, About: about, Form: number, Delta: name + ".delta", Result: name + ".result", Bases: []string{}}
	if old != nil {
		f.Bases = []string{name + ".base"}
		g.file(dir, f.Bases[0], old)
	}
	g.file(dir, f.Result, now)
	g.file(dir, f.Delta, g.deltaBytes(number, old, now, nil))
	return f
}

// deltaBytes makes a delta, which must be of this form, and edits its first segment.
func (g *generator) deltaBytes(number int, old, now []byte, edit func(*streams.Segment)) []byte {
	blob := func(b []byte) delta.Blob {
		return delta.Blob{Content: delta.Content{Size: int64(len(b)), SHA256: manifest.Sum(b)}, Data: bytes.NewReader(b)}
	}
	var bases []delta.Blob
	if old != nil {
		bases = append(bases, blob(old))
	}
	d, err := delta.Make(blob(now), bases, delta.Options{})
	g.must(err)
	if got := int(d.Segments[0][streams.Control][0]); got != number {
		g.t.Fatalf("a delta of form %d where %d is wanted", got, number)
	}
	if edit != nil {
		edit(&d.Segments[0])
	}
	var out bytes.Buffer
	_, err = d.WriteTo(&out)
	g.must(err)
	return out.Bytes()
}

// packed deflates as zlib does.
func (g *generator) packed(w io.Writer) io.WriteCloser {
	z, err := deflate.NewWriter(w, deflate.Params{Level: 6, Memory: 8})
	g.must(err)
	return z
}

func (g *generator) zipFile(version int) []byte {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	w.RegisterCompressor(zip.Deflate, func(out io.Writer) (io.WriteCloser, error) { return g.packed(out), nil })
	for _, e := range []struct {
		name, text string
		method     uint16
	}{
		{"META-INF/MANIFEST.MF", "Version: " + fmt.Sprint(version) + "\n", zip.Store},
		{"kept.txt", strings.Repeat("this entry stays\n", 50), zip.Deflate},
		{"changed.txt", strings.Repeat("this entry changes\n", 60) + fmt.Sprint(version), zip.Deflate},
	} {
		f, err := w.CreateHeader(&zip.FileHeader{Name: e.name, Method: e.method})
		g.must(err)
		_, err = io.WriteString(f, e.text)
		g.must(err)
	}
	g.must(w.Close())
	return b.Bytes()
}

func (g *generator) gzipFile(version int) []byte {
	text := []byte(strings.Repeat("packed by gzip\n", 120) + fmt.Sprint(version))
	b := bytes.NewBuffer([]byte{0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3})
	w := g.packed(b)
	_, err := w.Write(text)
	g.must(err)
	g.must(w.Close())
	out := binary.LittleEndian.AppendUint32(b.Bytes(), crc32.ChecksumIEEE(text))
	return binary.LittleEndian.AppendUint32(out, uint32(len(text)))
}

// nested is a zip file with one in it.
func (g *generator) nested(version int) []byte {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	f, err := w.CreateHeader(&zip.FileHeader{Name: "lib/inner.jar", Method: zip.Store})
	g.must(err)
	_, err = f.Write(g.zipFile(version))
	g.must(err)
	g.must(w.Close())
	return b.Bytes()
}

// functionsAt are the places of so many functions of 256 bytes, and where they end;
// the third and those behind it lie further on by more.
func functionsAt(begin, count, more int) (starts []int, end int) {
	end = begin
	for i := range count {
		starts = append(starts, end)
		if end += 256; i == 1 {
			end += more
		}
	}
	return starts, end
}

// program is an ELF file for x86-64 whose functions call one another, and a table
// of their addresses; the second one is longer by more bytes.
func program(more int) []byte {
	const base, begin, functions = 0x400000, 0x1000, 24
	le := binary.LittleEndian
	starts, end := functionsAt(begin, functions, more)
	table := (end + 0xFFF) &^ 0xFFF
	out := elfFile(62, base, []segment{{0, end, 5}, {table, 8 * functions, 6}})
	for i, start := range starts {
		for k := range 256 {
			out[start+k] = byte(7*i+k*k) & 0x1F
		}
		for k := range 10 {
			at := start + 8 + k*24
			out[at] = 0xE8
			le.PutUint32(out[at+1:], uint32(starts[(5*i+11*k)%functions]-at-5))
		}
		le.PutUint64(out[table+8*i:], uint64(base+start))
	}
	return out
}

// segment is a part of an ELF file that is mapped.
type segment struct{ off, size, flags int }

// elfFile is one of 64 bits without content: its headers say what is mapped where.
func elfFile(machine uint16, base int, segments []segment) []byte {
	le := binary.LittleEndian
	last := segments[len(segments)-1]
	out := make([]byte, last.off+last.size)
	copy(out, "\x7fELF\x02\x01\x01")
	le.PutUint16(out[18:], machine)
	le.PutUint64(out[32:], 64)
	le.PutUint16(out[56:], uint16(len(segments)))
	for i, s := range segments {
		p := out[64+56*i:]
		le.PutUint32(p, 1)
		le.PutUint32(p[4:], uint32(s.flags))
		le.PutUint64(p[8:], uint64(s.off))
		le.PutUint64(p[16:], uint64(base+s.off))
		le.PutUint64(p[32:], uint64(s.size))
		le.PutUint64(p[40:], uint64(s.size))
	}
	return out
}

// armProgram is an ELF file for arm64 whose functions call one another and look
// into data behind them, which more bytes in the code move.
func armProgram(more int) []byte {
	const base, begin, functions, data = 0x400000, 0x1000, 24, 0x1800
	starts, end := functionsAt(begin, functions, more)
	out := elfFile(183, base, []segment{{0, end, 5}, {end, data, 6}})
	word := func(at int, w uint32) { binary.LittleEndian.PutUint32(out[at:], w) }
	adrp := func(at, register, to int) {
		pages := uint32(to>>12 - at>>12)
		word(at, 0x90000000|pages&3<<29|pages>>2&0x7FFFF<<5|uint32(register))
	}
	for i, start := range starts {
		for k := range 64 {
			word(start+4*k, 0xAA0003E0|uint32(i*k)&0x1F<<16) // mov x0, x…
		}
		word(start, 0x94000000|uint32((starts[(5*i+3)%functions]-start)/4)&0x03FFFFFF) // bl
		for k := range 3 {
			at, to := start+16+72*k, end+(i*0x210+k*0x490)%data&^15
			low := uint32(to & 0xFFF)
			adrp(at, 1, to)
			word(at+4, 0x91000021|low<<10) // add x1, x1, low
			adrp(at+8, 2, to)
			word(at+28, 0xF9400043|low>>3<<10) // ldr x3, [x2, low]: the fifth word
			adrp(at+32, 4, to)
			word(at+40, 0x3DC00080|low>>4<<10) // ldr q0, [x4, low]
			adrp(at+44, 5, to)
			word(at+48, 0xF10000BF)         // cmp x5, 0: no partner, and no other one after it
			word(at+52, 0x910000A5|low<<10) // add x5, x5, low
			adrp(at+56, 6, to)
			word(at+60, 0xB94000C7|low>>2<<10) // ldr w7, [x6, low]
		}
	}
	for k := range data / 4 {
		word(end+4*k, uint32(k*k)*2654435761)
	}
	return out
}
