package delta

import (
	"bytes"
	"encoding/binary"
	"io"
	"runtime"
	"slices"
	"testing"

	"packlift/bundle/delta/streams"
	"packlift/bundle/delta/zipfile"
)

// numbers spells numbers as a delta does.
func numbers(v ...uint64) (out []byte) {
	for _, x := range v {
		out = binary.AppendUvarint(out, x)
	}
	return out
}

// counter counts what is written.
type counter struct{ n int64 }

func (c *counter) Write(p []byte) (int, error) {
	c.n += int64(len(p))
	return len(p), nil
}

// manyEntries is a zip file of n empty entries.
func manyEntries(t *testing.T, n int) []byte {
	all := make([]member, n)
	for i := range all {
		all[i] = member{name: "x"}
	}
	return makeZip(t, "", nil, all...)
}

// liar is a zip file of small entries that say they inflate to size.
func liar(t *testing.T, n int, size uint32) []byte {
	p := makeZip(t, "", nil, slices.Repeat([]member{{name: "x", content: text(1, 300), level: 6}}, n)...)
	for rest := p; ; {
		at := bytes.Index(rest, []byte("PK\x01\x02"))
		if at < 0 {
			return p
		}
		binary.LittleEndian.PutUint32(rest[at+24:], size)
		rest = rest[at+46:]
	}
}

// TestCaps: deltas that ask for much get no more memory than MaxMemory and a
// segment, and write no more than the stated size, however large that is.
func TestCaps(t *testing.T) {
	gzip := gz(text(1, 3000), 6)
	binary.LittleEndian.PutUint32(gzip[len(gzip)-4:], 1<<32-1)
	many, lies, huge := manyEntries(t, zipfile.MaxEntries), liar(t, 8, MaxInside), liar(t, 8, 1<<32-2)
	const vast = MaxSize
	for name, c := range map[string]struct {
		bases   [][]byte
		size    int64
		control []byte
		extra   []byte
	}{
		"raw without bytes":              {nil, vast, numbers(formRaw), nil},
		"a copy beyond a base":           {[][]byte{text(1, 100)}, vast, numbers(formDiff, 1, 0, 0, 1<<20, 0), nil},
		"an insert without bytes":        {[][]byte{text(1, 100)}, vast, numbers(formDiff, 1, 0, 0, 0, 1<<20), []byte("few")},
		"too many sources":               {[][]byte{text(1, 100)}, vast, numbers(formDiff, maxSources+1), nil},
		"no such base":                   {[][]byte{text(1, 100)}, vast, numbers(formDiff, 1, 7), nil},
		"no base at all":                 {nil, vast, numbers(formDiff, 1, 0), nil},
		"no base at all, of code":        {nil, vast, numbers(formCode, 0), nil},
		"no base at all, opened":         {nil, vast, numbers(formZip, 1, 0), nil},
		"no base at all, a gzip file":    {nil, vast, numbers(formGzip, 1, 1<<40), nil},
		"more steps of code than may be": {[][]byte{text(1, 100)}, vast, numbers(formCode, 0, 0, 0, 0, 1<<18), nil},
		"steps of code without an end":   {[][]byte{text(1, 100)}, vast, append(numbers(formCode, 0, 0, 0, 0, 1<<17), bytes.Repeat(numbers(0, 0, 1), 1<<17-1)...), nil},
		"all entries and none":           {nil, vast, numbers(formZip, 0, zipfile.MaxEntries), nil},
		"more entries than may be":       {nil, vast, numbers(formZip, 0, zipfile.MaxEntries+1), nil},
		"batches of nothing":             {nil, vast, append(numbers(formZip, 0, 9), make([]byte, 1000)...), nil},
		"a base of many entries":         {[][]byte{many}, vast, numbers(formZip, 1, 0, zipfile.MaxEntries), nil},
		"it is opened again and again":   {[][]byte{many}, vast, append(numbers(formZip, 64), make([]byte, 64)...), nil},
		"entries that lie":               {[][]byte{lies}, vast, numbers(formZip, 1, 0, 1, 1, 0), nil},
		"diff of entries that lie":       {[][]byte{lies}, vast, numbers(formZip, 1, 0, 0, 100, formDiff, 8, 1, 2, 3, 4, 5, 6, 7, 8), nil},
		"diff of entries that lie more":  {[][]byte{huge}, vast, numbers(formZip, 1, 0, 0, 100, formDiff, 8, 1, 2, 3, 4, 5, 6, 7, 8), nil},
		"a gzip file that lies":          {[][]byte{gzip}, vast, numbers(formGzip, 1, 0, 10, 0, 1<<30, formDiff, 1, 1), make([]byte, 10)},
		"more plain than deflate can do": {nil, 1000, numbers(formGzip, 0, 10, 0, 1000*mostRatio+1), make([]byte, 10)},
		"a vast plain content":           {nil, vast, numbers(formGzip, 0, 10, 0, vast, formRaw), make([]byte, 10)},
		"too deep":                       {nil, vast, bytes.Repeat(numbers(formZip, 0, 0, 100), 9), nil},
		"a comment that is too long":     {nil, vast, numbers(formZip, 0, 0, 0, 1<<16+1), make([]byte, 1<<17)},
		"plain is longer than stated":    {[][]byte{text(1, 5000)}, 100, numbers(formDiff, 1, 0, 0, 5000, 0), nil},
	} {
		d := Delta{Recipe: Recipe{Result: Content{Size: c.size}}, Segments: []streams.Segment{{streams.Control: c.control, streams.Diff: bytes.Repeat([]byte{0, 0}, 1000), streams.Extra: c.extra}}}
		var data []io.ReaderAt
		for _, p := range c.bases {
			d.Bases, data = append(d.Bases, Content{Size: int64(len(p))}), append(data, bytes.NewReader(p))
		}
		var out counter
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		err := d.Apply(&out, data)
		runtime.ReadMemStats(&after)
		if err == nil || out.n > c.size {
			t.Errorf("%s: %d bytes written, %v", name, out.n, err)
		}
		if got := after.TotalAlloc - before.TotalAlloc; got > MaxMemory+streams.MaxSegment {
			t.Errorf("%s: %d MiB of memory: %v", name, got>>20, err)
		} else {
			t.Logf("%s: %d KiB, %v", name, got>>10, err)
		}
	}
}
