package apply

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"packlift/internal/manifest"
)

// scratchName is where a content lies that others are told from and that the
// target has not; it is gone before the run moves anything.
func scratchName(dir string, i int) string { return fmt.Sprintf("%s/%07d", dir, i) }

// lay notes where the contents come to lie that this run stages.
func (t *stager) lay(want map[manifest.Digest][]*op) {
	for d, ops := range want {
		t.place[d] = ops[0].New
	}
}

// makeScratch adds to what is wanted what has to be made on the way there, and
// notes which contents others wait for.
func (t *stager) makeScratch(want map[manifest.Digest][]*op) error {
	list, bases := t.pl.ways.onTheWay(slices.Collect(maps.Keys(want)))
	for i, b := range list {
		e := &manifest.Entry{Type: manifest.File, Mode: 0o600, Size: b.Size, SHA256: b.SHA256}
		o := &op{Path: b.SHA256.String(), After: e, New: scratchName(t.scratch, i), scratch: true}
		want[b.SHA256], t.place[b.SHA256] = []*op{o}, o.New
		t.total += b.Size
	}
	for d := range bases {
		if want[d] != nil {
			t.ready[t.place[d]] = make(chan struct{})
		}
	}
	if t.hasScratch = len(list) > 0; !t.hasScratch {
		return nil
	}
	return t.root.Mkdir(t.scratch, 0o700)
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
