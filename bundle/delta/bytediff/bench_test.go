package bytediff

import (
	"bytes"
	"io"
	"math/rand/v2"
	"slices"
	"testing"

	"packlift/bundle/delta/streams"
)

// versions are 4 MiB of short pieces that repeat, and the same with an edit
// about every 2000 bytes.
func versions() (new, old []byte) {
	r := rand.New(rand.NewPCG(8, 8))
	words := noise(8, 1<<16)
	for len(old) < 4<<20 {
		at := r.IntN(len(words) - 64)
		old = append(old, words[at:at+8+r.IntN(56)]...)
	}
	new = slices.Clone(old)
	for at := 0; at < len(new); at += 1 + r.IntN(4000) {
		new[at]++
	}
	return slices.Concat(new[1<<20:], new[:1<<20]), old
}

func BenchmarkSortSuffixes(b *testing.B) {
	_, old := versions()
	sa := make([]int32, len(old))
	b.SetBytes(int64(len(old)))
	for b.Loop() {
		sortSuffixes(old, sa)
	}
}

func benchMake(b *testing.B, size int, f func(w *streams.Writer) error) {
	b.SetBytes(int64(size))
	n := 0
	for b.Loop() {
		n = 0
		for _, s := range make1(b, f) {
			n += s.Size()
		}
	}
	b.ReportMetric(float64(n), "delta-bytes")
}

func BenchmarkMake(b *testing.B) {
	new, old := versions()
	var m Maker
	benchMake(b, len(new), func(w *streams.Writer) error { return m.Make(w, new, old) })
}

// BenchmarkMakeLarge has not the memory to sort the old content's suffixes.
func BenchmarkMakeLarge(b *testing.B) {
	new, old := versions()
	var m Maker
	benchMake(b, len(new), func(w *streams.Writer) error {
		return m.MakeAt(w, bytes.NewReader(new), int64(len(new)), bytes.NewReader(old), int64(len(old)), 4<<20)
	})
}

func BenchmarkMakeCode(b *testing.B) {
	old, new := program(62, 8000, 4000, 0), program(62, 8000, 4000, 64)
	var m Maker
	benchMake(b, len(new), func(w *streams.Writer) error { return m.MakeCode(new, old).Write(w) })
}

func BenchmarkApply(b *testing.B) {
	new, old := versions()
	var m Maker
	s := make1(b, func(w *streams.Writer) error { return m.Make(w, new, old) })
	var a Applier
	b.SetBytes(int64(len(new)))
	for b.Loop() {
		if err := a.Apply(io.Discard, reader(s), int64(len(new)), bytes.NewReader(old), int64(len(old))); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkApplyCode(b *testing.B) {
	old, new := program(62, 8000, 4000, 0), program(62, 8000, 4000, 64)
	s := make1(b, (&Maker{}).MakeCode(new, old).Write)
	var a Applier
	b.SetBytes(int64(len(new)))
	for b.Loop() {
		r := reader(s)
		if err := r.Mark(); err != nil {
			b.Fatal(err)
		}
		if err := a.ApplyCode(io.Discard, r, int64(len(new)), bytes.NewReader(old), int64(len(old))); err != nil {
			b.Fatal(err)
		}
	}
}
