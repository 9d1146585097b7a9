package apply

import (
	"context"
	"fmt"

	"packlift/internal/manifest"
)

// scratchName is where a content lies that others are told from and that the
// target has not; it is gone before the run moves anything.
func scratchName(dir string, i int) string { return fmt.Sprintf("%s/%07d", dir, i) }

// withScratch is what is wanted still, and with it what has to be made on the way
// there. It notes where the contents lie that others are told from, and for which
// of them these have to wait.
func (t *stager) withScratch(want *wants) (*wants, error) {
	all := &wants{}
	var deltas []int
	for ops := range want.each {
		all.ops = append(all.ops, ops...)
		deltas = t.pl.ways.appendDelta(deltas, ops[0].After.SHA256)
	}
	list, bases := t.pl.ways.onTheWay(deltas)
	for i, b := range list {
		e := &manifest.Entry{Type: manifest.File, Mode: 0o600, Size: b.Size, SHA256: b.SHA256}
		o := &op{Path: b.SHA256.String(), After: e, New: scratchName(t.scratch, i), scratch: true}
		all.ops, t.place[b.SHA256] = append(all.ops, o), o.New
		t.total += b.Size
	}
	all.sort()
	for d := range bases {
		if ops := t.all.of(d); len(ops) > 0 {
			t.place[d] = ops[0].New
		}
		if len(all.of(d)) > 0 {
			t.ready[t.place[d]] = make(chan struct{})
		}
	}
	if t.hasScratch = len(list) > 0; !t.hasScratch {
		return all, nil
	}
	return all, t.root.Mkdir(t.scratch, 0o700)
}

// dropScratch removes what nothing is told from any more.
func (t *stager) dropScratch() error {
	if !t.hasScratch {
		return nil
	}
	return t.root.RemoveAll(t.scratch)
}

// base is where a content lies that others are told from.
func (t *stager) base(d manifest.Digest) string {
	if p := t.pl.bases[d]; p != "" {
		return p
	}
	if p := t.pl.held[d]; p != "" {
		return p
	}
	return t.place[d]
}

// await waits until a content that this run makes is there. It was begun before
// whoever waits for it: what a delta is told from stands further to the front.
func (t *stager) await(ctx context.Context, name string) error {
	ready := t.ready[name]
	if ready == nil {
		return nil
	}
	select {
	case <-ready:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// made tells those who wait for o.
func (t *stager) made(o *op) {
	if c := t.ready[o.New]; c != nil {
		close(c)
	}
}
