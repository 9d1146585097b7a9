package bytediff

import (
	"bytes"
	"encoding/binary"
	"io"
	"math/rand/v2"
	"slices"
	"testing"

	"packlift/bundle/delta/streams"
)

// program makes an ELF file of functions that call one another and point to
// one another from a table. Function grown is longer by more bytes.
func program(machine uint16, functions, grown, more int) []byte {
	le := binary.LittleEndian
	r := rand.New(rand.NewPCG(3, uint64(machine)))
	const base = 0x400000
	var starts []int
	at := 0x1000
	for i := range functions {
		starts = append(starts, at)
		if at += 256; i == grown {
			at += more
		}
	}
	table := (at + 0xFFF) &^ 0xFFF
	out := make([]byte, table+8*functions)
	copy(out, "\x7fELF\x02\x01\x01")
	le.PutUint16(out[18:], machine)
	le.PutUint64(out[32:], 64)
	le.PutUint16(out[56:], 2)
	for i, s := range []struct{ off, size, flags int }{{0, at, 5}, {table, 8 * functions, 6}} {
		p := out[64+56*i:]
		le.PutUint32(p, 1)
		le.PutUint32(p[4:], uint32(s.flags))
		le.PutUint64(p[8:], uint64(s.off))
		le.PutUint64(p[16:], uint64(base+s.off))
		le.PutUint64(p[32:], uint64(s.size))
		le.PutUint64(p[40:], uint64(s.size))
	}
	for i, start := range starts {
		for k := range 32 {
			le.PutUint64(out[start+8*k:], r.Uint64()&0x1F1F1F1F1F1F1F1F)
		}
		for k := range 10 {
			call(out, machine, start+8+k*24, starts[r.IntN(functions)])
		}
		le.PutUint64(out[table+8*i:], uint64(base+start))
	}
	return out
}

// call puts a call, and where the machine has it a load of an address, at a place.
func call(out []byte, machine uint16, at, target int) {
	le := binary.LittleEndian
	if machine == 62 {
		out[at] = 0xE8
		le.PutUint32(out[at+1:], uint32(target-at-5))
		out[at+8], out[at+9] = 0x8D, 0x05
		le.PutUint32(out[at+10:], uint32(target-at-14))
		return
	}
	le.PutUint32(out[at:], 0x94000000|uint32((target-at)>>2)&0x03FFFFFF)
	pages := uint32(target>>12 - at>>12)
	le.PutUint32(out[at+4:], 0x90000003|pages&3<<29|pages>>2&0x7FFFF<<5)
	le.PutUint32(out[at+8:], 0x91000063|uint32(target&0xFFF)<<10)
}

func codeRoundTrip(t testing.TB, new, old []byte) (n int, planned bool) {
	t.Helper()
	var m Maker
	c := m.MakeCode(new, old)
	if c == nil {
		return 0, false
	}
	s := make1(t, c.Write)
	var a Applier
	var got bytes.Buffer
	r := reader(s)
	if err := r.Mark(); err != nil {
		t.Fatal(err)
	}
	if err := a.ApplyCode(&got, r, int64(len(new)), bytes.NewReader(old), int64(len(old))); err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), new) {
		t.Fatalf("%d bytes came back as %d others", len(new), got.Len())
	}
	for _, x := range s {
		n += x.Size()
	}
	return n, true
}

// TestCode: addresses that moved cost next to nothing.
func TestCode(t *testing.T) {
	for name, machine := range map[string]uint16{"x86-64": 62, "arm64": 183} {
		old, new := program(machine, 600, 300, 0), program(machine, 600, 300, 64)
		plain := roundTrip(t, &Maker{}, new, old)
		n, ok := codeRoundTrip(t, new, old)
		if !ok || n*20 > plain {
			t.Errorf("%s: %d bytes, plain %d", name, n, plain)
		}
		if n, ok := codeRoundTrip(t, old, new); !ok || n*20 > plain {
			t.Errorf("%s, back: %d bytes, plain %d", name, n, plain)
		}
	}
}

// TestCodeDamaged: headers that lie cost bytes, not the result.
func TestCodeDamaged(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	tried := 0
	for range 60 {
		machine := []uint16{62, 183}[r.IntN(2)]
		old, new := program(machine, 60, 30, 0), program(machine, 60, 30, 16+r.IntN(64))
		for range r.IntN(6) {
			old[20+r.IntN(160)] = byte(r.IntN(256))
			new[20+r.IntN(160)] = byte(r.IntN(256))
		}
		if r.IntN(3) == 0 {
			new = edited(r, new)
		}
		if _, ok := codeRoundTrip(t, new, old); ok {
			tried++
		}
	}
	if tried < 20 {
		t.Errorf("only %d were taken for code", tried)
	}
}

// TestNoCode: what is no pair of executables is left to Make.
func TestNoCode(t *testing.T) {
	x, a := program(62, 100, 50, 0), program(183, 100, 50, 64)
	for name, c := range map[string][2][]byte{
		"another machine": {x, a}, "text": {noise(1, 9000), noise(2, 9000)}, "short": {x[:1000], x[:1000]}, "the same": {x, x}, "new alone": {x, noise(1, 9000)},
	} {
		if _, ok := codeRoundTrip(t, c[0], c[1]); ok {
			t.Errorf("%s was taken for code", name)
		}
	}
}

// TestImages reads the headers of each kind of file.
func TestImages(t *testing.T) {
	le := binary.LittleEndian
	pe := make([]byte, 2048)
	copy(pe, "MZ")
	le.PutUint32(pe[60:], 128)
	copy(pe[128:], "PE\x00\x00\x64\x86\x01\x00")
	section := pe[128+24:]
	le.PutUint32(section[8:], 0x500)
	le.PutUint32(section[12:], 0x1000)
	le.PutUint32(section[16:], 0x600)
	le.PutUint32(section[20:], 0x400)
	le.PutUint32(section[36:], 0x20)
	mac := make([]byte, 2048)
	le.PutUint32(mac, 0xfeedfacf)
	le.PutUint32(mac[4:], 0x0100000c)
	le.PutUint32(mac[16:], 1)
	segment := mac[32:]
	le.PutUint32(segment, 0x19)
	le.PutUint32(segment[4:], 72)
	le.PutUint64(segment[24:], 0x1000)
	le.PutUint64(segment[32:], 0x600)
	le.PutUint64(segment[40:], 0x400)
	segment[60] = 5
	elf32 := make([]byte, 2048)
	copy(elf32, "\x7fELF\x01\x01")
	le.PutUint16(elf32[18:], 3)
	le.PutUint32(elf32[28:], 52)
	le.PutUint16(elf32[44:], 1)
	for i, v := range []uint32{1, 0x400, 0x1000, 0, 0x600, 0x600, 5} {
		le.PutUint32(elf32[52+4*i:], v)
	}
	for name, c := range map[string]struct {
		file    []byte
		machine int
	}{"PE": {pe, x86}, "Mach-O": {mac, arm64}, "ELF of 32 bits": {elf32, x86}} {
		got := imageOf(bytes.NewReader(c.file), int64(len(c.file)))
		if got.machine != c.machine || !slices.Equal(got.regions, []Region{{0x400, 0x1000, 0x600, true}}) {
			t.Errorf("%s: %+v", name, got)
		}
		if !Executable([4]byte(c.file)) {
			t.Errorf("%s is none", name)
		}
	}
}

// TestFlatten holds the sweep against painting byte by byte.
func TestFlatten(t *testing.T) {
	r := rand.New(rand.NewPCG(6, 6))
	for range 2000 {
		var all []place
		for range r.IntN(12) {
			all = append(all, place{uint64(r.IntN(50)), uint64(r.IntN(1000)) * 100, uint64(r.IntN(20))})
		}
		var owner [80]uint64 // the length of the copy that tells of this byte
		var moved, got [80]map[uint64]bool
		for _, p := range all {
			for k := p.old; k < p.old+p.n; k++ {
				if p.n > owner[k] {
					owner[k], moved[k] = p.n, map[uint64]bool{}
				}
				if p.n == owner[k] {
					moved[k][p.new+k-p.old] = true
				}
			}
		}
		end := uint64(0)
		for _, p := range flatten(all) {
			if p.old < end || p.n == 0 {
				t.Fatal("places overlap or are empty")
			}
			end = p.old + p.n
			for k := p.old; k < end; k++ {
				got[k] = map[uint64]bool{p.new + k - p.old: true}
			}
		}
		for k := range owner {
			if (owner[k] > 0) != (got[k] != nil) {
				t.Fatalf("%v: byte %d", all, k)
			}
			for v := range got[k] {
				if !moved[k][v] {
					t.Fatalf("%v: byte %d went to %d, not %v", all, k, v, moved[k])
				}
			}
		}
	}
}

// FuzzApplyCode: no difference of executables makes ApplyCode panic, or write
// more than the size.
func FuzzApplyCode(f *testing.F) {
	old := program(62, 20, 10, 0)
	for _, machine := range []uint16{62, 183} {
		old := program(machine, 20, 10, 0)
		c := (&Maker{}).MakeCode(program(machine, 20, 10, 32), old)
		if c == nil {
			f.Fatal("no code")
		}
		s := make1(f, c.Write)[0]
		f.Add(s[streams.Control], s[streams.Diff], s[streams.Extra], uint32(len(c.new)))
	}
	f.Fuzz(func(t *testing.T, control, diff, extra []byte, size uint32) {
		if size > 1<<20 {
			return
		}
		var a Applier
		var got bytes.Buffer
		r := &streams.Reader{Segment: streams.Segment{streams.Control: control, streams.Diff: diff, streams.Extra: extra}}
		err := a.ApplyCode(&got, r, int64(size), bytes.NewReader(old), int64(len(old)))
		if got.Len() > int(size) || err == nil && got.Len() != int(size) {
			t.Fatalf("%d bytes for %d: %v", got.Len(), size, err)
		}
	})
}

// TestCodeLies: a wrong base or a cut difference is an error.
func TestCodeLies(t *testing.T) {
	old := program(62, 60, 30, 0)
	c := (&Maker{}).MakeCode(program(62, 60, 30, 32), old)
	s := make1(t, c.Write)[0]
	for k := range s {
		if len(s[k]) == 0 {
			continue
		}
		cut := s
		cut[k] = s[k][:len(s[k])-1]
		var a Applier
		if a.ApplyCode(io.Discard, &streams.Reader{Segment: cut}, int64(len(c.new)), bytes.NewReader(old), int64(len(old))) == nil {
			t.Errorf("without the last byte of kind %d it passes", k)
		}
	}
	var a Applier
	if a.ApplyCode(io.Discard, &streams.Reader{Segment: s}, int64(len(c.new)), bytes.NewReader(old[:100]), int64(len(old))) == nil {
		t.Error("a short base passed")
	}
}
