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
// the whole's digest and into its piece's. The first piece's digest is what the
// whole's is after so many bytes, so a part of one piece is hashed once. All blocks
// together fit a core's second cache (1.5 MiB): with 12 of 1 MiB the hashers wait for
// memory and the pass takes 1.4 times the processor time. Larger blocks at the same
// sum, or fewer, leave the three goroutines waiting for each other.
const (
	blockSize  = 256 << 10
	blockCount = 6
)

// smallBlock is for parts of one piece: the pages of a new buffer take longer than more reads.
const smallBlock = 64 << 10

// block is a reused buffer, made at its first use; left counts the hashers that still read it.
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
	progress func(n int64) // bytes of a large part read since the last call
}

func newHasher(progress func(int64)) *hasher {
	h := &hasher{free: make(chan *block, blockCount), progress: progress}
	for range blockCount {
		h.free <- &block{}
	}
	return h
}

// member makes one pass over m, of more than one piece. A file that ends too early
// is of class fault.Truncated, an ended ctx of class fault.Interrupted.
func (h *hasher) member(ctx context.Context, r io.ReaderAt, m bundle.Member) (*hashes, error) {
	var first manifest.Digest
	out := &hashes{pieces: make([]manifest.Digest, 1, bundle.PieceCount(m.Size))}
	whole, pieces := make(chan *block, blockCount), make(chan *block, blockCount)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { first, out.whole = h.hashWhole(whole); return nil })
	g.Go(func() error { out.pieces = h.hashPieces(pieces, out.pieces); return nil })
	g.Go(func() error {
		defer close(whole)
		defer close(pieces)
		return h.read(ctx, r, m, whole, pieces)
	})
	if err := g.Wait(); err != nil {
		return nil, err
	}
	out.pieces[0] = first
	return out, nil
}

// onePiece hashes a part whose only piece is the whole. It is over before
// other goroutines would be at work on it. Its faults are those of member.
func onePiece(ctx context.Context, r io.ReaderAt, m bundle.Member) (*hashes, error) {
	b, s := &block{buf: make([]byte, min(m.Size, smallBlock))}, sha256.New()
	for at := int64(0); at < m.Size; at += int64(b.n) {
		if err := b.fill(ctx, r, m, at); err != nil {
			return nil, err
		}
		s.Write(b.buf[:b.n])
	}
	out := &hashes{whole: manifest.Digest(s.Sum(nil))}
	if m.Size > 0 {
		out.pieces = []manifest.Digest{out.whole}
	}
	return out, nil
}

// fill reads the block of m at at.
func (b *block) fill(ctx context.Context, r io.ReaderAt, m bundle.Member, at int64) error {
	if ctx.Err() != nil {
		return fault.New(fault.Interrupted, "verification of %s: %w", m.Name, context.Cause(ctx))
	}
	if b.buf == nil {
		b.buf = make([]byte, blockSize)
	}
	b.n = int(min(int64(len(b.buf)), m.Size-at))
	if err := readFull(r, b.buf[:b.n], m.Offset+at); err != nil {
		return memberFault(m.Name, err)
	}
	return nil
}

// read gives every block to whole, and those behind the first piece to pieces.
func (h *hasher) read(ctx context.Context, r io.ReaderAt, m bundle.Member, whole, pieces chan<- *block) error {
	for at := int64(0); at < m.Size; {
		b := <-h.free
		if err := b.fill(ctx, r, m, at); err != nil {
			h.free <- b
			return err
		}
		h.progress(int64(b.n))
		n := int64(b.n) // b is the hashers' once it is sent
		if at < bundle.PieceSize {
			b.left.Store(1)
			whole <- b
		} else {
			b.left.Store(2)
			whole <- b
			pieces <- b
		}
		at += n
	}
	return nil
}

func (h *hasher) done(b *block) {
	if b.left.Add(-1) == 0 {
		h.free <- b
	}
}

// hashWhole gives the digests of the first piece and of all. It relies, like
// hashPieces, on blockSize dividing bundle.PieceSize.
func (h *hasher) hashWhole(in <-chan *block) (first, all manifest.Digest) {
	s, n := sha256.New(), 0
	for b := range in {
		s.Write(b.buf[:b.n])
		n += b.n
		h.done(b)
		if n == bundle.PieceSize {
			first = manifest.Digest(s.Sum(nil)) // which leaves the state as it is
		}
	}
	return first, manifest.Digest(s.Sum(nil))
}

// hashPieces appends the digests of the pieces behind the first.
func (h *hasher) hashPieces(in <-chan *block, out []manifest.Digest) []manifest.Digest {
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
