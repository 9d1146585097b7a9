package apply

import (
	"bytes"
	"context"
	"errors"
)

// own is a new content that is none of the bundle's: what a merge made, or a
// file of the pack that the user wrote.
type own struct {
	data []byte
	file string // where it lies; empty: data
}

// owns stages them.
func (t *stager) owns(ctx context.Context) error {
	for i := range t.pl.ops {
		o := &t.pl.ops[i]
		if o.own == nil || !o.needsNew() {
			continue
		}
		if ctx.Err() != nil {
			return interrupted(ctx)
		}
		if err := t.stageOwn(ctx, o); err != nil {
			return err
		}
	}
	return nil
}

func (t *stager) stageOwn(ctx context.Context, o *op) error {
	if o.own.file == "" {
		return t.write(o, bytes.NewReader(o.own.data))
	}
	f, err := t.root.Open(o.own.file)
	if err != nil {
		return missingNow(o.own.file, err)
	}
	err = t.write(o, &contextReader{ctx, f})
	if isTampered(err) {
		err = changedMeanwhile(o.own.file)
	}
	return errors.Join(err, f.Close())
}
