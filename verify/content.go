package verify

import (
	"context"
	"errors"
	"io"

	"filippo.io/age"

	"packlift/bundle"
	"packlift/internal/count"
	"packlift/internal/fault"
)

// The checks that need an identity.
const (
	checkTools   = "tools"
	checkLevels  = "levels"
	checkPayload = "payload"
)

// contentMemory bounds the buffers of CheckContent, in bytes: one stream and two
// pieces in hand. With the rest of the process it stays below 64 MiB.
const contentMemory = 40 << 20

// Unchecked lists what Open leaves unchecked because it needs an identity,
// for a report that ends there.
func (b *Bundle) Unchecked() []Check {
	r := &Report{}
	for _, name := range []string{checkTools, checkLevels, checkPayload} {
		r.skip(name, "is encrypted; give an identity (-i) to check it")
	}
	return r.Checks
}

// CheckContent decrypts everything and checks it: each tool with its
// statement, both manifests, each content of the payload. It keeps nothing.
// The report is returned with the error of the first failure too. Of a later
// format only the tools are checked.
func (b *Bundle) CheckContent(ctx context.Context, ids []age.Identity) (*Report, error) {
	r := &Report{}
	if err := b.ready(false); err != nil {
		return r, r.fail(checkTools, err)
	}
	steps := []struct {
		name string
		run  func() error
	}{
		{checkTools, func() error { return b.checkTools(ctx, ids, r) }},
		{checkLevels, func() error { return b.checkLevelsPart(ids, r) }},
		{checkPayload, func() error { return b.checkPayload(ctx, ids, r) }},
	}
	for i, s := range steps {
		if i > 0 && b.info == nil {
			r.skip(s.name, "the format is newer than this tool")
			continue
		}
		if err := s.run(); err != nil {
			r.fail(s.name, err)
			for _, rest := range steps[i+1:] {
				r.skip(rest.name, "an earlier check failed")
			}
			return r, err
		}
	}
	return r, nil
}

// checkTools reads tools.tar to its end: exactly the listed tools, in order.
func (b *Bundle) checkTools(ctx context.Context, ids []age.Identity, r *Report) error {
	part, err := b.openPart(bundle.ToolsName, ids, bundle.ReadOptions{MaxMemory: contentMemory})
	if err != nil {
		return err
	}
	defer part.Close()
	tr := newToolReader(interruptible{ctx, part})
	for _, listed := range b.frozen.Tools {
		g, e, err := nextTool(tr)
		if err != nil {
			return bundle.At(bundle.LayerTools, atEnd(err))
		}
		if want := bundle.ToolName(listed.OS, listed.Arch); e.Name != want {
			return bundle.At(bundle.LayerTools, tampered("%s: %s stands where %s should", bundle.ToolsName, e.Name, want))
		}
		t, err := b.checkTool(tr, g, e, listed)
		if err == nil {
			_, err = t.WriteTo(io.Discard)
		}
		if err != nil {
			return bundle.At(bundle.LayerTools, err)
		}
		r.pass(checkTools, "%s %s, SHA-256 %s, stated by %s", e.Name, listed.Version, listed.SHA256, describeSigner(t.Signers[0]))
	}
	if e, err := tr.Next(); !errors.Is(err, io.EOF) {
		if err == nil {
			err = tampered("%s: %s is not listed in %s", bundle.ToolsName, e.Name, bundle.ManifestName)
		}
		return bundle.At(bundle.LayerTools, err)
	}
	if len(b.frozen.Tools) == 0 {
		r.pass(checkTools, "none inside, and none listed")
	}
	return nil
}

func (b *Bundle) checkLevelsPart(ids []age.Identity, r *Report) error {
	l, err := b.Levels(ids)
	if err != nil {
		return err
	}
	for i, s := range b.info.Stops() {
		r.pass(checkLevels, "manifest of level %d: %s, SHA-256 %s", s.Level, count.Of(l.entries[i], "entry"), s.Manifest)
	}
	switch n := len(l.Advisories); n {
	case 0:
	case 1:
		r.pass(checkLevels, "1 advisory, of level %d", l.Advisories[0].Level)
	default:
		r.pass(checkLevels, "%d advisories, of levels %d to %d", n, l.Advisories[0].Level, l.Advisories[n-1].Level)
	}
	return nil
}

func (b *Bundle) checkPayload(ctx context.Context, ids []age.Identity, r *Report) error {
	p, err := b.Payload(ids, PayloadOptions{MaxMemory: contentMemory})
	if err != nil {
		return err
	}
	defer p.Close()
	var whole, deltas tally
	for {
		item, err := p.Next()
		if errors.Is(err, io.EOF) {
			r.pass(checkPayload, "%s of %s, each with its digest, and none besides", count.Of(whole.count, "content"), count.Of(int(whole.bytes), "byte"))
			if deltas.count > 0 {
				r.pass(checkPayload, "%s of %d bytes for contents of %d; what they make is proved when it is made", count.Of(deltas.count, "delta"), deltas.length, deltas.bytes)
			}
			return nil
		}
		if err != nil {
			return err
		}
		body := interruptible{ctx, item}
		if item.Delta {
			err = checkDelta(item.Content, body)
			deltas.add(item)
		} else {
			_, err = io.Copy(io.Discard, body)
			whole.add(item)
		}
		if err != nil {
			return err
		}
	}
}

// tally counts items: what they make, and what they take.
type tally struct {
	count         int
	bytes, length int64
}

func (t *tally) add(i *Item) {
	t.count, t.bytes, t.length = t.count+1, t.bytes+i.Size, t.length+i.Length
}

// interruptible ends reading with the context.
type interruptible struct {
	ctx context.Context
	r   io.Reader
}

func (i interruptible) Read(p []byte) (int, error) {
	if i.ctx.Err() != nil {
		return 0, fault.New(fault.Interrupted, "verification: %w", context.Cause(i.ctx))
	}
	return i.r.Read(p)
}
