package bytediff

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestSortSuffixes holds the sort against comparing whole suffixes.
func TestSortSuffixes(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	texts := [][]byte{nil, {7}, {0, 0}, []byte("mississippi"), bytes.Repeat([]byte{0}, 100), bytes.Repeat([]byte("ab"), 100), bytes.Repeat([]byte{255, 0}, 50)}
	for range 3000 {
		b := make([]byte, r.IntN(200))
		top := 1 + r.IntN(1<<r.IntN(9))
		for i := range b {
			b[i] = byte(r.IntN(top))
		}
		texts = append(texts, b)
	}
	for _, text := range texts {
		sa, want := make([]int32, len(text)), make([]int32, len(text))
		sortSuffixes(text, sa)
		for i := range want {
			want[i] = int32(i)
		}
		slices.SortFunc(want, func(a, b int32) int { return bytes.Compare(text[a:], text[b:]) })
		if !slices.Equal(sa, want) {
			t.Fatalf("%q: %v, want %v", text, sa, want)
		}
	}
}
