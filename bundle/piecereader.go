package bundle

import (
	"fmt"
	"io"
	"sync"

	"packlift/internal/fault"
	"packlift/internal/manifest"
)

// pieceReader reads a member piece by piece. Every byte it gives lay in memory
// when its piece was held against its digest, so a file that is swapped between
// check and use is noticed. It is safe for concurrent use and keeps at most
// keep pieces, beyond those that are being read from.
type pieceReader struct {
	r      io.ReaderAt
	m      Member
	pieces []manifest.Digest
	keep   int

	mu    sync.Mutex
	slots []*pieceSlot
	clock int64
}

type pieceSlot struct {
	index int
	users int
	used  int64 // clock of the last use
	ready chan struct{}
	buf   []byte
	err   error
}

func newPieceReader(r io.ReaderAt, m Member, pieces []manifest.Digest, keep int) (*pieceReader, error) {
	if len(pieces) != PieceCount(m.Size) {
		return nil, refuse(LayerPieces, fault.Tampered, "%s: %d piece digests for %d bytes", m.Name, len(pieces), m.Size)
	}
	return &pieceReader{r: r, m: m, pieces: pieces, keep: max(1, keep)}, nil
}

// ReadAt reads from off, counted in the member.
func (p *pieceReader) ReadAt(b []byte, off int64) (int, error) {
	if off < 0 {
		return 0, fmt.Errorf("%s: negative offset", p.m.Name)
	}
	total := 0
	for len(b) > 0 && off < p.m.Size {
		s := p.take(int(off / PieceSize))
		<-s.ready
		n := 0
		if s.err == nil {
			n = copy(b, s.buf[off%PieceSize:])
		}
		err := s.err
		p.release(s)
		if err != nil {
			return total, err
		}
		b, off, total = b[n:], off+int64(n), total+n
	}
	if len(b) > 0 {
		return total, io.EOF
	}
	return total, nil
}

// take returns the slot of a piece, held for the caller; the first one who
// asks loads it.
func (p *pieceReader) take(index int) *pieceSlot {
	p.mu.Lock()
	p.clock++
	for _, s := range p.slots {
		if s.index == index {
			s.users, s.used = s.users+1, p.clock
			p.mu.Unlock()
			return s
		}
	}
	s := p.free()
	s.index, s.users, s.used, s.ready, s.err = index, 1, p.clock, make(chan struct{}), nil
	p.mu.Unlock()
	s.err = p.load(s)
	close(s.ready)
	return s
}

// free gives a slot to load into: a new one, or once there are enough the one
// unused for longest.
func (p *pieceReader) free() *pieceSlot {
	var old *pieceSlot
	for _, s := range p.slots {
		if s.users == 0 && (old == nil || s.used < old.used) {
			old = s
		}
	}
	if old == nil || len(p.slots) < p.keep {
		old = &pieceSlot{}
		p.slots = append(p.slots, old)
	}
	return old
}

// release lets go of a slot; a piece that failed is forgotten.
func (p *pieceReader) release(s *pieceSlot) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s.users--; s.users > 0 {
		return
	}
	if s.err != nil {
		s.index = -1
	}
	if len(p.slots) > p.keep {
		for i := range p.slots {
			if p.slots[i] == s {
				p.slots = append(p.slots[:i], p.slots[i+1:]...)
				return
			}
		}
	}
}

func (p *pieceReader) load(s *pieceSlot) error {
	from := int64(s.index) * PieceSize
	n := min(PieceSize, p.m.Size-from)
	if int64(cap(s.buf)) < n {
		s.buf = make([]byte, n)
	}
	s.buf = s.buf[:n]
	if err := readAt(p.r, s.buf, p.m.Offset+from); err != nil {
		return readFault(fmt.Sprintf("%s, piece %d", p.m.Name, s.index), err)
	}
	if got := manifest.Sum(s.buf); got != p.pieces[s.index] {
		return refuse(LayerDigest, fault.Tampered, "%s: piece %d (bytes %d to %d of the file) has digest %s, want %s",
			p.m.Name, s.index, p.m.Offset+from, p.m.Offset+from+n-1, got, p.pieces[s.index])
	}
	return nil
}
