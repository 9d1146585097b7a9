package deflate

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
)

// packApart packs p cut at these places, each part by a parser that begins there, the last
// one first, and tells how often two of them met.
func packApart(t testing.TB, p []byte, o Params, cuts []int) (packed []byte, met int) {
	t.Helper()
	var b bytes.Buffer
	w, err := NewWriter(&b, o)
	if err != nil {
		t.Fatal(err)
	}
	j := &packing{plain: p, params: o, cuts: cuts}
	var parts []*part
	for x := j.claimNext(); x != nil; x = j.claimNext() {
		parts = append(parts, x)
	}
	for _, x := range slices.Backward(parts) {
		w.start(j, x)
		if w.stretch(j, x) != nil {
			t.Fatal("went on with a part that was claimed")
		}
	}
	if left, _ := w.writeReady(j, parts[0], 0); left != nil {
		t.Fatal("a part was not done")
	}
	w.flushRow(j, true)
	return b.Bytes(), int(j.met.Load())
}

// steps are cuts after each step bytes of n, as far as one may cut.
func steps(n, step int) (out []int) {
	for at := step; at <= n-minLookahead; at += step {
		out = append(out, at)
	}
	return out
}

// edges are cuts about the places where windows slide.
func edges(n int) (out []int) {
	for at := windowSize; at < n; at += windowSize {
		for _, d := range []int{-minLookahead - 1, -minLookahead, -minLookahead + 1, -2, -1, 0, 1, 2, maxMatch, minLookahead} {
			if at+d <= n-minLookahead {
				out = append(out, at+d)
			}
		}
	}
	return out
}

func serially(t testing.TB, p []byte, o Params) []byte { return pack(t, p, o, 1<<30) }

// TestPartsLikeZlib compares what parts give with what C zlib gave.
func TestPartsLikeZlib(t *testing.T) {
	testLikeZlib(t, 4, func(p []byte, o Params) []byte {
		packed, _ := packApart(t, p, o, steps(len(p), 10007))
		return packed
	})
}

// TestParts: cut anywhere, the same.
func TestParts(t *testing.T) {
	met, all := 0, 0
	for _, o := range []Params{{4, 8}, {6, 8}, {9, 9}, {6, 1}} {
		for kind := range kinds {
			for _, n := range []int{minLookahead, 600, windowSize + maxDist, 2*windowSize - 1, 3*windowSize + 1} {
				p := sample(kind, n)
				want := serially(t, p, o)
				for _, cuts := range [][]int{{}, {1}, {n - minLookahead}, steps(n, 1<<14), edges(n), steps(min(n, 300), 1)} {
					cuts = slices.DeleteFunc(cuts, func(at int) bool { return at == 0 })
					got, times := packApart(t, p, o, cuts)
					if !bytes.Equal(got, want) {
						t.Fatalf("%v, kind %d, %d bytes cut at %v: differs", o, kind, n, cuts)
					}
					met, all = met+times, all+len(cuts)
				}
			}
		}
	}
	if met < all/2 || met == all {
		t.Errorf("parsers met at %d of %d cuts", met, all)
	}
}

// TestDropped: a part that is dropped drops none itself and is met by none; the one behind it stays.
func TestDropped(t *testing.T) {
	j := &packing{plain: make([]byte, 5000), params: Params{6, 8}, cuts: []int{1000, 2000}}
	x, y, z := j.claim(), j.claim(), j.claim()
	j.drop(x)
	j.drop(y)
	if !y.dropped.Load() || z.dropped.Load() || x.next != z || x.to != 2000 {
		t.Error("not the second part was dropped alone")
	}
	if next, _ := j.behind(y); next != nil {
		t.Error("a dropped part goes on")
	}
	if next, mine := j.behind(x); next != z || mine {
		t.Error("the third part does not follow the first")
	}
	j.drop(x)
	if next, _ := j.behind(x); next != nil || x.to != 5000 {
		t.Error("there is one behind the end")
	}
}

// cores lends so many Writers at a time.
type cores struct {
	free chan *Writer
	busy sync.WaitGroup
}

func newCores(t testing.TB, n int) *cores {
	c := &cores{free: make(chan *Writer, n)}
	for range n {
		w, err := NewWriter(io.Discard, Params{6, 8})
		if err != nil {
			t.Fatal(err)
		}
		c.free <- w
	}
	return c
}

func (c *cores) lend(work func(*Writer) bool) bool {
	select {
	case w := <-c.free:
		c.busy.Go(func() {
			for work(w) {
			}
			c.free <- w
		})
		return true
	default:
		return false
	}
}

// TestPack: with any number of cores, whoever is quicker, the same.
func TestPack(t *testing.T) {
	var plain []byte
	for i := range 60 { // long runs among all else
		plain = append(plain, sample(i%5, 1000+i*311%30000)...)
	}
	for _, n := range []int{0, 1, 2, 7} {
		others := newCores(t, n)
		for _, o := range []Params{{1, 8}, {4, 8}, {6, 8}, {9, 9}} {
			for _, p := range [][]byte{nil, plain[:1000], plain[:partLeast-1], plain[:partLeast], plain, make([]byte, 1<<20)} {
				var b bytes.Buffer
				w, err := NewWriter(&b, o)
				if err != nil {
					t.Fatal(err)
				}
				for range 2 { // Reset leaves nothing behind
					b.Reset()
					w.Reset(&b, o)
					if err := w.Pack(p, others.lend); err != nil {
						t.Fatal(err)
					}
					if !bytes.Equal(b.Bytes(), serially(t, p, o)) {
						t.Errorf("%v, %d bytes, %d others: differs", o, len(p), n)
					}
				}
			}
		}
		others.busy.Wait()
		if len(others.free) != n {
			t.Errorf("%d of %d Writers came back", len(others.free), n)
		}
	}
}

// TestPackTakesHelp fails if a second parser is never of use.
func TestPackTakesHelp(t *testing.T) {
	plain := sample(2, 2<<20)
	w, err := NewWriter(io.Discard, Params{6, 8})
	if err != nil {
		t.Fatal(err)
	}
	others := newCores(t, 1)
	for range 20 { // the other one may come too late
		w.Reset(io.Discard, w.params)
		j := &packing{plain: plain, params: w.params, cuts: cuts(len(plain)), lend: others.lend}
		if err := w.packParts(j); err != nil {
			t.Fatal(err)
		}
		if j.met.Load() > 0 {
			return
		}
	}
	t.Error("one parser did it all")
}

type failing struct{ after int }

var errFull = errors.New("full")

func (f *failing) Write(p []byte) (int, error) {
	if f.after -= len(p); f.after < 0 {
		return 0, errFull
	}
	return len(p), nil
}

// TestPackFails: an error of the writer ends it, and nobody works on.
func TestPackFails(t *testing.T) {
	plain := sample(2, 3<<20)
	for i, after := range []int{0, 0, 50000, 50000, 400000, 400000} {
		others := newCores(t, i%2*2)
		w, err := NewWriter(&failing{after}, Params{6, 8})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Pack(plain, others.lend); !errors.Is(err, errFull) {
			t.Errorf("after %d: %v", after, err)
		}
		others.busy.Wait()
		if err := w.Close(); !errors.Is(err, errFull) {
			t.Errorf("Close: %v", err)
		}
	}
}

// FuzzParts: any content cut anywhere.
func FuzzParts(f *testing.F) {
	f.Add([]byte("hello hello hello"), byte(5), uint64(1), uint32(1<<17), byte(3))
	f.Add(sample(3, 4000), byte(8), uint64(2), uint32(70000), byte(30))
	f.Add(sample(1, 4000), byte(4), uint64(3), uint32(66000), byte(200))
	f.Add(sample(0, 4000), byte(9), uint64(4), uint32(140000), byte(9))
	f.Add([]byte{0}, byte(2), uint64(5), uint32(100000), byte(5))
	others := newCores(f, 2)
	f.Fuzz(func(t *testing.T, seed []byte, level byte, random uint64, size uint32, cutMost byte) {
		if len(seed) > 1<<13 || len(seed) == 0 {
			return
		}
		r := rand.New(rand.NewPCG(random, 1))
		plain := mixture(r, seed, minLookahead+1+int(size%(3*windowSize)))
		o := Params{4 + int(level)%6, 1 + int(level/6)%9}
		var cuts []int
		for range cutMost % 16 {
			cuts = append(cuts, 1+r.IntN(len(plain)-minLookahead))
		}
		slices.Sort(cuts)
		cuts = slices.Compact(cuts)
		want := serially(t, plain, o)
		if got, _ := packApart(t, plain, o, cuts); !bytes.Equal(got, want) {
			t.Fatalf("%v, %d bytes, cuts %v: differs", o, len(plain), cuts)
		}
		var b bytes.Buffer
		w, err := NewWriter(&b, o)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.packParts(&packing{plain: plain, params: o, cuts: cuts, lend: others.lend}); err != nil || !bytes.Equal(b.Bytes(), want) {
			t.Fatalf("%v, %d bytes, cuts %v, by three: differs, %v", o, len(plain), cuts, err)
		}
	})
}

// mixture makes n bytes of pieces of seed, of what it has made already, at distances that a
// match may just have too, of runs, and of noise.
func mixture(r *rand.Rand, seed []byte, n int) []byte {
	out := slices.Clone(seed)
	for len(out) < n {
		l := 1 + r.IntN(1<<r.IntN(12))
		switch r.IntN(5) {
		case 0:
			for range l >> 4 {
				out = append(out, byte(r.Uint32()))
			}
		case 1:
			from := r.IntN(len(seed))
			out = append(out, seed[from:min(from+l, len(seed))]...)
		case 2:
			out = append(out, bytes.Repeat(out[len(out)-1:], l)...)
		case 3:
			from := len(out) - min(len(out), 1+r.IntN(2*windowSize))
			out = append(out, out[from:min(from+l, len(out))]...)
		default:
			from := len(out) - min(len(out), maxDist-2+r.IntN(5))
			out = append(out, out[from:min(from+l, len(out))]...)
		}
	}
	return out[:n]
}
