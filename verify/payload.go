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
// of Options), MaxMemory bytes for them (zero: the format's default). Early gives what comes
// out of a decoder at once; only what is used is then held against its digest, so it is for who
// makes the contents, and not for who only checks them.
type PayloadOptions struct {
	Jobs      int
	MaxMemory int64
	Early     bool
}

// Contents reads the payload from front to end. Close it, always.
type Contents struct {
	part io.ReadCloser
	tr   *archive
	want []manifest.Content // not yet seen
	cur  *Item
	err  error
}

// Item is a content of the payload as it travels. Its reader gives Length
// bytes: the content itself, and io.EOF only once the digest was right, or the
// delta that makes it, which only what it makes can prove.
type Item struct {
	manifest.Content
	Length int64
	io.Reader
}

// Payload opens the payload: exactly the contents that the list in the levels
// part names, in its order.
func (b *Bundle) Payload(ids []age.Identity, o PayloadOptions) (*Contents, error) {
	l, err := b.Levels(ids)
	if err != nil {
		return nil, err
	}
	part, err := b.openPart(bundle.PayloadName, ids, bundle.ReadOptions{Jobs: o.Jobs, MaxMemory: o.MaxMemory, Early: o.Early})
	if err != nil {
		return nil, err
	}
	tr := newArchive(part, tarball.Limits{MaxEntries: len(l.Contents), MaxSize: manifest.MaxFile, Listed: true, Allow: bundle.CheckPayloadName})
	return &Contents{part: part, tr: tr, want: l.Contents}, nil
}

// Next goes to the next content; what is left of the one before is read and
// checked first. After the last content, and the check that none is missing,
// it returns io.EOF.
func (p *Contents) Next() (*Item, error) {
	if p == nil || p.tr == nil {
		return nil, fault.New(fault.Untrusted, "%w", errZeroBundle)
	}
	if p.err == nil && p.cur != nil {
		_, p.err = io.Copy(io.Discard, p.cur)
	}
	if p.err == nil {
		p.cur, p.err = p.next()
	}
	if p.err != nil {
		if p.err != io.EOF {
			p.err = bundle.At(bundle.LayerPayload, p.err)
		}
		return nil, p.err
	}
	return p.cur, nil
}

func (p *Contents) next() (*Item, error) {
	e, err := p.tr.Next()
	if err == io.EOF && len(p.want) > 0 {
		return nil, tampered("%s lacks %s and %d more contents", bundle.PayloadName, p.expected(), len(p.want)-1)
	}
	if err != nil {
		return nil, err
	}
	if len(p.want) == 0 || e.Name != p.expected() {
		return nil, tampered("%s: %s stands where %s should", bundle.PayloadName, e.Name, p.expected())
	}
	want := p.want[0]
	p.want = p.want[1:]
	if want.Delta {
		return &Item{want, e.Size, p.tr}, nil
	}
	if e.Size != want.Size {
		return nil, tampered("%s has %d bytes, the manifest says %d", e.Name, e.Size, want.Size)
	}
	return &Item{want, e.Size, &blobReader{r: p.tr, want: want.Blob, h: sha256.New()}}, nil
}

func (p *Contents) expected() string {
	if len(p.want) == 0 {
		return "the end"
	}
	return bundle.PayloadEntry(&p.want[0])
}

// Close ends the reading.
func (p *Contents) Close() error {
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
