package delta

import (
	"bytes"
	"crypto/sha256"
	"io"
	"math/rand/v2"
	"slices"
	"testing"

	"packlift/bundle/delta/streams"
)

func blob(p []byte) Blob {
	return Blob{Content{int64(len(p)), sha256.Sum256(p)}, bytes.NewReader(p)}
}

func readers(old [][]byte) (out []io.ReaderAt) {
	for _, p := range old {
		out = append(out, bytes.NewReader(p))
	}
	return out
}

func blobs(old [][]byte) (out []Blob) {
	for _, p := range old {
		out = append(out, blob(p))
	}
	return out
}

func make1(t testing.TB, new []byte, old [][]byte) *Delta {
	t.Helper()
	d, err := Make(blob(new), blobs(old), Options{})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func check(t testing.TB, d *Delta, new []byte, old [][]byte) {
	t.Helper()
	var got bytes.Buffer
	if err := d.Apply(&got, readers(old)); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), new) {
		t.Fatalf("%d bytes came back as %d others", len(new), got.Len())
	}
}

// TestPairs: every trick rebuilds exactly, and what can be told from its base
// is as short as it should be.
func TestPairs(t *testing.T) {
	for _, p := range pairs(t) {
		t.Run(p.name, func(t *testing.T) {
			d := make1(t, p.new, p.old)
			check(t, d, p.new, p.old)
			if p.most > 0 && d.Size() > p.most {
				t.Errorf("%d bytes, more than %d", d.Size(), p.most)
			}
			if again := make1(t, p.new, p.old); !slices.EqualFunc(again.Segments, d.Segments, func(a, b streams.Segment) bool {
				return slices.EqualFunc(a[:], b[:], bytes.Equal)
			}) {
				t.Error("made twice, it differs")
			}
		})
	}
}

// TestLooksInside: what these pairs save comes from looking into containers.
func TestLooksInside(t *testing.T) {
	old, new := [][]byte{jar(t, 1, 100)}, jar(t, 2, 100)
	deep := make1(t, new, old)
	if form := deep.Segments[0][streams.Control][0]; form != formZip {
		t.Fatalf("form %d", form)
	}
	flat, err := makeOne(Recipe{Result: blob(new).Content, Bases: []Content{blob(old[0]).Content}}, bytes.NewReader(new), readers(old), Options{Memory: DefaultMemory, MaxDelta: 1 << 30}, false)
	if err != nil {
		t.Fatal(err)
	}
	check(t, flat, new, old)
	if flat.Size() < 3*deep.Size() {
		t.Errorf("%d bytes flat, %d deep", flat.Size(), deep.Size())
	}
}

// TestFallsBack: a container that does not come out the same is told plainly.
func TestFallsBack(t *testing.T) {
	for _, p := range pairs(t) {
		switch p.name {
		case "truncated", "overlapping entries", "entry beyond the end", "junk at the end":
			if form := make1(t, p.new, p.old).Segments[0][streams.Control][0]; form != formDiff {
				t.Errorf("%s: form %d", p.name, form)
			}
		}
	}
}

// TestNoGain: a delta over its cap is given up.
func TestNoGain(t *testing.T) {
	if _, err := Make(blob(noise(1, 20<<20)), nil, Options{MaxDelta: 10 << 20}); err != ErrNoGain {
		t.Error(err)
	}
}

// TestWrongBase: another base gives an error, not another result.
func TestWrongBase(t *testing.T) {
	old, new := jar(t, 1, 100), jar(t, 2, 100)
	d := make1(t, new, [][]byte{old})
	for _, at := range []int{40, 1000, len(old) / 2, len(old) - 100} {
		bad := slices.Clone(old)
		for i := range 20 {
			bad[at+i] ^= 0x55
		}
		var got bytes.Buffer
		if err := d.Apply(&got, readers([][]byte{bad})); err == nil && !bytes.Equal(got.Bytes(), new) {
			t.Errorf("at %d: another result passed", at)
		}
	}
	if d.Apply(io.Discard, nil) == nil {
		t.Error("no base passed")
	}
	if d.Apply(io.Discard, readers([][]byte{old[:100]})) == nil {
		t.Error("a short base passed")
	}
}

// says is a Digester that says what it is told to.
type says struct {
	bytes.Buffer
	digest [sha256.Size]byte
	n      int
}

func (s *says) Digest() [sha256.Size]byte { s.n = s.Len(); return s.digest }

// A writer that hashes is asked once it has all, and its word is what counts.
func TestDigester(t *testing.T) {
	old, new := text(1, 300<<10), append(text(1, 300<<10), "and more"...)
	d := make1(t, new, [][]byte{old})
	w := &says{digest: sha256.Sum256(new)}
	if err := d.Apply(w, readers([][]byte{old})); err != nil || !bytes.Equal(w.Bytes(), new) || w.n != len(new) {
		t.Errorf("%v, asked after %d of %d bytes", err, w.n, len(new))
	}
	if err := d.Apply(&says{digest: sha256.Sum256(old)}, readers([][]byte{old})); err == nil {
		t.Error("another digest passes")
	}
}

// TestLies flips bytes of deltas: an error or the right result, never more bytes
// than stated, never a panic.
func TestLies(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 9))
	rounds := 40
	for _, p := range pairs(t) {
		d := make1(t, p.new, p.old)
		for range rounds {
			bad := &Delta{Recipe: d.Recipe}
			for _, s := range d.Segments {
				for k := range s {
					s[k] = slices.Clone(s[k])
				}
				bad.Segments = append(bad.Segments, s)
			}
			for range 1 + r.IntN(3) {
				s := bad.Segments[r.IntN(len(bad.Segments))][r.IntN(streams.Kinds)]
				if len(s) > 0 {
					s[r.IntN(len(s))] = byte(r.IntN(256))
				}
			}
			sum := sha256.New()
			got := &sink{w: sum, left: int64(len(p.new))}
			if err := bad.Apply(got, readers(p.old)); err == nil && [32]byte(sum.Sum(nil)) != d.Result.SHA256 {
				t.Fatalf("%s: a lie passed", p.name)
			}
		}
	}
}

// TestProperty: Apply(Make(x, y)) == x for jars that gain, lose and change entries.
func TestProperty(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 9))
	build := func() []byte {
		var all []member
		for range r.IntN(30) {
			m := member{name: string('a' + rune(r.IntN(20))), level: []int{0, 6, 6, 6, 9, 1, -1}[r.IntN(7)], sized: r.IntN(2) == 0, content: text(r.Uint64()%10, r.IntN(5000))}
			for range r.IntN(3) {
				if len(m.content) > 0 {
					m.content[r.IntN(len(m.content))]++
				}
			}
			all = append(all, m)
		}
		return makeZip(t, "", text(1, r.IntN(3)*10), all...)
	}
	for range 60 {
		new, old := build(), [][]byte{build(), build()}
		for n := range 3 {
			check(t, make1(t, new, old[:n]), new, old[:n])
		}
	}
}
