package delta

import (
	"bytes"
	"io"
	"testing"

	"packlift/bundle/delta/streams"
)

// FuzzRecipe: what is accepted is its own spelling.
func FuzzRecipe(f *testing.F) {
	f.Add(Recipe{}.Marshal())
	f.Add(Recipe{Content{7, [32]byte{1}}, []Content{{1 << 40, [32]byte{2}}, {300, [32]byte{3}}}}.Marshal())
	f.Fuzz(func(t *testing.T, p []byte) {
		r, n, err := ParseRecipe(p)
		if err != nil {
			return
		}
		if !bytes.Equal(r.Marshal(), p[:n]) || len(r.Bases) > MaxBases || n > MaxRecipe {
			t.Fatalf("%x is not its own spelling", p[:n])
		}
	})
}

// FuzzApply: no delta makes Apply panic, write more than the stated size, or
// accept another result.
func FuzzApply(f *testing.F) {
	base := jar(f, 1, 12)
	for _, p := range pairs(f) {
		if len(p.new) > 30000 {
			continue
		}
		d, err := Make(blob(p.new), []Blob{blob(base)}, Options{})
		if err != nil || len(d.Segments) != 1 || d.Size() > 8000 {
			continue
		}
		s := d.Segments[0]
		f.Add(s[0], s[1], s[2], s[3], uint32(len(p.new)))
	}
	f.Fuzz(func(t *testing.T, a, b, c, d []byte, size uint32) {
		if size > 1<<16 {
			return
		}
		x := Delta{Recipe{Result: Content{Size: int64(size)}, Bases: []Content{{Size: int64(len(base))}}}, []streams.Segment{{a, b, c, d}}}
		got := &sink{w: io.Discard, left: int64(size)}
		if x.Apply(got, []io.ReaderAt{bytes.NewReader(base)}) == nil {
			t.Fatal("a result without a digest passed")
		}
	})
}

// FuzzMake: any two contents, as they are and as entries.
func FuzzMake(f *testing.F) {
	for _, p := range pairs(f) {
		if len(p.old) == 1 && len(p.new)+len(p.old[0]) < 8000 {
			f.Add(p.new, p.old[0])
		}
	}
	f.Fuzz(func(t *testing.T, new, old []byte) {
		if len(new) == 0 || len(old) == 0 {
			return
		}
		check(t, make1(t, new, [][]byte{old}), new, [][]byte{old})
	})
}
