package verify

import (
	"crypto/sha256"
	"hash"
	"io"

	"filippo.io/age"

	"packlift/bundle"
	"packlift/bundle/tarball"
	"packlift/internal/fault"
	"packlift/internal/manifest"
)

// PayloadOptions bounds the reading of the payload: Jobs decoders (zero: those
// of Options), MaxMemory bytes for them (zero: the format's default).
type PayloadOptions struct {
	Jobs      int
	MaxMemory int64
}

// Blobs reads the payload from front to end. Close it, always.
type Blobs struct {
	part io.ReadCloser
	tr   *archive
	want []manifest.Blob // not yet seen
	cur  *blobReader
	err  error
}

// Payload opens the payload: exactly the contents that lead from the base to
// the target, sorted by digest, each once.
func (b *Bundle) Payload(ids []age.Identity, o PayloadOptions) (*Blobs, error) {
	l, err := b.Levels(ids)
	if err != nil {
		return nil, err
	}
	part, err := b.openPart(bundle.PayloadName, ids, bundle.ReadOptions{Jobs: o.Jobs, MaxMemory: o.MaxMemory})
	if err != nil {
		return nil, err
	}
	want := manifest.Needed(l.Base, l.Target)
	tr := newArchive(part, tarball.Limits{MaxEntries: len(want), MaxSize: manifest.MaxFile, Sorted: true, Allow: allowBlob})
	return &Blobs{part: part, tr: tr, want: want}, nil
}

func allowBlob(name string) error {
	_, err := bundle.ParseBlobName(name)
	return err
}

// Next goes to the next content; what is left of the one before is read and
// checked first. The reader gives size bytes; it returns io.EOF only once
// the digest was right. After the last content, and the check that none is missing,
// Next itself returns io.EOF.
func (p *Blobs) Next() (manifest.Digest, int64, io.Reader, error) {
	if p == nil || p.tr == nil {
		return manifest.Digest{}, 0, nil, fault.New(fault.Untrusted, "%w", errZeroBundle)
	}
	if p.err == nil && p.cur != nil {
		_, p.err = io.Copy(io.Discard, p.cur)
	}
	if p.err == nil {
		p.err = p.next()
	}
	if p.err != nil {
		if p.err != io.EOF {
			p.err = bundle.At(bundle.LayerPayload, p.err)
		}
		return manifest.Digest{}, 0, nil, p.err
	}
	return p.cur.want.SHA256, p.cur.want.Size, p.cur, nil
}

func (p *Blobs) next() error {
	e, err := p.tr.Next()
	if err == io.EOF && len(p.want) > 0 {
		return tampered("%s lacks %s and %d more contents", bundle.PayloadName, bundle.BlobName(p.want[0].SHA256), len(p.want)-1)
	}
	if err != nil {
		return err
	}
	if len(p.want) == 0 || e.Name != bundle.BlobName(p.want[0].SHA256) {
		return tampered("%s: %s stands where %s should", bundle.PayloadName, e.Name, p.expected())
	}
	want := p.want[0]
	if p.want = p.want[1:]; e.Size != want.Size {
		return tampered("%s has %d bytes, the manifest says %d", e.Name, e.Size, want.Size)
	}
	p.cur = &blobReader{r: p.tr, want: want, h: sha256.New()}
	return nil
}

func (p *Blobs) expected() string {
	if len(p.want) == 0 {
		return "the end"
	}
	return bundle.BlobName(p.want[0].SHA256)
}

// Close ends the reading.
func (p *Blobs) Close() error {
	if p == nil || p.part == nil {
		return nil
	}
	return p.part.Close()
}

// blobReader hashes what passes and holds back io.EOF until the digest is right.
type blobReader struct {
	r    io.Reader
	want manifest.Blob
	h    hash.Hash
	err  error
}

func (b *blobReader) Read(buf []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	n, err := b.r.Read(buf)
	b.h.Write(buf[:n])
	if err == io.EOF {
		if got := manifest.Digest(b.h.Sum(nil)); got != b.want.SHA256 {
			err = bundle.At(bundle.LayerPayload, tampered("%s has SHA-256 %s", bundle.BlobName(b.want.SHA256), got))
		}
	}
	b.err = err
	return n, err
}
