package lzma2

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/ulikunitz/xz/lzma"
)

// decode reads chunks with a decoder that is not ours.
func decode(t testing.TB, chunks []byte) []byte {
	t.Helper()
	r, err := lzma.Reader2Config{DictCap: MaxPlain}.NewReader2(bytes.NewReader(chunks))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return plain
}

func roundTrip(t testing.TB, e *Encoder, plain []byte) int {
	t.Helper()
	packed, err := e.Encode(nil, plain)
	if err != nil {
		t.Fatal(err)
	}
	if got := decode(t, packed); !bytes.Equal(got, plain) {
		t.Fatalf("%d bytes came back as %d others", len(plain), len(got))
	}
	return len(packed)
}

func noise(seed uint64, n int) []byte {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)})
	r.Read(b)
	return b
}

func text(seed uint64, n int) []byte {
	r := rand.New(rand.NewPCG(seed, 1))
	var b bytes.Buffer
	for b.Len() < n {
		fmt.Fprintf(&b, "%s.%d = new %s(%d);\n", words[r.IntN(len(words))], r.IntN(50), words[r.IntN(len(words))], r.IntN(9999))
	}
	return b.Bytes()[:n]
}

var words = []string{"gateway", "handler", "token", "session", "registry", "synapse", "transport", "mediator"}

// mixed goes through every kind of chunk: packed, raw, packed after raw, and
// matches that reach back over them.
func mixed(n int) []byte {
	var b []byte
	for i := uint64(0); len(b) < n; i++ {
		b = append(b, text(i, 90_000)...)
		b = append(b, noise(i%3, 150_000)...)
		b = append(b, make([]byte, 5_000)...)
	}
	return b[:n]
}

// both runs a test with each parser.
func both(t *testing.T, f func(t *testing.T, quick bool)) {
	for _, quick := range []bool{false, true} {
		t.Run(fmt.Sprintf("quick=%v", quick), func(t *testing.T) { t.Parallel(); f(t, quick) })
	}
}

func TestRoundTrip(t *testing.T) {
	inputs := map[string][]byte{
		"nothing": nil, "one": {7}, "two": {7, 7}, "three": {1, 2, 3}, "run": bytes.Repeat([]byte{0}, 3<<20),
		"period": bytes.Repeat([]byte("abc"), 1<<18), "noise": noise(1, 1<<20), "text": text(1, 3<<20), "mixed": mixed(2 << 20),
		"noise first": append(noise(4, 70_000), text(4, 70_000)...), "twice": bytes.Repeat(noise(5, 400_000), 3),
	}
	both(t, func(t *testing.T, quick bool) {
		e := Encoder{Quick: quick} // one for all: nothing may stay behind from input to input
		for name, plain := range inputs {
			t.Run(name, func(t *testing.T) { roundTrip(t, &e, plain) })
		}
		for n := range 300 {
			roundTrip(t, &e, text(uint64(n), n))
			roundTrip(t, &e, bytes.Repeat([]byte{byte(n)}, n))
		}
	})
}

// TestBothInTurn: the encoder changes its parser from input to input.
func TestBothInTurn(t *testing.T) {
	var e Encoder
	plain := text(1, 100_000)
	thorough := roundTrip(t, &e, plain)
	e.Quick = true
	quick := roundTrip(t, &e, plain)
	e.Quick = false
	if again := roundTrip(t, &e, plain); thorough >= quick || again != thorough {
		t.Errorf("%d bytes, quickly %d, then %d", thorough, quick, again)
	}
}

func TestLargestInput(t *testing.T) {
	plain := bytes.Repeat(mixed(1<<20), MaxPlain>>20)
	both(t, func(t *testing.T, quick bool) {
		if n := roundTrip(t, &Encoder{Quick: quick}, plain); n > len(plain)*4/5 {
			t.Errorf("%d bytes packed to %d", len(plain), n)
		}
	})
	if _, err := (&Encoder{}).Encode(nil, make([]byte, MaxPlain+1)); err == nil {
		t.Error("an input over the limit was taken")
	}
}

// TestRatio holds the parsers to what they are for: no worse than ulikunitz's,
// and the thorough one clearly better.
func TestRatio(t *testing.T) {
	plain := text(9, 1<<20)
	var other bytes.Buffer
	w, err := lzma.Writer2Config{DictCap: 8 << 20}.NewWriter2(&other)
	if err != nil {
		t.Fatal(err)
	}
	w.Write(plain)
	w.Close()
	quick, thorough := roundTrip(t, &Encoder{Quick: true}, plain), roundTrip(t, &Encoder{}, plain)
	if quick > other.Len() || thorough > quick*95/100 {
		t.Errorf("%d bytes, quickly %d, ulikunitz's encoder %d", thorough, quick, other.Len())
	}
	both(t, func(t *testing.T, quick bool) {
		if n := roundTrip(t, &Encoder{Quick: quick}, noise(1, 1<<20)); n > 1<<20+100 {
			t.Errorf("1 MiB of noise grew to %d bytes", n)
		}
	})
}

// TestFarMatches: what stood 9 MB before is found again.
func TestFarMatches(t *testing.T) {
	part := text(11, 1<<20)
	plain := append(append(bytes.Clone(part), bytes.Repeat([]byte("between"), 9<<20/7)...), part...)
	var e Encoder
	once, twice := roundTrip(t, &e, part), roundTrip(t, &e, plain)
	if twice-once > 9000 {
		t.Errorf("1 MiB that stood there before takes %d bytes", twice-once)
	}
}

// TestSameBytes: an encoder that was used before gives what a new one gives.
func TestSameBytes(t *testing.T) {
	both(t, func(t *testing.T, quick bool) {
		used := Encoder{Quick: quick}
		used.Encode(nil, mixed(1<<20))
		plain := text(3, 1<<19)
		first, _ := used.Encode(nil, plain)
		second, _ := (&Encoder{Quick: quick}).Encode(nil, plain)
		if !bytes.Equal(first, second) {
			t.Error("the output depends on what was encoded before")
		}
	})
}

func FuzzEncode(f *testing.F) {
	for _, quick := range []bool{false, true} {
		f.Add([]byte(nil), 1, quick)
		f.Add(text(1, 5000), 3, quick)
		f.Add(mixed(200_000)[89_000:91_000], 70, quick)
	}
	f.Fuzz(func(t *testing.T, plain []byte, times int, quick bool) {
		if times = times & 0x3F; times*len(plain) > 1<<18 {
			times = 1
		}
		roundTrip(t, &Encoder{Quick: quick}, bytes.Repeat(plain, max(times, 1)))
	})
}

func BenchmarkEncode(b *testing.B) {
	for name, plain := range map[string][]byte{"text": text(1, 4<<20), "noise": noise(1, 4<<20), "mixed": mixed(4 << 20)} {
		for _, quick := range []bool{false, true} {
			b.Run(fmt.Sprintf("%s/quick=%v", name, quick), func(b *testing.B) {
				e := Encoder{Quick: quick}
				b.SetBytes(int64(len(plain)))
				n := 0
				for b.Loop() {
					out, err := e.Encode(nil, plain)
					if err != nil {
						b.Fatal(err)
					}
					n = len(out)
				}
				b.ReportMetric(float64(len(plain))/float64(n), "ratio")
			})
		}
	}
}
