package apply

import (
	"io"

	"packlift/internal/manifest"
	"packlift/verify"
)

// payload opens the bundle's contents when the first one is wanted, so that a
// run that needs none decrypts none.
type payload struct {
	b    *verify.Bundle
	o    Options
	open *verify.Blobs
}

func openPayload(b *verify.Bundle, o Options) (*payload, error) {
	return &payload{b: b, o: o}, nil
}

func (p *payload) Next() (manifest.Digest, int64, io.Reader, error) {
	if p.open == nil {
		blobs, err := p.b.Payload(p.o.Identities, verify.PayloadOptions{Jobs: p.o.Jobs})
		if err != nil {
			return manifest.Digest{}, 0, nil, err
		}
		p.open = blobs
	}
	return p.open.Next()
}

func (p *payload) Close() error {
	if p.open == nil {
		return nil
	}
	return p.open.Close()
}
