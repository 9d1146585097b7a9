package bundle

import (
	"bytes"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"packlift/internal/fault"
	"packlift/internal/manifest"
)

// counted counts the bytes read of a file that may change meanwhile.
type counted struct {
	b []byte
	n atomic.Int64
}

func (c *counted) ReadAt(p []byte, off int64) (int, error) {
	n, err := bytes.NewReader(c.b).ReadAt(p, off)
	c.n.Add(int64(n))
	return n, err
}

// largeMember is a member of two and a half pieces behind 1000 other bytes.
func largeMember() (*counted, Member, []manifest.Digest) {
	r := rand.NewChaCha8([32]byte{1})
	b := make([]byte, 1000+PieceSize*5/2)
	r.Read(b)
	var pieces []manifest.Digest
	for rest := b[1000:]; len(rest) > 0; {
		n := min(len(rest), PieceSize)
		pieces = append(pieces, manifest.Sum(rest[:n]))
		rest = rest[n:]
	}
	return &counted{b: b}, Member{"payload.tar.xz.age", 1000, int64(len(b) - 1000)}, pieces
}

func TestPieceReader(t *testing.T) {
	file, m, pieces := largeMember()
	p, err := newPieceReader(file, m, pieces, 2)
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(io.NewSectionReader(p, 0, m.Size))
	if err != nil || !bytes.Equal(got, file.b[1000:]) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	if n := file.n.Load(); n != m.Size {
		t.Errorf("read %d bytes of %d: pieces are read more than once, or not whole", n, m.Size)
	}
	b := make([]byte, 100)
	if n, err := p.ReadAt(b, m.Size-10); n != 10 || err != io.EOF {
		t.Errorf("at the end: %d, %v", n, err)
	}
	if n, err := p.ReadAt(b, m.Size); n != 0 || err != io.EOF {
		t.Errorf("after the end: %d, %v", n, err)
	}
	if _, err := p.ReadAt(b, -1); err == nil {
		t.Error("before the start")
	}
	if _, err := newPieceReader(file, m, pieces[1:], 2); err == nil {
		t.Error("a digest is missing")
	}
}

func TestPieceReaderConcurrent(t *testing.T) {
	file, m, pieces := largeMember()
	p, err := newPieceReader(file, m, pieces, 2)
	if err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	for seed := range uint64(8) {
		wait.Go(func() {
			r := rand.New(rand.NewPCG(seed, 1))
			b := make([]byte, 70000)
			for range 100 {
				off := r.Int64N(m.Size)
				n, err := p.ReadAt(b, off)
				if err != nil && err != io.EOF || !bytes.Equal(b[:n], file.b[1000+off:][:n]) {
					t.Errorf("at %d: %d bytes, %v", off, n, err)
					return
				}
			}
		})
	}
	wait.Wait()
	if len(p.slots) > 2 {
		t.Errorf("%d pieces are kept, the most is 2", len(p.slots))
	}
}

// TestPieceReaderSwapped changes the file between reads: a piece in memory
// stays what it was, one that is read again is refused and named.
func TestPieceReaderSwapped(t *testing.T) {
	file, m, pieces := largeMember()
	p, err := newPieceReader(file, m, pieces, 1)
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 10)
	first := bytes.Clone(file.b[1000:1010])
	p.ReadAt(b, 0)
	file.b[1005] ^= 1
	if _, err := p.ReadAt(b, 0); err != nil || !bytes.Equal(b, first) {
		t.Errorf("verified bytes in memory changed: %v", err)
	}
	p.ReadAt(b, PieceSize) // drives piece 0 out
	for range 2 {
		_, err = p.ReadAt(b, 100)
		if LayerOf(err) != LayerDigest || fault.ClassOf(err) != fault.Tampered || !strings.Contains(err.Error(), "piece 0") {
			t.Errorf("swapped piece: %v", err)
		}
	}
	file.b[1005] ^= 1
	if _, err := p.ReadAt(b, 0); err != nil || !bytes.Equal(b, first) {
		t.Errorf("once it is right again: %v", err)
	}
	file.b = file.b[:1000+PieceSize+5]
	if _, err := p.ReadAt(b, PieceSize); err != nil {
		if fault.ClassOf(err) != fault.Truncated {
			t.Errorf("cut file: %v", err)
		}
	} else {
		t.Error("a piece that is cut was given")
	}
}
