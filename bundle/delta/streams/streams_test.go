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
