package delta

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"slices"
	"testing"
)

// trick is a zip file that somebody made with intent, at a version.
type trick struct {
	name string
	make func(t *testing.T, version int) []byte
	form byte // what it is told as from the version before
}

// rawZip is a zip file of two entries, a local header of the first and what
// follows its data as edit leaves them.
type rawZip struct {
	local, data, descriptor, record, end []byte
}

// rawJar puts a zip file together by hand, with a data descriptor in its first entry.
func rawJar(version int, edit func(z *rawZip)) []byte {
	le := binary.LittleEndian
	c := append(text(4, 3000), byte('0'+version))
	z := rawZip{data: zlibbed(c, 6)}
	sums := le.AppendUint32(nil, crc32.ChecksumIEEE(c))
	sums = le.AppendUint32(sums, uint32(len(z.data)))
	sums = le.AppendUint32(sums, uint32(len(c)))
	front := []byte{20, 0, 8, 0, 8, 0, 1, 2, 3, 4}
	z.local = slices.Concat([]byte("PK\x03\x04"), front, make([]byte, 12), []byte{1, 0, 0, 0, 'a'})
	z.descriptor = slices.Concat([]byte("PK\x07\x08"), sums)
	z.record = slices.Concat([]byte("PK\x01\x02\x14\x00"), front, sums, []byte{1, 0}, make([]byte, 16), []byte{'a'})
	z.end = slices.Concat([]byte("PK\x05\x06\x00\x00\x00\x00\x01\x00\x01\x00"), make([]byte, 10))
	if edit != nil {
		edit(&z)
	}
	if le.Uint32(z.end[12:]) == 0 { // not said otherwise
		le.PutUint32(z.end[12:], uint32(len(z.record)))
		le.PutUint32(z.end[16:], uint32(len(z.local)+len(z.data)+len(z.descriptor)))
	}
	return slices.Concat(z.local, z.data, z.descriptor, z.record, z.end)
}

func edited(edit func(z *rawZip)) func(*testing.T, int) []byte {
	return func(_ *testing.T, version int) []byte { return rawJar(version, edit) }
}

var tricks = []trick{
	{"by hand", edited(nil), formZip},
	{"descriptor without signature", edited(func(z *rawZip) { z.descriptor = z.descriptor[4:] }), formZip},
	{"descriptor of eight bytes", edited(func(z *rawZip) {
		z.descriptor = slices.Concat(z.descriptor[:12], make([]byte, 4), z.descriptor[12:], make([]byte, 4))
	}), formZip},
	{"descriptor of eight bytes without signature", edited(func(z *rawZip) {
		z.descriptor = slices.Concat(z.descriptor[4:12], make([]byte, 4), z.descriptor[12:], make([]byte, 4))
	}), formZip},
	{"descriptor that lies", edited(func(z *rawZip) { z.descriptor[9]++ }), formZip},
	{"descriptor that is cut", edited(func(z *rawZip) { z.descriptor = z.descriptor[:7] }), formZip},
	{"descriptor that is missing", edited(func(z *rawZip) { z.descriptor = nil }), formZip},
	{"descriptor within the data", edited(func(z *rawZip) { z.data = append(z.data, z.descriptor...) }), formZip},
	{"sizes in front and behind", edited(func(z *rawZip) { copy(z.local[14:26], z.descriptor[4:]) }), formZip},
	{"two names", edited(func(z *rawZip) { z.local[30] = 'b' }), formZip},
	{"plain size too small", edited(func(z *rawZip) { binary.LittleEndian.PutUint32(z.record[24:], 10) }), formZip},
	{"plain size too large", edited(func(z *rawZip) { binary.LittleEndian.PutUint32(z.record[24:], 1<<24) }), formZip},
	{"plain size of four gigabytes", edited(func(z *rawZip) { binary.LittleEndian.PutUint32(z.record[24:], 1<<32-1) }), formZip},
	{"packed size too small", edited(func(z *rawZip) { binary.LittleEndian.PutUint32(z.record[20:], 10) }), formZip},
	{"packed size too large", edited(func(z *rawZip) { binary.LittleEndian.PutUint32(z.record[20:], 1<<24) }), formDiff},
	{"packed size of four gigabytes", edited(func(z *rawZip) { binary.LittleEndian.PutUint32(z.record[20:], 1<<32-1) }), formDiff},
	{"unknown method", edited(func(z *rawZip) { z.local[8], z.record[10] = 93, 93 }), formZip},
	{"two methods", edited(func(z *rawZip) { z.local[8] = 0 }), formDiff},
	{"encrypted", edited(func(z *rawZip) { z.local[6] |= 1; z.record[8] |= 1 }), formZip},
	{"encrypted by AES", edited(func(z *rawZip) { z.local[6] |= 1; z.record[8] |= 1; z.local[8], z.record[10] = 99, 99 }), formZip},
	{"encrypted, says one header", edited(func(z *rawZip) { z.record[8] |= 1 }), formDiff},
	{"encrypted directory", edited(func(z *rawZip) { z.record = zlibbed(z.record, 9) }), formDiff},
	{"another disk", edited(func(z *rawZip) { z.end[4] = 1 }), formDiff},
	{"entry on another disk", edited(func(z *rawZip) { z.record[34] = 1 }), formZip},
	{"more entries than there are", edited(func(z *rawZip) { z.end[8], z.end[10] = 2, 2 }), formDiff},
	{"fewer entries than there are", edited(func(z *rawZip) { z.end[8], z.end[10] = 0, 0 }), formDiff},
	{"a directory inside the comment", edited(func(z *rawZip) {
		inner := slices.Concat(z.record, []byte("PK\x05\x06\x00\x00\x00\x00\x01\x00\x01\x00"), make([]byte, 10))
		z.end = append(z.end, inner...)
		z.end[20] = byte(len(inner))
	}), formDiff},
	{"bytes behind the directory", edited(func(z *rawZip) {
		n := len(z.record)
		z.record = append(z.record, "hidden"...)
		binary.LittleEndian.PutUint32(z.end[12:], uint32(n))
		binary.LittleEndian.PutUint32(z.end[16:], uint32(len(z.local)+len(z.data)+len(z.descriptor)))
	}), formDiff},
	{"zip64 locator without a record", edited(func(z *rawZip) {
		z.end[8], z.end[9], z.end[10], z.end[11] = 255, 255, 255, 255
		z.record = append(z.record, append([]byte("PK\x06\x07"), make([]byte, 16)...)...)
	}), formDiff},
	{"zip64 record that lies", func(t *testing.T, version int) []byte {
		p := zip64(t, version)
		at := bytes.LastIndex(p, []byte("PK\x06\x06"))
		binary.LittleEndian.PutUint64(p[at+40:], 1<<63)
		return p
	}, formDiff},
	{"zip64 field that lies", func(t *testing.T, version int) []byte {
		p := zip64(t, version)
		at := bytes.LastIndex(p, []byte("PK\x01\x02")) + 46 + 1 + 4
		binary.LittleEndian.PutUint64(p[at+8:], 1<<62)
		return p
	}, formDiff},
	{"zip64 field that is short", func(t *testing.T, version int) []byte {
		p := zip64(t, version)
		at := bytes.LastIndex(p, []byte("PK\x01\x02")) + 46 + 1
		binary.LittleEndian.PutUint16(p[at+2:], 3)
		return p
	}, formDiff},
	{"script before, end behind", func(t *testing.T, version int) []byte {
		return slices.Concat([]byte("#!/bin/sh\nexit\n"), rawJar(version, nil), []byte("\n# end\n"))
	}, formDiff},
	{"a jar before a jar", func(t *testing.T, version int) []byte { return slices.Concat(rawJar(1, nil), rawJar(version, nil)) }, formZip},
}

// TestTricks: each comes out to the byte, told from its version before, from an
// honest file and from nothing; and an honest file told from it.
func TestTricks(t *testing.T) {
	honest := [][]byte{jar(t, 1, 12), rawJar(1, nil)}
	for _, x := range tricks {
		old, new := x.make(t, 1), x.make(t, 2)
		for name, bases := range map[string][][]byte{"its version before": {old}, "honest ones": honest, "nothing": nil} {
			d := make1(t, new, bases)
			check(t, d, new, bases)
			if form := d.Segments[0][0][0]; name == "its version before" && form != x.form {
				t.Errorf("%s: told as form %d", x.name, form)
			}
		}
		for _, p := range append(honest, rawJar(2, nil)) {
			check(t, make1(t, p, [][]byte{new}), p, [][]byte{new})
		}
	}
}
