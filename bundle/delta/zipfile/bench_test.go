package zipfile

import (
	"bytes"
	"testing"

	"packlift/bundle/delta/deflate"
)

func BenchmarkParse(b *testing.B) {
	p := sample(b, 5000)
	for b.Loop() {
		a, err := Parse(bytes.NewReader(p), int64(len(p)))
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(len(a.Entries)), "entries")
	}
}

// BenchmarkRebuild writes the frames of 5000 entries by column and reads them again.
func BenchmarkRebuild(b *testing.B) {
	p := sample(b, 5000)
	for b.Loop() {
		a, err := Parse(bytes.NewReader(p), int64(len(p)))
		if err != nil {
			b.Fatal(err)
		}
		if !bytes.Equal(rebuild(b, p, a, nil), p) {
			b.Fatal("not the same bytes")
		}
	}
}

// BenchmarkFind looks for the settings of an entry: the first that is tried, and the last.
func BenchmarkFind(b *testing.B) {
	plain := bytes.Repeat([]byte("some text that packs, and some that does not: 1 2 3 4\n"), 2000)
	for i := range plain {
		plain[i] += byte(i / 997)
	}
	for name, p := range map[string]deflate.Params{"first": Setting(0), "last": Setting(len(settings) - 1)} {
		b.Run(name, func(b *testing.B) {
			var packed bytes.Buffer
			w, err := deflate.NewWriter(&packed, p)
			if err != nil {
				b.Fatal(err)
			}
			w.Write(plain)
			if err := w.Close(); err != nil {
				b.Fatal(err)
			}
			var k Packer
			n, ok := 0, false
			b.SetBytes(int64(len(plain)))
			for b.Loop() {
				if n, ok = k.Find(plain, packed.Bytes(), n); !ok {
					b.Fatal("not found")
				}
			}
		})
	}
}
