package apply

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"packlift/internal/fault"
	"packlift/internal/manifest"
	"packlift/internal/pack"
	"packlift/internal/rootfs"
)

// smallBlob: up to this a blob is held in memory while others are read.
const smallBlob = 1 << 20

// blobs gives contents one after the other; io.EOF after the last.
type blobs interface {
	Next() (*content, error)
}

// stager makes ready what a run moves.
type stager struct {
	pack    *pack.Pack
	root    *rootfs.Root
	pl      *Plan
	o       Options
	at      places
	folders *folders
	done    atomic.Int64
	total   int64                      // bytes to stage
	ahead   [4][]byte                  // what writeLarge reads into
	makers  chan struct{}              // one for each delta that is being applied
	all     *wants                     // what was wanted to begin with
	place   map[manifest.Digest]string // where those of them lie that others are told from
	ready   map[string]chan struct{}   // by name in the stage: closed once a content is there that others are told from

	scratch    string // folder of what is made on the way
	hasScratch bool
}

func newStager(p *pack.Pack, pl *Plan, o Options) *stager {
	at := places{pl.head.Txn}
	return &stager{pack: p, root: p.Root(), pl: pl, o: o, at: at, folders: newFolders(p.Root()), total: pl.Write, makers: make(chan struct{}, deltaWorkers),
		place: map[manifest.Digest]string{}, ready: map[string]chan struct{}{}, scratch: at.scratchDir()}
}

// note is what a later run needs to sweep a stage that never got a journal. A
// backup outside holds a copy of it; Mark, which nobody can guess, proves by
// that copy that the folder is this run's.
type note struct {
	Mark    string   `json:"mark,omitempty"`
	Outside string   `json:"outside,omitempty"`
	Mounts  []string `json:"mounts,omitempty"`
	State   string   `json:"state,omitempty"` // the one that the run began with, by its digest
}

// stage makes every new content, the backup, the stored manifest and the
// reserve durable.
// Nothing of the product is touched.
func (t *stager) stage(ctx context.Context, source blobs) error {
	if err := t.makePlaces(); err != nil {
		return err
	}
	contents := func() error { return t.contents(ctx, source) }
	if t.pl.Kind == kindRevert {
		contents = func() error { return t.fromBackup(ctx) }
	}
	if err := contents(); err != nil {
		return err
	}
	t.pl.cache = nil
	if err := t.dropScratch(); err != nil {
		return err
	}
	if err := t.splits(ctx); err != nil {
		return err
	}
	if err := t.owns(ctx); err != nil {
		return err
	}
	if err := t.backup(ctx); err != nil {
		return err
	}
	if err := t.saveManifests(); err != nil {
		return err
	}
	if err := t.saveCustomized(); err != nil {
		return err
	}
	if err := t.stageChangelog(); err != nil {
		return err
	}
	if err := t.pl.reserve.hold(t.root); err != nil {
		return err
	}
	return t.syncStage()
}

// manifests are those that the run keeps, some of them nil: the target's; the base's where
// a revert would else lead back to a level that no manifest is known of; one that was lost.
func (pl *Plan) manifests() []*manifest.Manifest {
	return []*manifest.Manifest{pl.base, pl.target, pl.restored}
}

func (t *stager) saveManifests() error {
	for _, m := range t.pl.manifests() {
		if m == nil {
			continue
		}
		if err := t.pack.SaveManifest(m); err != nil {
			return err
		}
	}
	return nil
}

func (t *stager) makePlaces() error {
	for _, dir := range []string{t.at.newDir(), t.at.oldDir()} {
		if err := t.root.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	b, err := json.Marshal(note{rand.Text(), t.pl.head.Outside, t.pl.head.Mounts, stateSum(t.pl.head.StateBefore)})
	if err != nil {
		return err
	}
	if err := t.root.WriteFile(t.at.note(), b, 0o600); err != nil {
		return err
	}
	for _, dir := range []string{stageRoot, dataDir} {
		if err := t.root.SyncDir(dir); err != nil {
			return err
		}
	}
	for _, top := range t.pl.head.Mounts {
		if err := t.root.Mkdir(t.at.mount(top), 0o700); err != nil {
			return err
		}
	}
	return nil
}

// contents stages what the ops need. Every digest is read once; further paths
// that share it are copies, never hard links.
func (t *stager) contents(ctx context.Context, source blobs) error {
	t.all = t.wanted()
	if err := t.fromStaged(ctx, t.all); err != nil {
		return err
	}
	return t.contentsFrom(ctx, source, t.all)
}

func (t *stager) contentsFrom(ctx context.Context, source blobs, want *wants) error {
	if want.left == 0 {
		return nil
	}
	want, err := t.withScratch(want)
	if err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(max(4, t.o.Jobs))
	err = t.read(ctx, g, source, want)
	if werr := g.Wait(); werr != nil && !errors.Is(werr, context.Canceled) {
		err = werr
	}
	if c, ok := source.(io.Closer); ok && err == nil { // its buffers are free for what comes after
		err = c.Close()
	}
	if err != nil {
		return err
	}
	for ops := range want.each {
		return fault.New(fault.Tampered, "the bundle has not the content %s of %q", ops[0].After.SHA256, ops[0].Path)
	}
	return nil
}

// splits stages copies of the files whose mode alone changes and that must not
// share it with their other names.
func (t *stager) splits(ctx context.Context) error {
	for i := range t.pl.ops {
		o := &t.pl.ops[i]
		if !o.split {
			continue
		}
		f, err := t.root.Open(o.Path)
		if err != nil {
			return err
		}
		if err := errors.Join(t.write(o, &contextReader{ctx, f}), f.Close()); err != nil {
			return err
		}
	}
	return nil
}

// inPlace: the content lies ready in the pack's backup.
func (t *stager) inPlace(o *op) bool {
	return t.pl.head.Reverts > 0 && o.New == treeName(t.pl.head.Reverts, o.Path)
}

func (t *stager) read(ctx context.Context, g *errgroup.Group, source blobs, want *wants) error {
	for want.left > 0 {
		if ctx.Err() != nil {
			return interrupted(ctx)
		}
		c, err := source.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		ops := want.take(c.SHA256)
		switch {
		case len(ops) == 0:
			_, err = io.Copy(io.Discard, c)
		case c.Size != ops[0].After.Size:
			err = fault.New(fault.Tampered, "the content %s has %d bytes, the manifest says %d", c.SHA256, c.Size, ops[0].After.Size)
		case t.pl.held[c.SHA256] != "":
			err = t.stageHeld(ctx, ops, t.pl.held[c.SHA256])
		case c.Delta:
			err = t.stageDelta(ctx, g, ops, c)
		default:
			err = t.stageBlob(ctx, g, ops, c.Size, c)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// stageBlob hands a small content to the workers and writes a large one
// itself, so that memory stays bounded whatever the sizes.
func (t *stager) stageBlob(ctx context.Context, g *errgroup.Group, ops []*op, size int64, r io.Reader) error {
	if size > smallBlob {
		if err := t.writeLarge(ctx, ops[0], r); err != nil {
			return err
		}
		t.copies(ctx, g, ops)
		return nil
	}
	buf := smalls.Get().(*bytes.Buffer)
	data := sized(buf, size)
	if _, err := io.ReadFull(r, data); err != nil {
		return fmt.Errorf("content of %q: %w", ops[0].Path, err)
	}
	if n, err := io.Copy(io.Discard, r); err != nil || n != 0 { // the check stands at the end
		return errors.Join(err, extra(n, ops[0].Path))
	}
	g.Go(func() error {
		defer smalls.Put(buf)
		for _, o := range ops {
			if err := t.write(o, bytes.NewReader(data)); err != nil {
				return err
			}
		}
		return nil
	})
	return nil
}

// copies stages the further paths of a content that is staged.
func (t *stager) copies(ctx context.Context, g *errgroup.Group, ops []*op) {
	for _, o := range ops[1:] {
		g.Go(func() error { return t.copyStaged(ctx, ops[0], o) })
	}
}

func extra(n int64, p string) error {
	if n == 0 {
		return nil
	}
	return fault.New(fault.Tampered, "the content of %q is %d bytes longer than stated", p, n)
}

func (t *stager) copyStaged(ctx context.Context, from, to *op) error {
	f, err := t.root.Open(from.New)
	if err != nil {
		return err
	}
	defer f.Close()
	return t.write(to, &contextReader{ctx, f})
}

func (t *stager) stageChangelog() error {
	text, err := t.pl.changelogText(t.o)
	if err != nil || text == nil {
		return err
	}
	t.pl.head.Changelog = t.pl.head.changelogName()
	return t.root.PlaceFile(t.at.changelog(), text, 0o600)
}

// changelogText is nil where none is written.
func (pl *Plan) changelogText(o Options) ([]byte, error) {
	switch {
	case !pl.hasChangelog(o):
		return nil, nil
	case o.Template == "" && pl.Kind == kindHotfix:
		return pack.HotfixChangelog(pl.Product, pl.Version, pl.To, pl.head.Hotfix, pl.Added, pl.Modified, pl.Removed), nil
	case o.Template == "":
		return pack.Changelog(pl.Product, pl.Version, pl.From, pl.To, pl.Added, pl.Modified, pl.Removed), nil
	}
	s, err := pack.RenderTemplate(o.Template, pl.Added, pl.Modified, pl.Removed)
	return append([]byte{}, s...), err
}

func (t *stager) syncStage() error {
	dirs := map[string]bool{t.at.newDir(): true, t.at.stage(): true, dataDir: true}
	if t.pl.head.Generation > 0 {
		dirs[backupTop] = true
	}
	for _, top := range t.pl.head.Mounts {
		dirs[t.at.mount(top)], dirs[top] = true, true
	}
	return syncPack(t.root, t.pl.head.Mounts, dirs)
}

type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c *contextReader) Read(b []byte) (int, error) {
	if c.ctx.Err() != nil {
		return 0, interrupted(c.ctx)
	}
	return c.r.Read(b)
}

// interrupted says what ended ctx. Nothing of the product was moved then.
func interrupted(ctx context.Context) error {
	return fault.New(fault.Interrupted, "%w", context.Cause(ctx))
}
