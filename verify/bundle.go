package verify

import (
	"context"
	"errors"
	"io"
	"sync"

	"filippo.io/age"

	"packlift/bundle"
	"packlift/internal/fault"
	"packlift/internal/manifest"
)

// Bundle is a verified bundle; only Open makes one. Its methods read the
// parts through the piece digests that Open computed, so what changes in the
// file after Open is refused, never used; the end of Open's ctx ends these reads too. Methods may be called from several
// goroutines; each reader that they return belongs to one.
type Bundle struct {
	ctx     context.Context // of Open
	r       io.ReaderAt
	size    int64
	layout  *bundle.Layout
	info    *bundle.Info // nil for a later format
	frozen  bundle.Frozen
	sums    manifest.Digest // of SHA256SUMS: names everything signed
	trust   *TrustSet
	signers []Signer
	pieces  map[string][]manifest.Digest // by part, as computed in Open
	streams map[string][]bundle.Stream   // by part; nil for a later format
	jobs    int

	mu     sync.Mutex
	levels *Levels // once read
}

// Info is what the bundle says of itself; nil for a later format.
func (b *Bundle) Info() *bundle.Info {
	if b.zero() || b.info == nil {
		return nil
	}
	info := *b.info
	return &info
}

// Frozen is what can be read of every format.
func (b *Bundle) Frozen() bundle.Frozen {
	if b.zero() {
		return bundle.Frozen{}
	}
	return b.frozen
}

// LaterFormat reports whether the bundle is of a format that this tool does
// not know: only Frozen and Tool serve then.
func (b *Bundle) LaterFormat() bool { return !b.zero() && b.info == nil }

// Signers lists whose signatures counted.
func (b *Bundle) Signers() []Signer {
	if b.zero() {
		return nil
	}
	return append([]Signer(nil), b.signers...)
}

// Sums is the digest of SHA256SUMS, what the signers signed.
func (b *Bundle) Sums() manifest.Digest {
	if b.zero() {
		return manifest.Digest{}
	}
	return b.sums
}

// Size is the bundle's size in bytes.
func (b *Bundle) Size() int64 {
	if b.zero() {
		return 0
	}
	return b.size
}

func (b *Bundle) zero() bool { return b == nil || b.trust.zero() || b.layout == nil }

var errZeroBundle = errors.New("this bundle was not verified")

// ready refuses a zero Bundle, and, where the content is wanted, a later format.
func (b *Bundle) ready(content bool) error {
	if b.zero() {
		return fault.New(fault.Untrusted, "%w", errZeroBundle)
	}
	if content && b.info == nil {
		return fault.New(fault.General, "the bundle has format %d; this tool reads formats up to %d", b.frozen.Format, bundle.FormatVersion).
			WithHint("update the tool: packlift-import %s or newer", b.frozen.MinimumTool)
	}
	return nil
}

// openPart opens a part for reading. A later format's stream table and plain
// size are unknown: it is read in sequence.
func (b *Bundle) openPart(name string, ids []age.Identity, o bundle.ReadOptions) (io.ReadCloser, error) {
	m, ok := b.layout.Find(name)
	if !ok {
		return nil, fault.New(fault.NotABundle, "%s is missing", name)
	}
	var plain *bundle.Blob
	if b.info != nil {
		p := b.info.Part(name).Plain
		plain = &p
	}
	if o.Context = b.ctx; o.Jobs == 0 {
		o.Jobs = b.jobs
	}
	return bundle.OpenPart(b.r, m, b.pieces[name], b.streams[name], plain, ids, o)
}
