package verify

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"os"
	"testing"

	"packlift/bundle"
	"packlift/internal/fault"
	"packlift/internal/manifest"
)

func TestHasherSizes(t *testing.T) {
	h := newHasher(func(int64) {})
	for _, size := range []int{0, 1, smallBlock - 1, smallBlock, smallBlock + 1, blockSize - 1, blockSize, blockSize + 1, bundle.PieceSize - 1, bundle.PieceSize, bundle.PieceSize + 1, 3*bundle.PieceSize + 7} {
		b := make([]byte, size+10)
		rand.Read(b)
		got, err := pass(context.Background(), h, bytes.NewReader(b), bundle.Member{Name: "x", Offset: 5, Size: int64(size)})
		if err != nil {
			t.Fatal(err)
		}
		body := b[5 : 5+size]
		if got.whole != manifest.Sum(body) {
			t.Errorf("size %d: whole digest is wrong", size)
		}
		var want []manifest.Digest
		for len(body) > 0 {
			n := min(bundle.PieceSize, len(body))
			want = append(want, manifest.Sum(body[:n]))
			body = body[n:]
		}
		if len(want) != len(got.pieces) {
			t.Fatalf("size %d: %d pieces, want %d", size, len(got.pieces), len(want))
		}
		for i := range want {
			if want[i] != got.pieces[i] {
				t.Errorf("size %d: piece %d is wrong", size, i)
			}
		}
	}
}

// pass is the one that Open takes for a part of m's size.
func pass(ctx context.Context, h *hasher, r io.ReaderAt, m bundle.Member) (*hashes, error) {
	if m.Size <= bundle.PieceSize {
		return onePiece(ctx, r, m)
	}
	return h.member(ctx, r, m)
}

func TestHasherFaults(t *testing.T) {
	h := newHasher(func(int64) {})
	for _, size := range []int{3 * blockSize, 3 * bundle.PieceSize} {
		m := bundle.Member{Name: "x", Size: int64(size)}
		if _, err := pass(context.Background(), h, bytes.NewReader(make([]byte, size-1)), m); fault.ClassOf(err) != fault.Truncated {
			t.Errorf("short file: %v", err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if _, err := pass(ctx, h, bytes.NewReader(make([]byte, size)), m); fault.ClassOf(err) != fault.Interrupted {
			t.Errorf("cancelled: %v", err)
		}
		boom := errors.New("stick pulled")
		if _, err := pass(context.Background(), h, failingReader{boom}, m); !errors.Is(err, boom) {
			t.Errorf("read error: %v", err)
		}
		// The buffers are all back: another pass works.
		if _, err := pass(context.Background(), h, bytes.NewReader(make([]byte, size)), m); err != nil {
			t.Error(err)
		}
	}
}

type failingReader struct{ err error }

func (f failingReader) ReadAt([]byte, int64) (int, error) { return 0, f.err }

func BenchmarkHasher(b *testing.B) {
	const size = 1 << 30
	f, err := os.CreateTemp(b.TempDir(), "")
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	if _, err := io.CopyN(f, rand.Reader, size); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(size)
	h := newHasher(func(int64) {})
	for b.Loop() {
		if _, err := h.member(context.Background(), f, bundle.Member{Size: size}); err != nil {
			b.Fatal(err)
		}
	}
}
