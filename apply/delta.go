package apply

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"golang.org/x/sync/errgroup"

	"packlift/bundle/delta"
	"packlift/internal/fault"
	"packlift/internal/manifest"
	"packlift/verify"
)

// smallDelta: a delta of up to so many bytes is held while others are read, and
// made into a content by a worker; deltaWorkers of them at a time, for each
// takes up to delta.MaxMemory.
const (
	smallDelta   = 8 << 20
	deltaWorkers = 2
)

// stageDelta makes the content of a delta and stages it.
func (t *stager) stageDelta(ctx context.Context, g *errgroup.Group, ops []*op, c *content) error {
	if c.length > smallDelta {
		if err := t.writeDelta(ctx, ops[0], c.Content, c); err != nil {
			return err
		}
		t.copies(ctx, g, ops)
		return nil
	}
	data := make([]byte, c.length)
	if _, err := io.ReadFull(c, data); err != nil {
		return fmt.Errorf("delta of %q: %w", ops[0].Path, err)
	}
	select {
	case t.makers <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	g.Go(func() error {
		err := t.writeDelta(ctx, ops[0], c.Content, bytes.NewReader(data))
		<-t.makers
		for _, o := range ops[1:] {
			if err == nil {
				err = t.copyStaged(ctx, ops[0], o)
			}
		}
		return err
	})
	return nil
}

// stageHeld stages copies of what the pack holds at p.
func (t *stager) stageHeld(ctx context.Context, ops []*op, p string) error {
	for _, o := range ops {
		f, err := t.root.Open(p)
		if err != nil {
			return missingNow(p, err)
		}
		if err := errors.Join(t.write(o, &contextReader{ctx, f}), f.Close()); err != nil {
			return err
		}
	}
	return nil
}

func missingNow(p string, err error) error {
	if absent(err) {
		return changedMeanwhile(p)
	}
	return err
}

func (t *stager) writeDelta(ctx context.Context, o *op, c manifest.Content, r io.Reader) (err error) {
	d, err := verify.OpenDelta(c, &contextReader{ctx, r})
	if ctx.Err() != nil {
		return interrupted(ctx)
	}
	if err != nil {
		return err
	}
	bases, closeAll, err := t.bases(ctx, c)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeAll()) }()
	return t.writeBy(o, func(w delta.Digester) error {
		out := &contextWriter{ctx: ctx, Digester: w}
		err := d.Apply(out, bases)
		if out.err != nil { // a full disk, not the delta
			return out.err
		}
		if err != nil {
			return t.whyNot(c, err)
		}
		return nil
	})
}

// contextWriter ends with ctx, and keeps the error that ended it.
type contextWriter struct {
	ctx context.Context
	delta.Digester
	err error
}

func (c *contextWriter) Write(b []byte) (n int, err error) {
	if c.ctx.Err() != nil {
		c.err = interrupted(c.ctx)
		return 0, c.err
	}
	n, c.err = c.Digester.Write(b)
	return n, c.err
}

// bases opens what c is told from: in memory, or the files where the plan found
// them; it waits for those that this run makes.
func (t *stager) bases(ctx context.Context, c manifest.Content) (out []io.ReaderAt, closeAll func() error, err error) {
	var closers []io.Closer
	closeAll = func() (err error) {
		for _, f := range closers {
			err = errors.Join(err, f.Close())
		}
		return err
	}
	for _, d := range c.Bases {
		if data := t.pl.cache.get(d); data != nil {
			out = append(out, bytes.NewReader(data))
			continue
		}
		name := t.base(d)
		if err := t.await(ctx, name); err != nil {
			return nil, nil, errors.Join(err, closeAll())
		}
		f, err := t.root.Open(name)
		if err != nil {
			return nil, nil, errors.Join(missingNow(name, err), closeAll())
		}
		out, closers = append(out, f), append(closers, f)
	}
	return out, closeAll, nil
}

// whyNot tells a base that changed since the plan from a delta that lies.
func (t *stager) whyNot(c manifest.Content, cause error) error {
	if fault.ClassOf(cause) != fault.General {
		return cause
	}
	for _, d := range c.Bases {
		if t.pl.cache.get(d) != nil {
			continue
		}
		p := t.base(d)
		if now, err := entryNow(t.root, p); err != nil {
			return errors.Join(cause, err)
		} else if !isFile(now) || now.SHA256 != d {
			return changedMeanwhile(p)
		}
	}
	return verify.DeltaFault(c, cause)
}
