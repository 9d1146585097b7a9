package streams

import (
	"bytes"
	"errors"
	"io"
	"math"
	"testing"
)

// TestRoundTrip writes over several segments and reads the same back.
func TestRoundTrip(t *testing.T) {
	var cut []Segment
	w := Writer{Cut: func(s Segment) error { cut = append(cut, s); return nil }}
	piece := bytes.Repeat([]byte("0123456789"), 100000)
	numbers := []int64{0, 1, -1, 63, 64, -65, math.MaxInt64, math.MinInt64}
	for i := range 40 {
		w.Bytes(Kind(i%Kinds), piece[i:])
		for _, n := range numbers {
			w.Int(Control, n)
			w.Uint(Diff, uint64(n))
		}
		if err := w.Mark(); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil || len(cut) < 4 {
		t.Fatal(len(cut), err)
	}
	i := 0
	r := Reader{Next: func() (Segment, error) {
		if i == len(cut) {
			return Segment{}, io.EOF
		}
		i++
		return cut[i-1], nil
	}}
	for i := range 40 {
		if err := r.Mark(); err != nil {
			t.Fatal(err)
		}
		if p, err := r.Take(Kind(i%Kinds), len(piece)-i); err != nil || !bytes.Equal(p, piece[i:]) {
			t.Fatal(i, err)
		}
		for _, n := range numbers {
			if v, err := r.Int(Control); v != n || err != nil {
				t.Fatal(v, n, err)
			}
			if v, err := r.Uint(Diff); v != uint64(n) || err != nil {
				t.Fatal(v, n, err)
			}
		}
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Uint(Control); !errors.Is(err, ErrShort) {
		t.Fatal(err)
	}
}

// TestRefused lists what a Reader does not take.
func TestRefused(t *testing.T) {
	read := func(p ...byte) *Reader { return &Reader{Segment: Segment{Control: p}} }
	for name, r := range map[string]*Reader{
		"empty": read(), "cut": read(0x80), "not shortest": read(0x80, 0), "zero in three": read(0x80, 0x80, 0),
		"too large": read(0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 2), "eleven bytes": read(bytes.Repeat([]byte{0x80}, 11)...),
	} {
		if _, err := r.Uint(Control); err == nil {
			t.Errorf("%s passed", name)
		}
	}
	if _, err := read(7).Upto(Control, 6); err == nil {
		t.Error("7 passed as 6")
	}
	if _, err := read(7).Take(Control, 2); err == nil {
		t.Error("two of one byte passed")
	}
	if _, err := read(7).Take(Control, -1); err == nil {
		t.Error("a negative length passed")
	}
	if err := read(7).Close(); !errors.Is(err, ErrLeft) {
		t.Error(err)
	}
	huge := Reader{Next: func() (Segment, error) { return Segment{make([]byte, MaxSegment+1)}, nil }}
	if huge.Mark() == nil {
		t.Error("a huge segment passed")
	}
	none := Reader{Next: func() (Segment, error) { return Segment{}, nil }}
	if none.Mark() == nil {
		t.Error("an empty segment passed")
	}
}

// TestTooMuch: the writer refuses what no reader would take.
func TestTooMuch(t *testing.T) {
	w := Writer{Cut: func(Segment) error { return nil }}
	w.Bytes(Extra, make([]byte, MaxSegment+1))
	if w.Mark() == nil || w.Close() == nil {
		t.Error("passed")
	}
}

// FuzzReader: no bytes make a Reader give what a Writer would not have written,
// or more than is there. ops says what is read: of each byte the kind, then
// how. What came is written again and has to be the same bytes, cut at the same
// places.
func FuzzReader(f *testing.F) {
	f.Add([]byte{1, 2, 0x80, 1}, []byte("abc"), []byte{0}, []byte("extra"), []byte{0, 4, 0, 1, 8, 29, 3})
	f.Add([]byte{0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1}, []byte{}, []byte{0x80, 0}, []byte{7}, []byte{4, 0, 2, 31, 28})
	f.Fuzz(func(t *testing.T, a, b, c, d, ops []byte) {
		segments := []Segment{{a, b, c, d}, {d, c, b, a}}
		n := 0
		r := Reader{Next: func() (Segment, error) {
			if n == len(segments) {
				return Segment{}, io.EOF
			}
			n++
			return segments[n-1], nil
		}}
		var again Segment
		err := r.Mark()
		for _, op := range ops {
			if err != nil {
				break
			}
			err = readAgain(t, &r, &again, op)
		}
		for k := range Kinds {
			read := again[k]
			for _, s := range segments[:n] {
				read = read[min(len(read), len(s[k])):]
			}
			all := bytes.Join([][]byte{a, d, b, c, c, b, d, a}[2*k:2*k+2], nil)
			if len(read) > 0 || !bytes.HasPrefix(all, again[k]) {
				t.Fatalf("kind %d: %x of %x", k, again[k], all)
			}
		}
	})
}

// readAgain reads what op says, and adds to again how a Writer would spell it.
func readAgain(t *testing.T, r *Reader, again *Segment, op byte) error {
	k := Kind(op % Kinds)
	w := Writer{Segment: *again}
	defer func() { *again = w.Segment }()
	switch how := int(op / Kinds); how {
	case 0:
		v, err := r.Uint(k)
		if err == nil {
			w.Uint(k, v)
		}
		return err
	case 1:
		v, err := r.Int(k)
		if err == nil {
			w.Int(k, v)
		}
		return err
	case 2:
		v, err := r.Upto(k, 100)
		if v < 0 || v > 100 {
			t.Fatalf("%d is more than 100", v)
		}
		if err == nil {
			w.Uint(k, uint64(v))
		}
		return err
	case 3:
		return r.Mark()
	default:
		p, err := r.Take(k, how-5)
		if err == nil && len(p) != how-5 {
			t.Fatalf("%d bytes for %d", len(p), how-5)
		}
		w.Bytes(k, p)
		return err
	}
}
