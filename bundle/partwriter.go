package bundle

import (
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
	"strings"

	"filippo.io/age"

	"packlift/bundle/tarball"
	"packlift/bundle/xzpar"
	"packlift/internal/manifest"
)

const copyBuffer = 256 << 10

// PartWriter fills one part. Bytes go through tar, xz and age to the
// destination; sizes and digests of both ends and of the pieces are taken as
// they pass.
type PartWriter struct {
	w      *Writer
	name   string
	tar    *tarball.Writer
	xz     *xzpar.Writer
	age    io.WriteCloser
	stored *storedWriter
	plain  hash.Hash
	buf    []byte // of every copy into the tar
	closed bool
}

func newPartWriter(w *Writer, name string) (*PartWriter, error) {
	p := &PartWriter{w: w, name: name, plain: sha256.New(), buf: make([]byte, copyBuffer)}
	p.stored = &storedWriter{w: w, at: w.at + tarball.BlockSize, whole: sha256.New(), piece: sha256.New()}
	var err error
	if p.age, err = age.Encrypt(p.stored, w.o.Recipients...); err != nil {
		return nil, fmt.Errorf("bundle: %s: %w", name, err)
	}
	// Importers are large and not what a bundle is carried for: they are packed in less time.
	quick := name == ToolsName
	o := xzpar.WriterOptions{Jobs: w.o.Jobs, MaxMemory: w.o.MaxMemory, Quick: quick, Progress: w.o.Progress}
	if quick {
		o.Cache = w.o.ToolsCache
	}
	p.xz = xzpar.NewWriter(p.age, o)
	p.tar = tarball.NewWriter(io.MultiWriter(p.plain, p.xz))
	return p, nil
}

// Add adds an entry of exactly size bytes, read from r to its end.
func (p *PartWriter) Add(name string, size int64, r io.Reader) error {
	if p.closed {
		return fmt.Errorf("bundle: %s is closed", p.name)
	}
	p.xz.Boundary(near(name))
	err := p.tar.Create(name, size)
	if err == nil {
		err = p.copy(name, size, r)
	}
	if err != nil && p.w.err == nil {
		p.w.err = err
	}
	return err
}

// near is from which length a stream ends before an entry. Deltas have little in
// common: shorter streams of them cost half a percent, and keep all cores busy.
func near(name string) int {
	if strings.HasPrefix(name, deltaPrefix) {
		return xzpar.NearDelta
	}
	return xzpar.NearBorder
}

func (p *PartWriter) copy(name string, size int64, r io.Reader) error {
	n, err := io.CopyBuffer(struct{ io.Writer }{p.tar}, struct{ io.Reader }{io.LimitReader(r, size)}, p.buf)
	if err != nil {
		return err
	}
	if n < size {
		return fmt.Errorf("bundle: %s ends before its %d bytes", name, size)
	}
	if n, _ := io.ReadFull(r, p.buf[:1]); n > 0 {
		return fmt.Errorf("bundle: %s has more than its %d bytes", name, size)
	}
	return nil
}

// Close ends the part and fills in its header.
func (p *PartWriter) Close() error {
	if p.closed {
		return p.w.err
	}
	if p.w.err != nil {
		p.abort()
		p.w.current = nil
		return p.w.err
	}
	p.closed = true
	err := p.tar.Close()
	for _, end := range []func() error{p.xz.Close, p.age.Close, p.finish} {
		if e := end(); err == nil {
			err = e
		}
	}
	p.w.current = nil
	if err != nil && p.w.err == nil {
		p.w.err = fmt.Errorf("bundle: %s: %w", p.name, err)
	}
	return p.w.err
}

// abort stops the compressors.
func (p *PartWriter) abort() {
	p.closed = true
	p.xz.Abort(p.w.err)
}

// finish writes padding and header and records what the part is.
func (p *PartWriter) finish() error {
	s := p.stored
	size := s.size
	h, err := tarball.Header(p.name, size)
	if err != nil {
		return err
	}
	if pad := tarball.Padding(size); pad > 0 {
		if err := p.w.writeAt(make([]byte, pad), s.at+size); err != nil {
			return err
		}
	}
	if err := p.w.writeAt(h[:], p.w.at); err != nil {
		return err
	}
	_, plain := p.xz.Sizes()
	whole := manifest.Digest(s.whole.Sum(nil))
	*p.w.info.part(p.name) = PartInfo{Blob{size, whole}, Blob{plain, manifest.Digest(p.plain.Sum(nil))}}
	*p.w.pieces.Part(p.name) = PartPieces{s.finished(), p.xz.Streams()}
	p.w.sums[p.name] = whole
	p.w.at += tarball.BlockSize + padded(size)
	p.w.parts++
	return nil
}

// storedWriter writes a part's stored bytes to their place.
type storedWriter struct {
	w            *Writer
	at, size     int64
	whole, piece hash.Hash
	pieces       []manifest.Digest
}

func (s *storedWriter) Write(b []byte) (int, error) {
	if s.size+int64(len(b)) > MaxPart {
		return 0, fmt.Errorf("more than %d bytes", int64(MaxPart))
	}
	if err := s.w.writeAt(b, s.at+s.size); err != nil {
		return 0, err
	}
	s.whole.Write(b)
	for rest := b; len(rest) > 0; {
		n := min(int64(len(rest)), PieceSize-s.size%PieceSize)
		s.piece.Write(rest[:n])
		rest = rest[n:]
		if s.size += n; s.size%PieceSize == 0 {
			s.endPiece()
		}
	}
	return len(b), nil
}

func (s *storedWriter) endPiece() {
	s.pieces = append(s.pieces, manifest.Digest(s.piece.Sum(nil)))
	s.piece.Reset()
}

func (s *storedWriter) finished() []manifest.Digest {
	if s.size%PieceSize != 0 {
		s.endPiece()
	}
	return s.pieces
}
