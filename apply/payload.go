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

// Payload is what a bundle brings. It is opened when the first content is wanted, so
// that a run that needs none decrypts none, or by a plan that knows of some. It
// serves one run, or none. Close it.
type Payload struct {
	b    *verify.Bundle
	o    Options
	open *verify.Contents
}

// NewPayload is for Options.Payload: decoders begin to work while a plan still hashes
// what is there, and the run that carries it out goes on with what they have.
func NewPayload(b *verify.Bundle, o Options) *Payload { return &Payload{b: b, o: o.withDefaults()} }

// payloadFor is the one that was begun, or a new one.
func payloadFor(b *verify.Bundle, o Options) *Payload {
	if o.Payload != nil && o.Payload.b == b {
		return o.Payload
	}
	return NewPayload(b, o)
}

// payloadOf opens the payload for a plan that wants texts of it. What was begun is let
// go, as both would take twice the memory; the run opens it again.
func payloadOf(b *verify.Bundle, o Options) func() (blobs, func() error) {
	return func() (blobs, func() error) {
		o.Payload.Close()
		source := NewPayload(b, o)
		return source, source.Close
	}
}

// begin has the decoders work ahead. What is wrong shows once a content is wanted.
func (p *Payload) begin() {
	if p != nil {
		p.opened()
	}
}

func (p *Payload) opened() (err error) {
	if p.open == nil {
		p.open, err = p.b.Payload(p.o.Identities, verify.PayloadOptions{Jobs: p.o.Jobs, MaxMemory: payloadMemory, Early: true})
	}
	return err
}

// Next gives the contents in the bundle's order; io.EOF after the last.
func (p *Payload) Next() (*content, error) {
	if err := p.opened(); err != nil {
		return nil, err
	}
	item, err := p.open.Next()
	if err != nil {
		return nil, err
	}
	return &content{item.Content, item.Length, item.Reader}, nil
}

// Close lets go of the decoders, and of what they made.
func (p *Payload) Close() error {
	if p == nil || p.open == nil {
		return nil
	}
	open := p.open
	p.open = nil
	return open.Close()
}
