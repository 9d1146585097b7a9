package verify

import (
	"bytes"
	"context"
	"io"
	"slices"
	"sync"
	"testing"

	"packlift/bundle"
	"packlift/internal/fault"
)

// watched keeps which bytes were read, and whether any were after it was shut.
type watched struct {
	r    io.ReaderAt
	mu   sync.Mutex
	read [][2]int64
	shut bool
	late bool
}

func (w *watched) ReadAt(p []byte, off int64) (int, error) {
	w.mu.Lock()
	w.read = append(w.read, [2]int64{off, off + int64(len(p))})
	w.late = w.late || w.shut
	w.mu.Unlock()
	return w.r.ReadAt(p, off)
}

// in is how many bytes of m were read.
func (w *watched) in(m bundle.Member) (n int64) {
	for _, r := range w.read {
		n += max(0, min(r[1], m.Offset+m.Size)-max(r[0], m.Offset))
	}
	return n
}

// Of a bundle that nobody trusted signed, parts of more than one piece are not
// read, and nothing is once Open has returned.
func TestReadBeforeTrust(t *testing.T) {
	b := bigBundle()
	l, err := bundle.ReadLayout(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		w := &watched{r: bytes.NewReader(b)}
		_, _, err := Open(context.Background(), w, int64(len(b)), Options{Trust: anyOne("bob").parse(t)})
		w.mu.Lock()
		w.shut = true
		w.mu.Unlock()
		if fault.ClassOf(err) != fault.Untrusted {
			t.Fatal(err)
		}
		for _, m := range l.Members {
			if n := w.in(m); slices.Contains(bundle.PartNames[:], m.Name) && m.Size > bundle.PieceSize && n > 0 {
				t.Errorf("%d bytes of %s are read", n, m.Name)
			}
		}
		if w.late {
			t.Error("bytes are read after Open")
		}
	}
}

// Each byte of a good bundle's parts is read once.
func TestPartsAreReadOnce(t *testing.T) {
	b := bigBundle()
	w := &watched{r: bytes.NewReader(b)}
	var told int64
	_, _, err := Open(context.Background(), w, int64(len(b)), Options{Trust: anyOne("alice").parse(t), Progress: func(n int64) { told += n }})
	if err != nil {
		t.Fatal(err)
	}
	l, err := bundle.ReadLayout(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	var parts int64
	for _, m := range l.Members {
		if slices.Contains(bundle.PartNames[:], m.Name) {
			parts += m.Size
			if n := w.in(m); n != m.Size {
				t.Errorf("%d of %d bytes of %s are read", n, m.Size, m.Name)
			}
		}
	}
	if told != parts {
		t.Errorf("progress tells of %d bytes, the parts have %d", told, parts)
	}
}
