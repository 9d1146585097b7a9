package export

import (
	"context"
	"errors"
	"fmt"

	"packlift/bundle"
	"packlift/internal/fault"
	"packlift/internal/manifest"
	"packlift/verify"
)

// Created tells what CreateUpdate made.
type Created struct {
	Path     string // where it is; "-" for stdout
	Info     *bundle.Info
	Size     int64           // bytes of the bundle
	SHA256   manifest.Digest // of the bundle
	Added    int             // paths the step adds, modifies, removes
	Modified int
	Removed  int
	Contents int            // blobs in the payload
	Bytes    int64          // their plain size
	Report   *verify.Report // what the check of the written bundle said
	Placed   []string       // importers renewed in the pack's bin
	Assumed  []string       // of the sites that the bundle is for
	Warnings []string
}

// CreateUpdate makes one bundle of one step, or of a whole product, signs it,
// verifies what it wrote and puts it in place. Errors have the class of their
// fault: Usage, Untrusted (the site would not accept it), Interrupted when ctx ends.
func CreateUpdate(ctx context.Context, o CreateOptions) (*Created, error) {
	if err := o.normalise(ctx); err != nil {
		return nil, err
	}
	c := &creation{CreateOptions: o, ctx: ctx, meter: newMeter(o.Progress)}
	c.made.Assumed = o.assumed
	defer c.close()
	for _, step := range []func() error{c.chooseTools, c.scan, c.planPayload, c.openOutput, c.fetch, c.write, c.check, c.digest} {
		err := ctx.Err()
		if err == nil {
			err = step()
		}
		if ctx.Err() != nil {
			return nil, c.notWritten()
		}
		if err != nil {
			return nil, err
		}
	}
	return c.finish()
}

// finish does not stop between the bundle and what belongs to it.
func (c *creation) finish() (*Created, error) {
	err := c.publish()
	switch {
	case errors.Is(err, context.Canceled): // in the middle of standard output
		return nil, c.notWritten()
	case err != nil:
		return nil, err
	case c.ctx.Err() != nil:
		return nil, fault.New(fault.Interrupted, "%w; the bundle is written all the same: %s", context.Cause(c.ctx), c.made.Path)
	}
	c.placeTools()
	return &c.made, nil
}

func (c *creation) notWritten() error {
	return fault.New(fault.Interrupted, "the bundle was not written: %w", context.Cause(c.ctx))
}

// creation is one run; each step fills in what the next ones need.
type creation struct {
	CreateOptions
	ctx   context.Context
	meter *meter
	made  Created

	packBin map[platform]string
	folder  *toolFolder
	tools   []*tool

	stops   []*stop // start, if there is one, between, end
	changes changes // from the first to the last
	payload []*carried
	deltas  allowance
	out     *output
}

func (c *creation) close() {
	c.meter.stop()
	for _, s := range c.stops {
		s.tree.Close()
	}
	if c.out != nil {
		c.out.cleanup()
	}
}

// chooseTools finds, proves and signs the importers, and with a trust set
// asks whether the site would run them.
func (c *creation) chooseTools() (err error) {
	if c.NoTools {
		return nil
	}
	if c.Pack != "" {
		sweepPackBin(c.Pack)
		if c.packBin, err = packTools(c.Pack); err != nil {
			return err
		}
	}
	if c.folder, err = c.withDepot(findTools(c.ToolsDir)); err != nil {
		return err
	}
	want, err := c.folder.choose(c.Platforms, c.packBin)
	if err != nil {
		return err
	}
	if c.tools, err = c.folder.load(c.ctx, want); err != nil {
		return err
	}
	for _, t := range c.tools {
		if err := t.sign(c.Signers); err != nil {
			return err
		}
		if c.Trust == nil {
			continue
		}
		if err := t.check(c.Trust, c.Created, c.Signers); err != nil {
			return err
		}
	}
	return nil
}

// scan lists and hashes the trees, and says what differs from the first to the last.
func (c *creation) scan() error {
	c.meter.start(StageScan, 0)
	if err := c.openStops(); err != nil {
		return err
	}
	base := c.base()
	c.changes = changesOf(base, c.target())
	c.made.Added, c.made.Modified, c.made.Removed = len(c.changes.added), len(c.changes.modified), len(c.changes.removed)
	c.made.Warnings = c.warnings()
	if c.changes.strangers(base) {
		c.made.Warnings = append(c.made.Warnings, fmt.Sprintf("%s has not one path in common with %s: is it the same product?", c.To, c.From))
	}
	if base != nil && c.changes.paths == 0 {
		return fault.New(fault.Usage, "nothing changes from %s to %s: there is nothing to carry", c.From, c.To).
			WithHint("give the trees of two levels with --from and --to")
	}
	return nil
}

// placeTools comes after the bundle is published: what goes wrong here is a
// warning, the bundle stays good.
func (c *creation) placeTools() {
	if c.Pack == "" {
		return
	}
	placed, err := placeTools(c.ctx, c.Pack, c.packBin, c.tools)
	c.made.Placed = placed
	if err != nil {
		c.made.Warnings = append(c.made.Warnings, fmt.Sprintf("the pack's importer was not renewed: %v", err))
	}
}
