package bundle

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"runtime"

	"filippo.io/age"

	"packlift/bundle/xzpar"
	"packlift/internal/fault"
	"packlift/internal/manifest"
)

// ReadOptions bound the reading of a part. Jobs of 0 is one a core. MaxMemory
// is in bytes, 0 is DefaultReadMemory; one stream and two pieces are always held.
// The end of Context, which may be nil, ends the reading at once, of class Interrupted.
// Early gives the bytes of a stream before its check was made (xzpar.ReaderOptions).
type ReadOptions struct {
	Context   context.Context
	Jobs      int
	MaxMemory int64
	Early     bool
}

// DefaultReadMemory bounds the buffers of one open part, in bytes.
const DefaultReadMemory = 96 << 20

// OpenPart decrypts and decompresses a part to its plain tar. Every byte read
// of r is held against pieces first. streams is the part's stream table, which
// lets streams be decoded in parallel; nil reads them one after the other, as
// is done for tools of a later format. plain is the stated size and digest of
// the tar; nil allows MaxPlainTools bytes of any digest.
//
// The reader gives an error in place of io.EOF if size or digest do not hold.
// Faults: Undecryptable (LayerDecrypt) where no identity matches; Tampered or
// Truncated of LayerDigest, LayerDecrypt, LayerPieces or LayerXZ.
func OpenPart(r io.ReaderAt, m Member, pieces []manifest.Digest, streams []Stream, plain *Blob, ids []age.Identity, o ReadOptions) (io.ReadCloser, error) {
	o = o.filled()
	checked, err := newPieceReader(r, m, pieces, o.keep())
	if err != nil {
		return nil, err
	}
	xz, size, err := age.DecryptReaderAt(checked, m.Size, ids...)
	if err != nil {
		return nil, decryptFault(m.Name, err)
	}
	p := &partReader{ctx: o.Context, name: m.Name, hash: sha256.New(), plain: plain, limit: MaxPlainTools}
	if plain != nil {
		p.limit = plain.Size
	}
	if streams == nil || plain == nil {
		p.r = xzpar.NewSequential(o.Context, io.NewSectionReader(atReader{xz, m.Name}, 0, size))
		return p, nil
	}
	// Two pieces are in hand beside those of the streams.
	x, err := xzpar.NewReader(atReader{xz, m.Name}, size, streams, plain.Size, xzpar.ReaderOptions{Context: o.Context, Jobs: o.Jobs, MaxMemory: o.MaxMemory - int64(o.keep())*PieceSize, Early: o.Early})
	if err != nil {
		return nil, damaged(LayerPieces, m.Name, err)
	}
	p.r, p.closer = x, x
	return p, nil
}

func (o ReadOptions) filled() ReadOptions {
	if o.Jobs <= 0 {
		o.Jobs = runtime.GOMAXPROCS(0)
	}
	if o.MaxMemory <= 0 {
		o.MaxMemory = DefaultReadMemory
	}
	if o.Context == nil {
		o.Context = context.Background()
	}
	return o
}

// keep is how many pieces stay in memory: one a job and one more, within a
// quarter of the memory.
func (o ReadOptions) keep() int {
	return int(max(1, min(int64(o.Jobs)+1, o.MaxMemory/(4*PieceSize))))
}

// decryptFault tells a missing key from damage.
func decryptFault(name string, err error) error {
	if settled(err) {
		return At(LayerDecrypt, bare(err)) // a piece failed, or an identity said why it cannot
	}
	var none *age.NoIdentityMatchError
	if errors.As(err, &none) || errors.Is(err, age.ErrIncorrectIdentity) {
		return At(LayerDecrypt, fault.New(fault.Undecryptable, "%s: none of the identities given opens it", name).
			WithHint("give the identity whose recipient the bundle was made for, with -i FILE"))
	}
	if err.Error() == "no identities specified" {
		return At(LayerDecrypt, fault.New(fault.Undecryptable, "%s: no identity was given", name).WithHint("name one with -i FILE"))
	}
	return At(LayerDecrypt, fault.New(fault.Tampered, "%s: %w", name, err))
}

// atReader marks faults of age's reader.
type atReader struct {
	r    io.ReaderAt
	name string
}

func (a atReader) ReadAt(b []byte, off int64) (int, error) {
	n, err := a.r.ReadAt(b, off)
	if err != nil && !errors.Is(err, io.EOF) && !settled(err) {
		err = At(LayerDecrypt, fault.New(fault.Tampered, "%s: %w", a.name, err))
	}
	return n, err
}

// partReader holds the plain bytes against their stated size and digest.
type partReader struct {
	ctx    context.Context
	name   string
	r      io.Reader
	closer io.Closer
	hash   hash.Hash
	plain  *Blob
	limit  int64
	count  int64
	err    error
}

func (p *partReader) Read(b []byte) (int, error) {
	if p.err != nil {
		return 0, p.err
	}
	n, err := p.r.Read(b)
	if p.count += int64(n); p.count > p.limit {
		p.err = refuse(LayerXZ, fault.Tampered, "%s: unpacks to more than the %d bytes stated or allowed", p.name, p.limit)
		return 0, p.err
	}
	p.hash.Write(b[:n])
	switch {
	case errors.Is(err, io.EOF):
		err = p.end()
	case err != nil && p.ctx.Err() != nil && errors.Is(err, context.Cause(p.ctx)):
		err = fault.New(fault.Interrupted, "%s: %w", p.name, err)
	}
	p.err = damaged(LayerXZ, p.name, err)
	return n, p.err
}

// end decides between io.EOF and an error once all bytes were read.
func (p *partReader) end() error {
	if p.plain == nil {
		return io.EOF
	}
	if p.count != p.plain.Size {
		return fmt.Errorf("unpacks to %d bytes, %d are stated", p.count, p.plain.Size)
	}
	if got := manifest.Digest(p.hash.Sum(nil)); got != p.plain.SHA256 {
		return fmt.Errorf("unpacks to digest %s, %s is stated", got, p.plain.SHA256)
	}
	return io.EOF
}

// Close stops decoding ahead and waits until the part is no longer read.
func (p *partReader) Close() error {
	if p.err == nil {
		p.err = errors.New("part is closed")
	}
	if p.closer != nil {
		return p.closer.Close()
	}
	return nil
}
