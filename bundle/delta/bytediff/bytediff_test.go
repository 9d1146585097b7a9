package bytediff

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"testing"

	"packlift/bundle/delta/streams"
)

// make1 returns the segments of a difference.
func make1(t testing.TB, f func(w *streams.Writer) error) []streams.Segment {
	t.Helper()
	var out []streams.Segment
	w := &streams.Writer{Cut: func(s streams.Segment) error { out = append(out, s); return nil }}
	if err := f(w); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out
}

func reader(s []streams.Segment) *streams.Reader {
	return &streams.Reader{Next: func() (streams.Segment, error) {
		if len(s) == 0 {
			return streams.Segment{}, io.EOF
		}
		first := s[0]
		s = s[1:]
		return first, nil
	}}
}

func check(t testing.TB, s []streams.Segment, new, old []byte) {
	t.Helper()
	var a Applier
	var got bytes.Buffer
	r := reader(s)
	if err := a.Apply(&got, r, int64(len(new)), bytes.NewReader(old), int64(len(old))); err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), new) {
		t.Fatalf("%d bytes came back as %d others", len(new), got.Len())
	}
}

func roundTrip(t testing.TB, m *Maker, new, old []byte) int {
	t.Helper()
	s := make1(t, func(w *streams.Writer) error { return m.Make(w, new, old) })
	check(t, s, new, old)
	n := 0
	for _, x := range s {
		n += x.Size()
	}
	return n
}

func noise(seed uint64, n int) []byte {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)})
	r.Read(b)
	return b
}

// edited makes what a new version might be: pieces of old, moved, changed here
// and there, and new ones.
func edited(r *rand.Rand, old []byte) []byte {
	var out []byte
	for range 1 + r.IntN(8) {
		switch r.IntN(4) {
		case 0:
			out = append(out, noise(r.Uint64(), r.IntN(300))...)
		case 1:
			out = append(out, bytes.Repeat([]byte{byte(r.IntN(3))}, r.IntN(3000))...)
		default:
			if len(old) == 0 {
				continue
			}
			a := r.IntN(len(old))
			piece := slices.Clone(old[a : a+r.IntN(len(old)-a+1)])
			for i := 0; i < len(piece); i += 1 + r.IntN(100) {
				piece[i] += byte(r.IntN(3))
			}
			out = append(out, piece...)
		}
	}
	return out
}

// TestProperty: Apply(Make(x, y)) == x.
func TestProperty(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	var m Maker
	old := noise(1, 1000)
	for i := range 600 {
		if i%4 == 0 {
			old = noise(r.Uint64(), r.IntN(1<<r.IntN(17)))
		}
		new := edited(r, old)
		roundTrip(t, &m, new, old)
		if r.IntN(3) == 0 {
			old = new
		}
	}
}

// TestSizes: what is alike costs next to nothing.
func TestSizes(t *testing.T) {
	var m Maker
	old := noise(5, 300000)
	shifted := slices.Concat(old[:1000], []byte("inserted"), old[1000:])
	sprinkled := slices.Clone(old)
	for i := 0; i < len(sprinkled); i += 1000 {
		sprinkled[i]++
	}
	moved := slices.Concat(old[150000:], old[:150000])
	for _, c := range []struct {
		name string
		new  []byte
		most int
	}{
		{"same", old, 10}, {"shifted", shifted, 40}, {"sprinkled", sprinkled, 300*4 + 10}, {"moved", moved, 40},
		{"nothing", nil, 0}, {"all new", noise(6, 1000), 1100}, {"one byte", old[77777:77778], 10},
	} {
		if n := roundTrip(t, &m, c.new, old); n > c.most {
			t.Errorf("%s: %d bytes, more than %d", c.name, n, c.most)
		}
	}
	roundTrip(t, &m, old, nil)
}

// TestPieces: what is longer than a piece or a segment.
func TestPieces(t *testing.T) {
	var m Maker
	old := noise(7, 3*MaxPiece+5)
	roundTrip(t, &m, old, old)
	roundTrip(t, &m, noise(8, 9<<20), old[:100])
	changed := slices.Clone(old)
	for i := 0; i < len(changed); i += 3 {
		changed[i]++
	}
	roundTrip(t, &m, changed, old)
}

// TestLies: a wrong difference is an error.
func TestLies(t *testing.T) {
	old := []byte("the old content")
	num := func(n ...int) (out []byte) {
		for i, v := range n {
			if i%3 == 0 {
				v *= 2
				if v < 0 {
					v = -v - 1
				}
			}
			out = append(out, byte(v))
		}
		return out
	}
	for _, c := range []struct {
		name string
		s    streams.Segment
		ok   bool
	}{
		{"right", streams.Segment{num(4, 3, 7), {1, 0, 1}, nil, []byte("1234567")}, true},
		{"right, in two", streams.Segment{num(4, 3, 0, -7, 3, 4), {0, 2, 0, 2}, nil, []byte("1234")}, true},
		{"before the front", streams.Segment{num(-1, 3, 7), {0, 2}, nil, []byte("1234567")}, false},
		{"beyond the end", streams.Segment{num(16, 0, 10), nil, nil, []byte("1234567890")}, false},
		{"copies beyond the end", streams.Segment{num(13, 3, 7), {0, 2}, nil, []byte("1234567")}, false},
		{"copies more than the size", streams.Segment{num(0, 11, 0), {0, 10}, nil, nil}, false},
		{"inserts more than the size", streams.Segment{num(0, 3, 8), {0, 2}, nil, []byte("12345678")}, false},
		{"no differences", streams.Segment{num(0, 3, 7), nil, nil, []byte("1234567")}, false},
		{"too few differences", streams.Segment{num(0, 3, 7), {1, 2}, nil, []byte("1234567")}, false},
		{"run beyond the copy", streams.Segment{num(0, 3, 7), {0, 3}, nil, []byte("1234567")}, false},
		{"too little to insert", streams.Segment{num(0, 3, 7), {0, 2}, nil, []byte("123456")}, false},
		{"something left", streams.Segment{num(0, 3, 7), {0, 2}, nil, []byte("12345678")}, false},
		{"ends early", streams.Segment{num(0, 3, 1), {0, 2}, nil, []byte("1")}, false},
	} {
		var a Applier
		var got bytes.Buffer
		r := reader([]streams.Segment{c.s})
		err := a.Apply(&got, r, 10, bytes.NewReader(old), int64(len(old)))
		if err == nil {
			err = r.Close()
		}
		if (err == nil) != c.ok || got.Len() > 10 {
			t.Errorf("%s: %v, %d bytes", c.name, err, got.Len())
		}
	}
	var a Applier
	r := reader([]streams.Segment{{num(0, 3, 7), {0, 2}, nil, []byte("1234567")}})
	if a.Apply(io.Discard, r, 10, bytes.NewReader(old[:2]), 15) == nil {
		t.Error("an old content that is shorter than it says passed")
	}
}

// FuzzApply: no difference makes Apply panic or write more than the size.
func FuzzApply(f *testing.F) {
	var m Maker
	old := noise(9, 2000)
	for i := range 5 {
		for _, s := range make1(f, func(w *streams.Writer) error { return m.Make(w, edited(rand.New(rand.NewPCG(uint64(i), 1)), old), old) }) {
			f.Add(s[streams.Control], s[streams.Diff], s[streams.Extra], 3000)
		}
	}
	f.Fuzz(func(t *testing.T, control, diff, extra []byte, size int) {
		if size < 0 || size > 1<<20 {
			return
		}
		var a Applier
		var got bytes.Buffer
		r := &streams.Reader{Segment: streams.Segment{streams.Control: control, streams.Diff: diff, streams.Extra: extra}}
		err := a.Apply(&got, r, int64(size), bytes.NewReader(old), int64(len(old)))
		if got.Len() > size || err == nil && got.Len() != size {
			t.Fatalf("%d bytes for %d: %v", got.Len(), size, err)
		}
	})
}

// FuzzRoundTrip: any two contents.
func FuzzRoundTrip(f *testing.F) {
	f.Add([]byte("a new content"), []byte("an old content"))
	f.Add(bytes.Repeat([]byte("ab"), 500), bytes.Repeat([]byte("ba"), 400))
	f.Add([]byte{}, []byte(fmt.Sprint(1)))
	f.Fuzz(func(t *testing.T, new, old []byte) { roundTrip(t, &Maker{}, new, old) })
}
