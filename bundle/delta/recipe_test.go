package delta

import (
	"bytes"
	"slices"
	"testing"
)

// TestRecipe: every part comes back, and nothing but the one spelling passes.
func TestRecipe(t *testing.T) {
	want := Recipe{Content{5, [32]byte{1}}, []Content{{300, [32]byte{2}}, {1 << 40, [32]byte{3}}}}
	p := want.Marshal()
	got, n, err := ParseRecipe(append(slices.Clone(p), "more"...))
	if err != nil || n != len(p) || got.Result != want.Result || !slices.Equal(got.Bases, want.Bases) {
		t.Fatal(got, n, err)
	}
	for i := range p {
		if _, _, err := ParseRecipe(p[:i]); err == nil {
			t.Errorf("cut at %d it passes", i)
		}
	}
	many := Recipe{Bases: make([]Content, MaxBases)}
	if _, n, err := ParseRecipe(many.Marshal()); err != nil || n > MaxRecipe {
		t.Error(n, err)
	}
	for name, bad := range map[string][]byte{
		"another version":    append([]byte("PLD\x02"), p[4:]...),
		"size not shortest":  slices.Concat(p[:4], []byte{0x85, 0}, p[5:]),
		"size too large":     slices.Concat(p[:4], []byte{0x81, 0x80, 0x80, 0x80, 0x80, 0x20}, p[5:]),
		"size over 64 bits":  slices.Concat(p[:4], bytes.Repeat([]byte{0xFF}, 10), p[5:]),
		"too many bases":     Recipe{Bases: make([]Content, MaxBases+1)}.Marshal(),
		"count not shortest": slices.Concat(p[:37], []byte{0x82, 0}, p[38:]),
	} {
		if _, _, err := ParseRecipe(bad); err == nil {
			t.Errorf("%s passed", name)
		}
	}
}
