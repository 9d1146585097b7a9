package verify

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"packlift/bundle"
	"packlift/internal/fault"
	"packlift/internal/manifest"
)

// The pass over a part reads blocks, each hashed twice at the same time: into
// the whole's digest and into its piece's. All blocks together fit a core's
// second cache (1.5 MiB): with 12 of 1 MiB the hashers wait for memory and the pass
// takes 1.4 times the processor time. Larger blocks at the same sum, or fewer,
// leave the three goroutines waiting for each other.
const (
	blockSize  = 256 << 10
	blockCount = 6
)

// block is a reused buffer; left counts the hashers that still read it.
type block struct {
	buf  []byte
	n    int
	left atomic.Int32
}

// hashes is what one pass over a part gives.
type hashes struct {
	whole  manifest.Digest
	pieces []manifest.Digest // of each bundle.PieceSize bytes, the last may be shorter
}

// hasher owns the buffers of the passes of one Open.
type hasher struct {
	free     chan *block
	progress func(n int64) // bytes read since the last call; may be nil
}

func newHasher(progress func(int64)) *hasher {
	h := &hasher{free: make(chan *block, blockCount), progress: progress}
	for range blockCount {
		h.free <- &block{buf: make([]byte, blockSize)}
	}
	return h
}

// member makes one pass over m. A file that ends too early is of class
// fault.Truncated, an ended ctx of class fault.Interrupted.
func (h *hasher) member(ctx context.Context, r io.ReaderAt, m bundle.Member) (*hashes, error) {
	var out hashes
	g, ctx := errgroup.WithContext(ctx)
	hash := func(with func(<-chan *block)) chan<- *block {
		c := make(chan *block, blockCount)
		g.Go(func() error { with(c); return nil })
		return c
	}
	to := []chan<- *block{hash(func(c <-chan *block) { out.whole = h.hashWhole(c) })}
	if m.Size > bundle.PieceSize {
		to = append(to, hash(func(c <-chan *block) { out.pieces = h.hashPieces(c, m.Size) }))
	}
	g.Go(func() error {
		defer func() {
			for _, c := range to {
				close(c)
			}
		}()
		return h.read(ctx, r, m, to...)
	})
	if err := g.Wait(); err != nil {
		return nil, err
	}
	if m.Size > 0 && m.Size <= bundle.PieceSize {
		out.pieces = []manifest.Digest{out.whole} // the only piece is the whole
	}
	return &out, nil
}

func (h *hasher) read(ctx context.Context, r io.ReaderAt, m bundle.Member, to ...chan<- *block) error {
	for at := int64(0); at < m.Size; {
		if ctx.Err() != nil {
			return fault.New(fault.Interrupted, "verification of %s: %w", m.Name, context.Cause(ctx))
		}
		b := <-h.free
		b.n = int(min(blockSize, m.Size-at))
		if err := readFull(r, b.buf[:b.n], m.Offset+at); err != nil {
			h.free <- b
			return memberFault(m.Name, err)
		}
		b.left.Store(int32(len(to)))
		for _, c := range to {
			c <- b
		}
		at += int64(b.n)
		if h.progress != nil {
			h.progress(int64(b.n))
		}
	}
	return nil
}

func (h *hasher) done(b *block) {
	if b.left.Add(-1) == 0 {
		h.free <- b
	}
}

func (h *hasher) hashWhole(in <-chan *block) manifest.Digest {
	s := sha256.New()
	for b := range in {
		s.Write(b.buf[:b.n])
		h.done(b)
	}
	return manifest.Digest(s.Sum(nil))
}

// hashPieces relies on blockSize dividing bundle.PieceSize.
func (h *hasher) hashPieces(in <-chan *block, size int64) []manifest.Digest {
	out := make([]manifest.Digest, 0, (size+bundle.PieceSize-1)/bundle.PieceSize)
	s, n := sha256.New(), 0
	for b := range in {
		s.Write(b.buf[:b.n])
		n += b.n
		h.done(b)
		if n == bundle.PieceSize {
			out = append(out, manifest.Digest(s.Sum(nil)))
			s.Reset()
			n = 0
		}
	}
	if n > 0 {
		out = append(out, manifest.Digest(s.Sum(nil)))
	}
	return out
}

// readFull reads len(p) bytes at off. io.ReaderAt may say io.EOF beside a full read.
func readFull(r io.ReaderAt, p []byte, off int64) error {
	n, err := r.ReadAt(p, off)
	if n == len(p) {
		return nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// memberFault classes a failed read: an early end is Truncated, what the
// device says stays as it is.
func memberFault(name string, err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return fault.New(fault.Truncated, "%s: the file ends too early", name).
			WithHint("copy the bundle again, and compare it with its .sha256")
	}
	return fmt.Errorf("%s: %w", name, err)
}
