package apply

import (
	"io"

	"packlift/internal/manifest"
	"packlift/verify"
)

// payloadMemory bounds the buffers of the payload's decoders, in bytes: at least
// three streams in hand, so that two cores decode while a third is read. With the
// rest of a run it stays below 256 MiB.
const payloadMemory = 160 << 20

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
		blobs, err := p.b.Payload(p.o.Identities, verify.PayloadOptions{Jobs: p.o.Jobs, MaxMemory: payloadMemory})
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
