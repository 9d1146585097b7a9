package delta

import (
	"bytes"
	"errors"
	"testing"
)

// failsAt takes so many bytes and then none.
type failsAt struct {
	bytes.Buffer
	left int
}

var errFull = errors.New("full")

func (f *failsAt) Write(p []byte) (int, error) {
	if f.left -= len(p); f.left < 0 {
		return 0, errFull
	}
	return f.Buffer.Write(p)
}

func TestBehind(t *testing.T) {
	for _, size := range []int{0, 1, behindSize - 1, behindSize, behindSize + 1, 7*behindSize + 5, 8 * behindSize} {
		for _, part := range []int{1000, behindSize, 3*behindSize + 1} {
			want := make([]byte, size)
			for i := range want {
				want[i] = byte(i * i >> 9)
			}
			var out bytes.Buffer
			b := newBehind(&out)
			for rest := want; len(rest) > 0; {
				n := min(part, len(rest))
				if got, err := b.Write(rest[:n]); got != n || err != nil {
					t.Fatalf("%d bytes: wrote %d of %d: %v", size, got, n, err)
				}
				rest = rest[n:]
			}
			if err := b.Close(); err != nil || !bytes.Equal(out.Bytes(), want) {
				t.Errorf("%d bytes in parts of %d: %d came, %v", size, part, out.Len(), err)
			}
		}
	}
}

// TestBehindFails: the first error ends it, wherever it comes, and nothing is written after it.
func TestBehindFails(t *testing.T) {
	for _, left := range []int{0, behindSize, 3 * behindSize, 9*behindSize + 1} {
		f := &failsAt{left: left}
		b := newBehind(f)
		_, err := b.Write(make([]byte, 10*behindSize))
		if err != nil && !errors.Is(err, errFull) {
			t.Errorf("after %d bytes: Write says %v", left, err)
		}
		if err := b.Close(); !errors.Is(err, errFull) {
			t.Errorf("after %d bytes: Close says %v", left, err)
		}
		if f.Len() > left {
			t.Errorf("%d bytes came through, %d were to", f.Len(), left)
		}
	}
}
