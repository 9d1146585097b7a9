package match

import (
	"fmt"
	"testing"
)

func BenchmarkSketch(b *testing.B) {
	p := noise(1, 4<<20)
	b.SetBytes(int64(len(p)))
	for b.Loop() {
		Of(p)
	}
}

// BenchmarkBases matches 1000 new files with 10 000 old ones.
func BenchmarkBases(b *testing.B) {
	var old, new []File
	for i := range 10_000 {
		f := file(fmt.Sprintf("module-%d/lib/part-%d-1.0.%d.jar", i/100, i, i%7), byte(i), noise(uint64(i), 2000))
		f.Digest[1] = byte(i >> 8)
		if old = append(old, f); i%10 == 0 {
			f.Path, f.Digest[2] = fmt.Sprintf("module-%d/lib/part-%d-1.1.0.jar", i/100, i), 1
			new = append(new, f)
		}
	}
	for b.Loop() {
		Bases(new, old, 4)
	}
}
