package inflate

import (
	"bytes"
	"compress/flate"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"
)

// sample makes bytes of which much, little or nothing repeats.
func sample(kind, n int) []byte {
	r := rand.New(rand.NewPCG(uint64(kind), 7))
	out := make([]byte, 0, n+64)
	for len(out) < n {
		switch kind {
		case 0:
			out = append(out, byte(r.Uint32()))
		case 1:
			out = fmt.Appendf(out, "entry %d of %d;\n", r.IntN(50), r.IntN(9000))
		case 2:
			if back := 1 + r.IntN(40000); back <= len(out) && r.IntN(3) > 0 {
				for range 1 + r.IntN(400) {
					out = append(out, out[len(out)-back])
				}
			} else {
				out = append(out, byte(r.ExpFloat64()*9))
			}
		default:
			out = append(out, byte(kind))
		}
	}
	return out[:n]
}

func pack(t testing.TB, p []byte, level int) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, level)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(p); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func (d *Decoder) unpack(packed []byte, size int) ([]byte, error) {
	copy(d.Input(len(packed)), packed)
	return d.Unpack(size)
}

func TestUnpack(t *testing.T) {
	var d Decoder
	for kind := range 4 {
		for _, n := range []int{0, 1, 2, 7, 258, 300, 5000, 70000, 300000} {
			for _, level := range []int{flate.HuffmanOnly, 0, 1, 6, 9} {
				plain := sample(kind, n)
				packed := pack(t, plain, level)
				got, err := d.unpack(packed, n)
				if err != nil || !bytes.Equal(got, plain) {
					t.Fatalf("kind %d, %d bytes, level %d: %v", kind, n, level, err)
				}
				if got, err = d.unpack(append(packed[:len(packed):len(packed)], "what follows"...), n); err != nil || !bytes.Equal(got, plain) {
					t.Errorf("kind %d, %d bytes, level %d, with more behind it: %v", kind, n, level, err)
				}
				if _, err := d.unpack(packed, n+1); err == nil {
					t.Errorf("kind %d, level %d: %d bytes passed as %d", kind, level, n, n+1)
				}
				if _, err := d.unpack(packed, max(n-1, 0)); err == nil && n > 0 {
					t.Errorf("kind %d, level %d: %d bytes passed as %d", kind, level, n, n-1)
				}
			}
		}
	}
}

// TestCut: a stream that ends too early is refused at every length.
func TestCut(t *testing.T) {
	var d Decoder
	for _, level := range []int{0, 1, 9} {
		packed := pack(t, sample(1, 3000), level)
		for n := range packed {
			if _, err := d.unpack(packed[:n], 3000); err == nil {
				t.Fatalf("level %d: %d of %d bytes passed", level, n, len(packed))
			}
		}
	}
}

// likeFlate: what Unpack takes compress/flate takes, and gives the same.
func likeFlate(t *testing.T, d *Decoder, packed []byte, size int) bool {
	got, err := d.unpack(packed, size)
	if err != nil {
		return false
	}
	want, err := io.ReadAll(flate.NewReader(bytes.NewReader(packed)))
	if err != nil || !bytes.Equal(got, want) {
		t.Fatalf("%d bytes; compress/flate gives %d: %v", len(got), len(want), err)
	}
	return true
}

// TestDamaged flips each bit of streams.
func TestDamaged(t *testing.T) {
	var d Decoder
	passed := 0
	for kind := range 3 {
		plain := sample(kind, 1500)
		packed := pack(t, plain, 9)
		for i := range len(packed) * 8 {
			packed[i/8] ^= 1 << (i % 8)
			if likeFlate(t, &d, packed, len(plain)) {
				passed++
			}
			packed[i/8] ^= 1 << (i % 8)
		}
	}
	if passed == 0 {
		t.Error("no damaged stream kept its size: nothing was compared")
	}
}

// FuzzUnpack: so for any input; and what was packed in the usual way is taken.
func FuzzUnpack(f *testing.F) {
	for kind := range 4 {
		for _, level := range []int{0, 1, 9} {
			f.Add(pack(f, sample(kind, 2000), level), uint16(2000))
		}
	}
	var d Decoder
	f.Fuzz(func(t *testing.T, packed []byte, size uint16) {
		if likeFlate(t, &d, packed, int(size)) {
			return
		}
		want, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(packed)), 1<<16))
		if err == nil && len(want) == int(size) {
			if !likeFlate(t, &d, pack(t, want, 6), len(want)) {
				t.Fatalf("what compress/flate packed of %d bytes was refused", size)
			}
		}
	})
}

func BenchmarkUnpack(b *testing.B) {
	for kind, name := range map[int]string{0: "noise", 1: "text", 2: "mixed"} {
		b.Run(name, func(b *testing.B) {
			plain := sample(kind, 1<<20)
			packed := pack(b, plain, 6)
			var d Decoder
			b.SetBytes(int64(len(plain)))
			for b.Loop() {
				if _, err := d.unpack(packed, len(plain)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
