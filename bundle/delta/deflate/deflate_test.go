package deflate

import (
	"bytes"
	"compress/flate"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"sync"
	"testing"
)

// sample makes bytes that both this test and testdata/vectors.py can make.
func sample(kind, n int) []byte {
	if kind >= 8 {
		return edge(kind, n)
	}
	out, seen := make([]byte, 0, n), map[[3]byte]bool{}
	x := uint64(kind)*0x9E3779B97F4A7C15 + 1
	next := func() uint64 {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		return x
	}
	words := []string{"gateway", "handler", "token", "session", "registry", "synapse", "transport", "mediator"}
	for len(out) < n {
		r := next()
		switch kind {
		case 0:
			out = append(out, byte(r>>32))
		case 1:
			out = append(out, byte(r>>32)&3)
		case 2:
			out = append(out, fmt.Sprintf("%s.%d = new %s(%d);\n", words[r>>8&7], r>>16&63, words[r>>24&7], r>>32&8191)...)
		case 3: // runs, far repeats and noise
			l := int(r>>16&1023) + 1
			switch from := int(r >> 32 & 0xFFFF); {
			case r&3 == 0 && from < len(out):
				from = len(out) - 1 - from
				for i := range l {
					out = append(out, out[from+i])
				}
			case r&3 == 1:
				out = append(out, bytes.Repeat([]byte{byte(r >> 40)}, l)...)
			default:
				for range l & 63 {
					out = append(out, byte(next()>>32))
				}
			}
		case 5, 6: // noise that comes again at the farthest distance that counts, and one farther
			if period := 32501 + kind; len(out) >= period {
				out = append(out, out[len(out)-period])
			} else {
				out = append(out, byte(r>>32))
			}
		case 7: // noise in which no three bytes come twice: all literals
			c := byte(0)
			for k := range 255 {
				c = byte((int64(r>>32)+int64(k))%255 + 1)
				if n := len(out); n < 2 || !seen[[3]byte{out[n-2], out[n-1], c}] {
					break
				}
			}
			if n := len(out); n >= 2 {
				seen[[3]byte{out[n-2], out[n-1], c}] = true
			}
			out = append(out, c)
		default:
			out = append(out, byte(kind))
		}
	}
	return out[:n]
}

// edge makes what shows where exactly the window slides.
func edge(kind, n int) []byte {
	const slides = windowSize + maxDist
	if kind == 9 { // a string at the farthest distance that counts, at the last place before it
		out := sample(1, n)
		for _, at := range []int{slides - maxDist, slides} {
			copy(out[min(at, n):], "\xF0\xF3\xF5\xF9\xF0\xF2\xF3\xF3\xF1")
		}
		return out
	}
	// A block for memLevel 9 that begins at that place, cannot but be stored, and ends in a match in
	// which the window is about to slide once more.
	u := sample(7, max(n, 70000))
	const first, last = 32639, 32639 + 32766
	return slices.Concat(u[:first], make([]byte, slides-first), u[first:last], u[60000:60006], u[last:])[:n]
}

const kinds = 10

// With memLevel 9 a block of 32767 literals ends with the content, and what begins there has left
// the window at 65274; matches at the farthest distance are lost there if the end is near.
var sizes = []int{0, 1, 2, 3, 5, 100, 4000, 32767, 33000, 65274, 65374, 65536, 140000}

func pack(t testing.TB, p []byte, o Params, cut int) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := NewWriter(&b, o)
	if err != nil {
		t.Fatal(err)
	}
	for len(p) > 0 {
		n := min(cut, len(p))
		if _, err := w.Write(p[:n]); err != nil {
			t.Fatal(err)
		}
		p = p[n:]
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// samples are all that zlibDigests are of.
var samples = sync.OnceValue(func() (out [][]byte) {
	for kind := range kinds {
		for _, n := range sizes {
			out = append(out, sample(kind, n))
		}
	}
	return out
})

// TestLikeZlib compares with what C zlib gave (testdata/vectors.py).
func TestLikeZlib(t *testing.T) {
	testLikeZlib(t, 1, func(p []byte, o Params) []byte { return serially(t, p, o) })
}

func testLikeZlib(t *testing.T, lowest int, pack func(p []byte, o Params) []byte) {
	t.Helper()
	for _, memory := range []int{8, 9} {
		for level := lowest; level <= 9; level++ {
			all := sha256.New()
			for _, p := range samples() {
				all.Write(pack(p, Params{level, memory}))
			}
			key := fmt.Sprintf("%d/%d", level, memory)
			if got := hex.EncodeToString(all.Sum(nil)); got != zlibDigests[key] {
				t.Errorf("level/memory %s: %s", key, got)
			}
		}
	}
}

// TestCuts: how the input is cut does not show, and Reset leaves nothing behind.
func TestCuts(t *testing.T) {
	plain := sample(3, 300000)
	var b bytes.Buffer
	w, err := NewWriter(&b, Params{9, 9})
	if err != nil {
		t.Fatal(err)
	}
	for level := 1; level <= 9; level++ {
		want := pack(t, plain, Params{level, 8}, 1<<30)
		for _, cut := range []int{1, 7, 512, 8192, 65537} {
			if !bytes.Equal(pack(t, plain, Params{level, 8}, cut), want) {
				t.Errorf("level %d cut at %d differs", level, cut)
			}
		}
		b.Reset()
		if err := w.Reset(&b, Params{level, 8}); err != nil {
			t.Fatal(err)
		}
		if w.Write(plain); w.Close() != nil || !bytes.Equal(b.Bytes(), want) {
			t.Errorf("level %d after Reset differs", level)
		}
	}
}

// TestCutsWhereTheWindowSlides: the farthest string that counts is lost when the window slides,
// and what has left it cannot be stored; a write that ends shortly behind the place does not
// make it slide sooner.
func TestCutsWhereTheWindowSlides(t *testing.T) {
	const at = windowSize + maxDist
	for _, kind := range []int{7, 8, 9} {
		plain := sample(kind, 3*windowSize)
		for _, o := range []Params{{1, 8}, {6, 8}, {6, 9}, {9, 9}} {
			want := serially(t, plain, o)
			for _, cut := range []int{at, at + 1, at + 100, at + minLookahead - 1, at + minLookahead} {
				if !bytes.Equal(pack(t, plain, o, cut), want) {
					t.Errorf("kind %d, %v, cut at %d: differs", kind, o, cut)
				}
			}
		}
	}
}

// packWith packs p with a writer that takes to the chains of four bytes after most
// strings too many.
func packWith(t testing.TB, p []byte, o Params, most int) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := NewWriter(&b, o)
	if err != nil {
		t.Fatal(err)
	}
	w.most = most
	if w.Write(p); w.Close() != nil {
		t.Fatal(w.err)
	}
	if most == 0 && !w.deep && !w.fast && len(p) > 1000 {
		t.Errorf("%v: the chains were not used", o)
	}
	return b.Bytes()
}

// TestDeep: both ways of looking find the same.
func TestDeep(t *testing.T) {
	for _, memory := range []int{8, 9} {
		for _, level := range []int{4, 6, 9} {
			for kind := range 7 {
				for _, n := range []int{5, 4000, 70000} {
					p, o := sample(kind, n), Params{level, memory}
					want := packWith(t, p, o, 1<<30)
					for _, most := range []int{0, 5000} {
						if !bytes.Equal(packWith(t, p, o, most), want) {
							t.Errorf("%v, kind %d, %d bytes: differs when the chains are used after %d", o, kind, n, most)
						}
					}
				}
			}
		}
	}
}

// FuzzDeep: so for any input.
func FuzzDeep(f *testing.F) {
	f.Add([]byte("hello hello hello"), byte(5), uint16(3), byte(0))
	f.Add(sample(3, 4000), byte(8), uint16(512), byte(30))
	f.Add(sample(1, 4000), byte(4), uint16(5), byte(99))
	f.Fuzz(func(t *testing.T, plain []byte, level byte, most uint16, times byte) {
		if len(plain) > 1<<12 {
			return
		}
		noise, plain := sample(1, 300), bytes.Repeat(plain, min(1+int(times), 1+1<<17/(1+len(plain))))
		for i := range plain { // what comes again and again would else be all that is looked at
			plain[i] += noise[i%len(noise)] & noise[i/7%len(noise)]
		}
		p := Params{4 + int(level)%6, 8 + int(level)/6%2}
		if !bytes.Equal(packWith(t, plain, p, int(most)), packWith(t, plain, p, 1<<30)) {
			t.Fatalf("%v: %d bytes differ", p, len(plain))
		}
	})
}

func TestBadParams(t *testing.T) {
	for _, p := range []Params{{0, 8}, {10, 8}, {6, 0}, {6, 10}, {-1, 8}} {
		if _, err := NewWriter(io.Discard, p); err == nil {
			t.Errorf("%v passed", p)
		}
	}
}

// FuzzWriter: any input comes back through Go's inflate. The fuzzer's bytes are
// short, for it takes many; times makes of them what is longer than a window.
func FuzzWriter(f *testing.F) {
	f.Add([]byte("hello hello hello"), byte(5), byte(8), uint16(3), byte(0))
	f.Add(sample(3, 4000), byte(0), byte(8), uint16(512), byte(30))
	f.Add(sample(2, 1000), byte(8), byte(9), uint16(4096), byte(90))
	f.Add([]byte{}, byte(8), byte(9), uint16(1), byte(1))
	var w *Writer
	var packed bytes.Buffer
	f.Fuzz(func(t *testing.T, plain []byte, level, memory byte, cut uint16, times byte) {
		if len(plain) > 1<<12 || cut == 0 {
			return
		}
		plain = bytes.Repeat(plain, min(1+int(times), 1+1<<17/(1+len(plain))))
		p := Params{1 + int(level)%9, 1 + int(memory)%9}
		packed.Reset()
		var err error
		if w == nil {
			w, err = NewWriter(&packed, p)
		} else {
			err = w.Reset(&packed, p)
		}
		if err != nil {
			t.Fatal(err)
		}
		for part := range slices.Chunk(plain, int(cut)) {
			if _, err := w.Write(part); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(flate.NewReader(&packed))
		if err != nil || !bytes.Equal(got, plain) {
			t.Fatalf("%v: %d bytes came back as %d: %v", p, len(plain), len(got), err)
		}
	})
}
