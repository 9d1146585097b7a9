package deflate

import (
	"fmt"
	"io"
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
