package deflate

import (
	"fmt"
	"io"
	"slices"
	"testing"
)

func BenchmarkWriter(b *testing.B) {
	for _, level := range []int{1, 6, 9} {
		for kind, name := range map[int]string{2: "text", 3: "mixed"} {
			b.Run(fmt.Sprintf("%s/level=%d", name, level), func(b *testing.B) {
				plain := sample(kind, 1<<20)
				w, err := NewWriter(io.Discard, Params{level, 8})
				if err != nil {
					b.Fatal(err)
				}
				b.SetBytes(int64(len(plain)))
				for b.Loop() {
					w.Write(plain)
					if err := w.Close(); err != nil {
						b.Fatal(err)
					}
					if err := w.Reset(io.Discard, Params{level, 8}); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// BenchmarkPack packs one content of 2 MB.
func BenchmarkPack(b *testing.B) {
	for _, cores := range []int{1, 2} {
		for kind, name := range map[int]string{2: "text", 3: "mixed"} {
			b.Run(fmt.Sprintf("%s/cores=%d", name, cores), func(b *testing.B) {
				plain := sample(kind, 2<<20)
				w, err := NewWriter(io.Discard, Params{6, 8})
				if err != nil {
					b.Fatal(err)
				}
				others := newCores(b, cores-1)
				b.SetBytes(int64(len(plain)))
				for b.Loop() {
					if err := w.Reset(io.Discard, Params{6, 8}); err != nil {
						b.Fatal(err)
					}
					if err := w.Pack(plain, others.lend); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// BenchmarkSmall packs contents of 3 kB, as classes are.
func BenchmarkSmall(b *testing.B) {
	plain := sample(2, 300<<10)
	w, err := NewWriter(io.Discard, Params{6, 8})
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(plain)))
	for b.Loop() {
		for p := range slices.Chunk(plain, 3<<10) {
			if err := w.Reset(io.Discard, Params{6, 8}); err != nil {
				b.Fatal(err)
			}
			if err := w.Pack(p, nil); err != nil {
				b.Fatal(err)
			}
		}
	}
}
