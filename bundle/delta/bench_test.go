package delta

import (
	"io"
	"testing"
)

func benchJars(b testing.TB) (new []byte, old [][]byte) {
	return jar(b, 2, 600), [][]byte{jar(b, 1, 600)}
}

// BenchmarkMake tells one jar from another, and proves it.
func BenchmarkMake(b *testing.B) {
	new, old := benchJars(b)
	b.SetBytes(int64(len(new)))
	for b.Loop() {
		b.ReportMetric(float64(make1(b, new, old).Size()), "delta-bytes")
	}
}

func BenchmarkApply(b *testing.B) {
	new, old := benchJars(b)
	d := make1(b, new, old)
	b.SetBytes(int64(len(new)))
	for b.Loop() {
		if err := d.Apply(io.Discard, readers(old)); err != nil {
			b.Fatal(err)
		}
	}
}
