package export

import (
	"bytes"
	"fmt"
	"io"

	"packlift/bundle"
	"packlift/bundle/tarball"
	"packlift/internal/sigfiles"
	"packlift/verify"
)

// info is MANIFEST.json without what the writer finds out itself.
func (c *creation) info() bundle.Info {
	i := bundle.Info{
		Format: bundle.FormatVersion, Product: c.Product, Version: c.Version,
		Kind: bundle.Full, Channel: c.Channel, Start: c.Start, End: c.End,
		Sequence: c.sequence(), MinSequence: c.MinSequence, MinimumTool: c.MinimumTool,
		Created: c.Created, BestBefore: c.BestBefore,
		Recipients: len(c.Recipients), TargetManifest: c.target().Digest(),
	}
	if c.From != "" {
		i.Kind, i.BaseManifest = bundle.Update, c.base().Digest()
		for _, s := range c.stops[1 : len(c.stops)-1] {
			i.Between = append(i.Between, bundle.Stop{Level: s.level, Manifest: s.manifest.Digest()})
		}
	}
	if c.Hotfix > 0 {
		i.Kind = bundle.Hotfix
	}
	i.SetContains(c.Contains)
	if c.Trust != nil {
		i.TrustSet = c.Trust.Fingerprint()
	}
	for _, t := range c.tools {
		i.Tools = append(i.Tools, t.Tool)
	}
	return i
}

// write encodes the three parts and signs. An interrupt does not wait for the
// streams that are being compressed, which can take long: they are left to
// end by themselves, onto a file that is closed by then.
func (c *creation) write() error {
	levels, err := c.levelFiles()
	if err != nil {
		return err
	}
	c.meter.start(StageWrite, c.plainSize(levels))
	type result struct {
		info *bundle.Info
		err  error
	}
	done := make(chan result, 1)
	go func() {
		info, err := c.encode(levels)
		done <- result{info, err}
	}()
	select {
	case r := <-done:
		c.made.Info = r.info
		return r.err
	case <-c.ctx.Done():
		return c.ctx.Err()
	}
}

// plainSize is what the three parts hold in all, which is what is compressed.
func (c *creation) plainSize(levels []levelFile) int64 {
	total := int64(len(bundle.PartNames)) * tarball.Trailer
	for _, t := range c.tools {
		total += tarball.Room(int64(len(t.statement))) + tarball.Room(t.Size)
		for _, sig := range t.sigs {
			total += tarball.Room(int64(len(sig)))
		}
	}
	for _, f := range levels {
		total += tarball.Room(f.size)
	}
	for _, x := range c.payload {
		total += tarball.Room(x.length())
	}
	return total
}

func (c *creation) encode(levels []levelFile) (*bundle.Info, error) {
	o := bundle.WriterOptions{
		Info: c.info(), Recipients: c.Recipients, Jobs: c.Jobs, MaxMemory: c.room() - c.deltas.kept, Progress: c.meter.add,
	}
	if cache := openCache(c.Cache); cache != nil {
		defer cache.close()
		o.ToolsCache = cache
	}
	w, err := bundle.NewWriter(c.out, o)
	if err != nil {
		return nil, err
	}
	defer w.Abort()
	parts := []struct {
		name string
		fill func(*bundle.PartWriter) error
	}{{bundle.ToolsName, c.writeTools}, {bundle.LevelsName, writeLevels(levels)}, {bundle.PayloadName, c.writePayload}}
	for _, p := range parts {
		part, err := w.Part(p.name)
		if err != nil {
			return nil, err
		}
		if err := p.fill(part); err != nil {
			return nil, err
		}
		if err := part.Close(); err != nil {
			return nil, err
		}
	}
	return w.Finish(func(sums []byte) ([][]byte, error) {
		if err := c.ctx.Err(); err != nil {
			return nil, err
		}
		return signAll(c.Signers, verify.NamespaceBundle, sums, map[string]bool{})
	})
}

func (c *creation) writeTools(w *bundle.PartWriter) error {
	for _, t := range c.tools {
		if err := addBytes(w, bundle.StatementName(t.OS, t.Arch), t.statement); err != nil {
			return err
		}
		for i, sig := range t.sigs {
			if err := addBytes(w, bundle.StatementSigName(t.OS, t.Arch, i+1), sig); err != nil {
				return err
			}
		}
		if err := c.addFile(w, bundle.ToolName(t.OS, t.Arch), bundle.Blob{Size: t.Size, SHA256: t.SHA256}, t.path, t.open); err != nil {
			return err
		}
	}
	return nil
}

// addFile reads a file into the part and checks that it is still what was scanned.
func (c *creation) addFile(w *bundle.PartWriter, name string, b bundle.Blob, path string, open func() (io.ReadCloser, error)) error {
	f, err := open()
	if err != nil {
		return err
	}
	defer f.Close()
	if err := w.Add(name, b.Size, newChecked(withContext(c.ctx, f), path, b.Size, b.SHA256)); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

func addBytes(w *bundle.PartWriter, name string, b []byte) error {
	return w.Add(name, int64(len(b)), bytes.NewReader(b))
}

// check reads the bundle as a site would, through the file as it was written.
func (c *creation) check() error {
	size, err := c.out.size()
	if err != nil {
		return err
	}
	trust := c.Trust
	if trust == nil {
		if trust, err = ownTrust(c.Signers); err != nil {
			return err
		}
	}
	c.made.Size = size
	c.meter.start(StageVerify, size)
	_, c.made.Report, err = verify.Open(c.ctx, c.out, size, verify.Options{Trust: trust, Now: c.Now(), Jobs: c.Jobs, Progress: c.meter.add})
	if err != nil {
		return fmt.Errorf("the bundle as written: %w", err)
	}
	return nil
}

// digest reads a bundle that goes to a file once more, for its sidecar.
func (c *creation) digest() (err error) {
	if c.Output != "-" {
		c.made.SHA256, err = c.out.digest(c.ctx, c.made.Size)
	}
	return err
}

func (c *creation) publish() (err error) {
	if c.Output == "-" {
		c.made.SHA256, err = digestOf(c.ctx, c.out, c.made.Size, c.Stdout)
		return err
	}
	if err := c.out.publish(c.made.SHA256); err != nil {
		return err
	}
	return c.dropStaleSigs()
}

// dropStaleSigs removes the detached signatures of the bundle that stood under
// this name before: they sign another SHA256SUMS, and none of this one's can be
// there yet.
func (c *creation) dropStaleSigs() error {
	n, err := c.out.dropSigs()
	if n > 0 {
		c.made.Warnings = append(c.made.Warnings, fmt.Sprintf("the signatures of the bundle that stood here before are removed from %s: %d", sigfiles.Dir(c.made.Path), n))
	}
	if err != nil {
		return fmt.Errorf("the bundle is written, but signatures of the one before stay in %s: %w", sigfiles.Dir(c.made.Path), err)
	}
	return nil
}
