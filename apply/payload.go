package apply

import (
	"io"

	"packlift/internal/manifest"
	"packlift/verify"
)

// payloadMemory bounds the buffers of the payload's decoders, in bytes: three
// streams in hand, so that two cores decode while a third is read. With the
// rest of a run it stays below 256 MiB.
const payloadMemory = 120 << 20

// content is one of a payload's. Its reader gives the content itself, checked
// against its digest by the time it ends, or the delta of length bytes.
type content struct {
	manifest.Content
	length int64
	io.Reader
}

// payload opens the bundle's contents when the first one is wanted, so that a
// run that needs none decrypts none.
type payload struct {
	b    *verify.Bundle
	o    Options
	open *verify.Contents
}

func openPayload(b *verify.Bundle, o Options) (*payload, error) {
	return &payload{b: b, o: o}, nil
}

// payloadOf opens the payload for a plan that wants texts of it.
func payloadOf(b *verify.Bundle, o Options) func() (blobs, func() error) {
	return func() (blobs, func() error) {
		source := &payload{b: b, o: o.withDefaults()}
		return source, source.Close
	}
}

func (p *payload) Next() (*content, error) {
	if p.open == nil {
		contents, err := p.b.Payload(p.o.Identities, verify.PayloadOptions{Jobs: p.o.Jobs, MaxMemory: payloadMemory, Early: true})
		if err != nil {
			return nil, err
		}
		p.open = contents
	}
	item, err := p.open.Next()
	if err != nil {
		return nil, err
	}
	return &content{item.Content, item.Length, item.Reader}, nil
}

func (p *payload) Close() error {
	if p.open == nil {
		return nil
	}
	open := p.open
	p.open = nil
	return open.Close()
}
