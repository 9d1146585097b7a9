package delta

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"slices"
	"testing"
	"testing/iotest"
)

func written(t testing.TB, d *Delta) []byte {
	t.Helper()
	var b bytes.Buffer
	n, err := d.WriteTo(&b)
	if err != nil || n != int64(b.Len()) || n != d.Length() {
		t.Fatal(n, b.Len(), d.Length(), err)
	}
	return b.Bytes()
}

// TestEntry: what was written applies, and is written the same again.
func TestEntry(t *testing.T) {
	old := append(text(1, 3<<20), noise(1, 1000)...)
	for name, new := range map[string][]byte{"small": text(1, 5000), "several segments": noise(2, 9<<20), "empty": nil} {
		d := make1(t, new, [][]byte{old})
		p := written(t, d)
		r, err := NewReader(iotest.HalfReader(bytes.NewReader(p)))
		if err != nil {
			t.Fatal(err)
		}
		var got bytes.Buffer
		if err := r.Apply(&got, readers([][]byte{old})); err != nil || !bytes.Equal(got.Bytes(), new) {
			t.Errorf("%s: %v", name, err)
		}
		r, _ = NewReader(bytes.NewReader(p))
		again := &Delta{Recipe: r.Recipe}
		for s, err := r.Next(); err == nil; s, err = r.Next() {
			again.Segments = append(again.Segments, s)
		}
		if !bytes.Equal(written(t, again), p) {
			t.Errorf("%s: read and written it differs", name)
		}
	}
}

// TestEntryRefused: cut anywhere, longer, or with lengths that lie, it is an error.
func TestEntryRefused(t *testing.T) {
	old, new := [][]byte{jar(t, 1, 12)}, jar(t, 2, 12)
	d := make1(t, new, old)
	p := written(t, d)
	apply := func(p []byte) error {
		r, err := NewReader(bytes.NewReader(p))
		if err != nil {
			return err
		}
		return r.Apply(io.Discard, readers(old))
	}
	if err := apply(p); err != nil {
		t.Fatal(err)
	}
	for n := range p {
		if apply(p[:n]) == nil {
			t.Fatalf("cut at %d it passes", n)
		}
	}
	at := len(d.Recipe.Marshal())
	for name, bad := range map[string][]byte{
		"longer": append(slices.Clone(p), 0), "an empty segment behind": append(slices.Clone(p), 0, 0, 0, 0),
		"a length not shortest": slices.Concat(p[:at], []byte{p[at] | 0x80, p[at+1] | 0x80, 0}, p[at+2:]),
		"a vast length":         slices.Concat(p[:at], []byte{0xFF, 0xFF, 0xFF, 0x7F}, p[at:]), "an endless length": slices.Concat(p[:at], bytes.Repeat([]byte{0xFF}, 20)),
	} {
		if apply(bad) == nil {
			t.Errorf("%s passed", name)
		}
	}
	broken := errors.New("broken")
	if _, err := NewReader(iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Error(err)
	}
	r, err := NewReader(io.MultiReader(bytes.NewReader(p[:at+10]), bytes.NewReader(make([]byte, MaxRecipe)), iotest.ErrReader(broken)))
	if err == nil && r.Apply(io.Discard, readers(old)) == nil {
		t.Error("a reader that breaks passed")
	}
}

// FuzzEntry: no bytes make reading and applying panic, or write beyond the
// stated size.
func FuzzEntry(f *testing.F) {
	base := jar(f, 1, 12)
	for _, p := range pairs(f) {
		if len(p.new) > 30000 {
			continue
		}
		if d, err := Make(blob(p.new), []Blob{blob(base)}, Options{}); err == nil && d.Size() < 8000 {
			f.Add(written(f, d))
		}
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		r, err := NewReader(bytes.NewReader(p))
		if err != nil || r.Result.Size > 1<<16 || len(r.Bases) > 1 {
			return
		}
		for i := range r.Bases {
			r.Bases[i].Size = int64(len(base))
		}
		sum := sha256.New()
		got := &sink{w: sum, left: r.Result.Size}
		err = r.Apply(got, readers([][]byte{base})[:len(r.Bases)])
		if err == nil && [32]byte(sum.Sum(nil)) != r.Result.SHA256 {
			t.Fatal("another result passed")
		}
	})
}
