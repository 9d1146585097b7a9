package zipfile

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"packlift/bundle/delta/deflate"
	"packlift/bundle/delta/streams"
)

func sample(t testing.TB, n int) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i := range n {
		h := &zip.FileHeader{Name: fmt.Sprintf("folder/name%d.txt", i*7), Method: uint16(i % 2 * 8), Modified: time.Date(2020, 1, 1+i%20, 0, 0, 0, 0, time.UTC), Comment: strings.Repeat("c", i%3)}
		e, err := w.CreateHeader(h)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(e, strings.Repeat(h.Name, i%50))
	}
	w.SetComment("the end")
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// rebuild writes an archive's frames by column, reads them again and puts the
// file together.
func rebuild(t testing.TB, p []byte, a *Archive, twins *Archive) []byte {
	t.Helper()
	var all []streams.Segment
	w := &streams.Writer{Cut: func(s streams.Segment) error { all = append(all, s); return nil }}
	var f Frames
	plans, facts := make([]Plan, len(a.Entries)), make([]Facts, len(a.Entries))
	for i := range plans {
		plans[i], facts[i] = Plan{Item: -1, Mode: uint32(i % 5), Blind: i%7 == 0}, a.Entries[i].Facts
		if plans[i].Blind {
			a.Entries[i].Narrow()
		}
		if twins != nil && i < len(twins.Entries) && i%3 != 1 {
			plans[i].Item, plans[i].Twin = int64(i), &twins.Entries[i]
		}
	}
	rows := 3
	for at := 0; at < len(plans); at += rows {
		to := min(at+rows, len(plans))
		f.PutLocals(w, a.Entries[at:to], plans[at:to], facts[at:to])
	}
	f.StartCentral()
	for at := 0; at < len(plans); at += rows {
		order := a.Order[at:min(at+rows, len(plans))]
		es, ps, fs := pick(a.Entries, order), pick(plans, order), pick(facts, order)
		f.PutOrder(w, order)
		f.PutCentral(w, es, ps, fs)
	}
	usual := f.AppendEnd(nil, len(plans), a.Tail-a.Central, a.Central, nil)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	out := read(t, all, p, a, twins, rows, plans)
	if !bytes.HasPrefix(p[a.Tail:], usual[:20]) {
		return append(out, p[a.Tail:]...)
	}
	return append(append(out, usual[:20]...), p[a.Tail+20:]...)
}

func pick[T any](all []T, order []int) (out []T) {
	for _, i := range order {
		out = append(out, all[i])
	}
	return out
}

func read(t testing.TB, all []streams.Segment, p []byte, a, twins *Archive, rows int, want []Plan) []byte {
	t.Helper()
	r := &streams.Reader{}
	if len(all) > 0 {
		r.Segment = all[0]
	}
	var f Frames
	var out []byte
	var es []Entry
	var plans []Plan
	n, end := len(want), int64(0)
	for len(es) < n {
		got, ps, err := f.Locals(r, min(rows, n-len(es)), func(i int64) (*Entry, error) { return &twins.Entries[i], nil })
		if err != nil {
			t.Fatal(err)
		}
		for i := range got {
			x, e := &a.Entries[len(es)+i], &got[i]
			if ps[i] != want[len(es)+i] {
				t.Fatalf("plan %+v came back as %+v", want[len(es)+i], ps[i])
			}
			out = append(out, p[end:end+e.Gap]...)
			e.At = int64(len(out))
			out = append(out, e.Settle(ps[i], x.Facts)...)
			out = append(out, p[x.Data:x.Data+x.Length]...)
			out = append(out, e.After(x.Facts)...)
			end = int64(len(out))
		}
		es, plans = append(es, got...), append(plans, ps...)
	}
	out = append(out, p[end:end+a.Gap]...)
	f.StartCentral()
	for at := 0; at < n; at += rows {
		order, err := f.Order(r, min(rows, n-at), n)
		if err != nil {
			t.Fatal(err)
		}
		var records bytes.Buffer
		if err := f.Central(r, &records, pick(es, order), pick(plans, order)); err != nil {
			t.Fatal(err)
		}
		out = append(out, records.Bytes()...)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	return out
}

// TestRebuild: frames come back to the byte, with twins and without.
func TestRebuild(t *testing.T) {
	twins, err := Parse(bytes.NewReader(sample(t, 30)), int64(len(sample(t, 30))))
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{0, 1, 2, 10, 70} {
		p := sample(t, n)
		a, err := Parse(bytes.NewReader(p), int64(len(p)))
		if err != nil {
			t.Fatal(err)
		}
		if len(a.Entries) != n {
			t.Fatalf("%d entries of %d", len(a.Entries), n)
		}
		for _, x := range []*Archive{nil, twins} {
			if !bytes.Equal(rebuild(t, p, a, x), p) {
				t.Errorf("%d entries differ", n)
			}
		}
	}
}

// TestRefused: what does not come out whole and in order is no container.
func TestRefused(t *testing.T) {
	p := sample(t, 3)
	end := bytes.LastIndex(p, []byte("PK\x05\x06"))
	first := bytes.Index(p, []byte("PK\x01\x02"))
	edit := func(at int, v ...byte) []byte {
		q := slices.Clone(p)
		copy(q[at:], v)
		return q
	}
	for name, q := range map[string][]byte{
		"nothing": nil, "short": p[:10], "no end": p[:end], "cut": p[:len(p)-1], "longer": append(slices.Clone(p), 0),
		"another disk": edit(end+4, 1), "counts differ": edit(end+8, 2), "too many": edit(end+8, 9, 0, 9, 0), "too few": edit(end+8, 2, 0, 2, 0),
		"directory too long": edit(end+12, 0xFF, 0xFF, 0xFF, 0), "directory beyond": edit(end+16, 0xFF, 0xFF, 0xFF, 0x7F),
		"no record": edit(first, 'X'), "record too long": edit(first+28, 0xFF, 0xFF), "no local header": edit(0, 'X'), "offset beyond": edit(first+42, 0xFF, 0xFF, 0xFF),
		"local name too long": edit(26, 0xFF, 0xFF), "data too long": edit(first+20, 0xFF, 0xFF, 0xFF, 0x7F),
	} {
		if _, err := Parse(bytes.NewReader(q), int64(len(q))); !errors.Is(err, ErrForm) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Parse(bytes.NewReader(p[:50]), int64(len(p))); err == nil || errors.Is(err, ErrForm) {
		t.Errorf("a file that cannot be read: %v", err)
	}
}

// TestPacker: settings are found, others are not made up.
func TestPacker(t *testing.T) {
	plain := bytes.Repeat([]byte("some text that packs, and some that does not: 1 2 3 4\n"), 300)
	for i := range plain {
		plain[i] += byte(i / 997)
	}
	var k Packer
	for level := 1; level <= 9; level++ {
		var b bytes.Buffer
		w, err := deflate.NewWriter(&b, deflate.Params{Level: level, Memory: 8})
		if err != nil {
			t.Fatal(err)
		}
		w.Write(plain)
		w.Close()
		n, ok := k.Find(plain, b.Bytes(), level%Settings)
		if !ok {
			t.Fatalf("level %d not found", level)
		}
		var again bytes.Buffer
		w.Reset(&again, Setting(n))
		if w.Write(plain); w.Close() != nil || !bytes.Equal(again.Bytes(), b.Bytes()) {
			t.Errorf("level %d: setting %d gives other bytes", level, n)
		}
		for name, bad := range map[string][]byte{"cut": b.Bytes()[:b.Len()-1], "longer": append(b.Bytes(), 0), "other": bytes.Repeat([]byte{1}, b.Len())} {
			if _, ok := k.Find(plain, bad, n); ok {
				t.Errorf("level %d: %s was found", level, name)
			}
		}
	}
}

// TestGzipHead lists headers and their lengths, -1 for none.
func TestGzipHead(t *testing.T) {
	body := make([]byte, 20)
	for name, c := range map[string]struct {
		head []byte
		want int64
	}{
		"plain": {[]byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3}, 10}, "name": {[]byte{0x1f, 0x8b, 8, 8, 0, 0, 0, 0, 0, 3, 'a', 'b', 0}, 13},
		"extra": {[]byte{0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 3, 2, 0, 'x', 'y'}, 14}, "all": {[]byte{0x1f, 0x8b, 8, 30, 0, 0, 0, 0, 0, 3, 1, 0, 'x', 'n', 0, 'c', 0, 1, 2}, 19},
		"endless name": {append([]byte{0x1f, 0x8b, 8, 8, 0, 0, 0, 0, 0, 3}, bytes.Repeat([]byte{1}, 5000)...), -1}, "not deflate": {[]byte{0x1f, 0x8b, 7, 0, 0, 0, 0, 0, 0, 3}, -1},
		"reserved": {[]byte{0x1f, 0x8b, 8, 0x80, 0, 0, 0, 0, 0, 3}, -1}, "extra beyond": {[]byte{0x1f, 0x8b, 8, 12, 0, 0, 0, 0, 0, 3, 0xFF, 0xFF}, -1}, "zip": {[]byte("PK\x03\x04......"), -1},
	} {
		p := slices.Concat(c.head, body)
		got, err := GzipHead(bytes.NewReader(p), int64(len(p)))
		if c.want < 0 != (err != nil) || err == nil && got != c.want {
			t.Errorf("%s: %d, %v", name, got, err)
		}
	}
	if _, err := GzipHead(bytes.NewReader(nil), 0); err == nil {
		t.Error("nothing passed")
	}
}

// TestArrange: any order is put right.
func TestArrange(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		from := r.Perm(r.IntN(12))
		es := make([]Entry, len(from))
		for place, i := range from {
			es[i].At = int64(place)
		}
		arrange(es, from)
		for place := range es {
			if es[place].At != int64(place) {
				t.Fatalf("at %d stands %d", place, es[place].At)
			}
		}
	}
}

// TestParseWithin: what has too many entries is refused before they are read.
func TestParseWithin(t *testing.T) {
	p := sample(t, 3000)
	for memory, fits := range map[int64]bool{3000 * EntryMemory: true, 3000*EntryMemory - 1: false, 0: false} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		a, err := ParseWithin(bytes.NewReader(p), int64(len(p)), memory)
		runtime.ReadMemStats(&after)
		if (err == nil) != fits || err != nil && !errors.Is(err, ErrForm) || fits && len(a.Entries) != 3000 {
			t.Errorf("memory %d: %v", memory, err)
		}
		if n := after.TotalAlloc - before.TotalAlloc; !fits && n > 256<<10 {
			t.Errorf("memory %d: refused after %d bytes", memory, n)
		}
	}
}

// scant is a writer with little room.
type scant struct{ left int }

func (f *scant) Write(p []byte) (int, error) {
	if f.left -= len(p); f.left < 0 {
		return 0, io.ErrShortWrite
	}
	return len(p), nil
}

// TestLongStrings: records that all repeat the longest strings take no memory
// for that, and stop where there is no room.
func TestLongStrings(t *testing.T) {
	long := strings.Repeat("x", 1<<16-1)
	es, plans, facts, order := make([]Entry, Rows), make([]Plan, Rows), make([]Facts, Rows), make([]int, Rows)
	for i := range es {
		es[i], plans[i].Item, order[i] = Entry{Name: "n", CentralName: "n", CentralExtra: long, Comment: long}, -1, i
	}
	w := &streams.Writer{}
	var put Frames
	put.PutLocals(w, es, plans, facts)
	put.StartCentral()
	put.PutOrder(w, order)
	put.PutCentral(w, es, plans, facts)
	for name, room := range map[string]int{"room": 1 << 30, "no room": 1 << 20} {
		r := &streams.Reader{Segment: w.Segment}
		var get Frames
		got, plans, err := get.Locals(r, Rows, nil)
		if err != nil {
			t.Fatal(err)
		}
		get.StartCentral()
		if _, err := get.Order(r, Rows, Rows); err != nil {
			t.Fatal(err)
		}
		out := &scant{room}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		err = get.Central(r, out, got, plans)
		runtime.ReadMemStats(&after)
		if wrote := room - out.left; (err == nil) != (name == "room") || err == nil && wrote < Rows*2*len(long) {
			t.Errorf("%s: %d bytes, %v", name, wrote, err)
		}
		if n := after.TotalAlloc - before.TotalAlloc; n > 4<<20 {
			t.Errorf("%s: %d bytes of memory", name, n)
		}
	}
}

// FuzzParse: no file makes Parse panic, and what it takes apart can be rebuilt.
func FuzzParse(f *testing.F) {
	f.Add(sample(f, 3))
	f.Add(sample(f, 0))
	odd := sample(f, 2)
	binary.LittleEndian.PutUint32(odd[14:], 77)
	f.Add(append([]byte("script"), odd...))
	f.Fuzz(func(t *testing.T, p []byte) {
		a, err := Parse(bytes.NewReader(p), int64(len(p)))
		if err != nil {
			if !errors.Is(err, ErrForm) {
				t.Fatal(err)
			}
			return
		}
		if !bytes.Equal(rebuild(t, p, a, nil), p) {
			t.Fatal("not the same bytes")
		}
	})
}

// FuzzFrames: no columns make reading panic.
func FuzzFrames(f *testing.F) {
	p := sample(f, 4)
	a, err := Parse(bytes.NewReader(p), int64(len(p)))
	if err != nil {
		f.Fatal(err)
	}
	var frames Frames
	w := &streams.Writer{}
	plans, facts := make([]Plan, 4), make([]Facts, 4)
	for i := range plans {
		plans[i] = Plan{Twin: &a.Entries[i], Item: int64(i)}
	}
	frames.PutLocals(w, a.Entries, plans, facts)
	frames.StartCentral()
	frames.PutOrder(w, a.Order)
	frames.PutCentral(w, a.Entries, plans, facts)
	f.Add(w.Segment[streams.Frame], 4)
	f.Fuzz(func(t *testing.T, columns []byte, n int) {
		r := &streams.Reader{Segment: streams.Segment{streams.Frame: columns}}
		var frames Frames
		es, plans, err := frames.Locals(r, n, func(i int64) (*Entry, error) {
			if i < 0 || i >= 4 {
				return nil, io.EOF
			}
			return &a.Entries[i], nil
		})
		if err != nil {
			return
		}
		for i := range es {
			es[i].Settle(plans[i], Facts{})
			es[i].After(Facts{})
		}
		frames.StartCentral()
		if _, err := frames.Order(r, n, n); err == nil {
			frames.Central(r, io.Discard, es, plans)
		}
	})
}
