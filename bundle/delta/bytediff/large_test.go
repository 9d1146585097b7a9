package bytediff

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"testing"

	"packlift/bundle/delta/streams"
)

func atRoundTrip(t testing.TB, new, old []byte, memory int64) int {
	t.Helper()
	var m Maker
	s := make1(t, func(w *streams.Writer) error {
		return m.MakeAt(w, bytes.NewReader(new), int64(len(new)), bytes.NewReader(old), int64(len(old)), memory)
	})
	check(t, s, new, old)
	n := 0
	for _, x := range s {
		n += x.Size()
	}
	return n
}

// TestLarge: contents that do not fit, and such that fit but are nearly alike.
func TestLarge(t *testing.T) {
	old := noise(11, 3<<20)
	r := rand.New(rand.NewPCG(5, 6))
	new := slices.Clone(old)
	for range 300 { // single bytes, pieces put in, pieces cut out
		i := r.IntN(len(new) - 5000)
		switch r.IntN(3) {
		case 0:
			new[i] ^= 1
		case 1:
			new = slices.Insert(new, i, noise(r.Uint64(), r.IntN(200))...)
		default:
			new = slices.Delete(new, i, i+r.IntN(200))
		}
	}
	new = slices.Concat(new[1<<20:], new[:1<<20])
	for _, memory := range []int64{1 << 20, 8 << 20, 1 << 30} {
		if n := atRoundTrip(t, new, old, memory); n > 100*130+10000 {
			t.Errorf("memory %d: %d bytes", memory, n)
		}
	}
	if n := atRoundTrip(t, old, old, 1<<20); n > 100 {
		t.Errorf("the same: %d bytes", n)
	}
	if n := atRoundTrip(t, noise(12, 2<<20), old, 1<<20); n < 2<<20 {
		t.Errorf("all new: %d bytes", n)
	}
	zeros := make([]byte, 1<<20)
	atRoundTrip(t, zeros, old, 1<<20)
	atRoundTrip(t, old, zeros, 1<<20)
	atRoundTrip(t, slices.Concat(old[:1<<19], zeros), zeros, 1<<20)
}

// TestLargeProperty: Apply(MakeAt(x, y)) == x, whatever fits.
func TestLargeProperty(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for range 150 {
		old := noise(r.Uint64(), r.IntN(1<<r.IntN(19)))
		var new []byte
		for range r.IntN(6) {
			new = append(new, edited(r, old)...)
		}
		atRoundTrip(t, new, old, 1<<r.IntN(24))
	}
	atRoundTrip(t, nil, nil, 0)
	atRoundTrip(t, noise(1, 100000), nil, 0)
	atRoundTrip(t, nil, noise(1, 100000), 0)
}

// counting counts the bytes that are read in long pieces, as those are that are sorted.
type counting struct {
	io.ReaderAt
	n int64
}

func (c *counting) ReadAt(p []byte, off int64) (int, error) {
	if len(p) > partSize {
		c.n += int64(len(p))
	}
	return c.ReaderAt.ReadAt(p, off)
}

// TestLargeRepeats: where the same pieces stand over and over, runs lie far
// apart in old. What is between them is not looked at for each short gap.
func TestLargeRepeats(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 9))
	var old []byte
	for range 800 {
		at := r.IntN(40)
		old = append(old, noise(uint64(at), 8000)[r.IntN(2000):6000]...)
	}
	new := slices.Clone(old)
	for range 300 {
		switch i := r.IntN(len(new) - 5000); r.IntN(3) {
		case 0:
			new[i] ^= 1
		case 1:
			new = slices.Insert(new, i, noise(r.Uint64(), r.IntN(200))...)
		default:
			new = slices.Delete(new, i, i+r.IntN(200))
		}
	}
	var m Maker
	read := &counting{ReaderAt: bytes.NewReader(old)}
	s := make1(t, func(w *streams.Writer) error {
		return m.MakeAt(w, bytes.NewReader(new), int64(len(new)), read, int64(len(old)), 10<<20)
	})
	check(t, s, new, old)
	size := 0
	for _, x := range s {
		size += x.Size()
	}
	if t.Logf("%d bytes of old, %d sorted, a difference of %d", len(old), read.n, size); size > 300*150 || read.n > int64(len(old))/2 {
		t.Error("too much")
	}
}

type broken struct{ io.ReaderAt }

func (broken) ReadAt([]byte, int64) (int, error) { return 0, errors.New("broken") }

// TestUnreadable: what cannot be read is an error.
func TestUnreadable(t *testing.T) {
	good := bytes.NewReader(noise(1, 100000))
	for _, c := range [][2]io.ReaderAt{{good, broken{}}, {broken{}, good}} {
		for _, memory := range []int64{0, 1 << 30} {
			var m Maker
			w := &streams.Writer{Cut: func(streams.Segment) error { return nil }}
			if m.MakeAt(w, c[0], 100000, c[1], 100000, memory) == nil {
				t.Error("passed")
			}
		}
	}
}
