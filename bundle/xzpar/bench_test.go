package xzpar

import (
	"bytes"
	"context"
	"io"
	"testing"

	"github.com/ulikunitz/xz"
)

func benchWrite(b *testing.B, plain []byte, jobs int) {
	b.SetBytes(int64(len(plain)))
	var n int64
	for b.Loop() {
		w := NewWriter(io.Discard, WriterOptions{Jobs: jobs})
		w.Write(plain)
		if err := w.Close(); err != nil {
			b.Fatal(err)
		}
		n, _ = w.Sizes()
	}
	b.ReportMetric(float64(len(plain))/float64(n), "ratio")
}

func BenchmarkWriteText(b *testing.B)  { benchWrite(b, text(1, 8<<20), 1) }
func BenchmarkWriteNoise(b *testing.B) { benchWrite(b, noise(1, 4<<20), 1) }
func BenchmarkWriteAllCores(b *testing.B) {
	benchWrite(b, text(1, 32<<20), 0)
}

func benchRead(b *testing.B, plain []byte, open func(packed []byte, table []Stream) io.Reader) {
	packed, table := write(b, plain, 0)
	b.SetBytes(int64(len(plain)))
	for b.Loop() {
		if _, err := io.Copy(io.Discard, open(packed, table)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReadText(b *testing.B) {
	benchRead(b, text(1, 8<<20), func(p []byte, _ []Stream) io.Reader { return NewSequential(context.Background(), bytes.NewReader(p)) })
}

func BenchmarkReadNoise(b *testing.B) {
	benchRead(b, noise(1, 1<<20), func(p []byte, _ []Stream) io.Reader { return NewSequential(context.Background(), bytes.NewReader(p)) })
}

func BenchmarkReadUlikunitz(b *testing.B) {
	benchRead(b, text(1, 8<<20), func(p []byte, _ []Stream) io.Reader {
		r, err := xz.NewReader(bytes.NewReader(p))
		if err != nil {
			b.Fatal(err)
		}
		return r
	})
}

func BenchmarkReadAllCores(b *testing.B) {
	plain := text(1, 40<<20)
	benchRead(b, plain, func(p []byte, table []Stream) io.Reader {
		r, err := NewReader(bytes.NewReader(p), int64(len(p)), table, int64(len(plain)), ReaderOptions{})
		if err != nil {
			b.Fatal(err)
		}
		return r
	})
}
