package export

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"packlift/bundle"
	"packlift/bundle/xzpar"
	"packlift/internal/depot"
	"packlift/internal/fault"
	"packlift/internal/fetch"
	"packlift/internal/keys"
	"packlift/internal/manifest"
	"packlift/internal/rootfs"
	"packlift/verify"
)

// PublishOptions say what becomes a depot's next level.
type PublishOptions struct {
	Tree             string // folder or archive; a pack's updates/product.txt names the product
	Depot            string // folder
	Product, Version string
	Level            int
	Channel          string // empty: depot.FullChannel
	Summary          string // Markdown
	Security         []string
	Signers          []keys.Signer
	Trust            *verify.TrustSet // whom readers trust; nil: the signers alone
	Seen             *depot.Seen      // what this publisher saw of depots; may be nil
	ToolsDir         string           // importers and exporters; empty: those that came with the exporter, if any
	Jobs             int
	MaxMemory        int64
	LockTimeout      time.Duration
	Now              func() time.Time
	Progress         Progress
}

// Published tells what Publish made.
type Published struct {
	Depot      string          `json:"depot"`   // the product's folder
	Product    string          `json:"product"` // NAME-VERSION
	Level      int             `json:"level"`
	Channel    string          `json:"channel"`
	Serial     int64           `json:"serial"`
	Index      manifest.Digest `json:"index"`
	Contents   int             `json:"contents"` // new ones
	Bytes      int64           `json:"bytes"`    // of their files
	Deltas     int             `json:"deltas"`   // new ones
	DeltaBytes int64           `json:"delta_bytes"`
	Tools      []string        `json:"tools"`
	Warnings   []string        `json:"-"`
}

// Publish makes a tree the next level of a depot. Readers see it all at once,
// when the index is replaced, or not at all. Errors are of class Usage,
// Untrusted (the depot's index, or what would be signed), Locked, Interrupted.
func Publish(ctx context.Context, o PublishOptions) (*Published, error) {
	if err := o.normalise(); err != nil {
		return nil, err
	}
	store, err := depot.OpenStore(ctx, o.Depot, o.Product, o.Version, o.LockTimeout)
	if err != nil {
		return nil, err
	}
	defer store.Close()
	p := &publishing{PublishOptions: o, ctx: ctx, store: store, meter: newMeter(o.Progress)}
	defer p.close()
	for _, step := range []func() error{p.before, p.scan, p.putContents, p.putDeltas, p.putLevel, p.putTools, p.commit} {
		if err := ctx.Err(); err != nil {
			return nil, fault.New(fault.Interrupted, "nothing is published: %w", context.Cause(ctx))
		}
		if err := step(); err != nil {
			return nil, err
		}
	}
	return &p.made, nil
}

func (o *PublishOptions) normalise() error {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Jobs <= 0 {
		o.Jobs = runtime.GOMAXPROCS(0)
	}
	if o.MaxMemory <= 0 {
		o.MaxMemory = DefaultMaxMemory
	}
	if o.Channel == "" {
		o.Channel = depot.FullChannel
	}
	if o.MaxMemory < LeastMemory {
		return fault.New(fault.Usage, "%d MiB of memory are too few", o.MaxMemory>>20).WithHint("give --max-memory %dM or more", LeastMemory>>20)
	}
	if err := depot.CheckChannel(o.Channel); err != nil {
		return fault.New(fault.Usage, "%w", err)
	}
	if o.Level < 0 || o.Level > manifest.MaxLevel {
		return fault.New(fault.Usage, "level %d is not 0 to %d", o.Level, manifest.MaxLevel)
	}
	if err := o.SetProduct(); err != nil {
		return err
	}
	if err := outside(filepath.Join(o.Depot, "x"), o.Tree); err != nil {
		return err
	}
	slices.Sort(o.Security)
	o.Security = slices.Compact(o.Security)
	return checkSigners(o.Signers)
}

// SetProduct takes the product from the tree where it is not named.
func (o *PublishOptions) SetProduct() error {
	c := CreateOptions{Product: o.Product, Version: o.Version}
	if _, err := os.Stat(filepath.Join(o.Tree, "updates", "product.txt")); err == nil {
		c.Pack = o.Tree
	}
	err := c.SetProduct()
	o.Product, o.Version = c.Product, c.Version
	return err
}

// publishing is one run.
type publishing struct {
	PublishOptions
	ctx   context.Context
	store *depot.Store
	meter *meter
	made  Published

	view    *depot.View // nil where the depot begins
	tree    source
	m       *manifest.Manifest
	objects []manifest.Object
	stored  map[manifest.Digest]manifest.Object // contents that the depot has
	record  depot.Level
	tools   []depot.Tool
}

func (p *publishing) close() {
	p.meter.stop()
	if p.tree != nil {
		p.tree.Close()
	}
}

// before reads what is published already, as a reader who trusts the signers would.
func (p *publishing) before() error {
	src, err := fetch.Open(p.Depot, fetch.Options{})
	if err != nil {
		return err
	}
	trust := p.Trust
	if trust == nil {
		if trust, err = ownTrust(p.Signers); err != nil {
			return err
		}
	}
	p.view, err = depot.Open(p.ctx, depot.Options{Source: src, Product: p.Product, Version: p.Version, Trust: trust})
	if errors.Is(err, fs.ErrNotExist) {
		p.view = nil
		return nil
	}
	if err != nil {
		if p.Trust == nil && fault.ClassOf(err) == fault.Untrusted {
			return fault.New(fault.Untrusted, "%w", err).WithHint("the depot's levels were signed by others: give the trust set that knows them with --trust DIR")
		}
		return err
	}
	if err := p.goesOn(); err != nil {
		return err
	}
	if list := p.view.Index.Levels; len(list) > 0 && list[len(list)-1].Level >= p.Level {
		last := list[len(list)-1].Level
		return fault.New(fault.WrongLevel, "level %d does not follow: the depot's newest is %d, and levels only grow", p.Level, last).
			WithHint("publish it as --level %d", last+1)
	}
	return nil
}

// goesOn: the depot is no old copy, or another history, of what this publisher saw.
func (p *publishing) goesOn() error {
	if p.Seen == nil {
		return nil
	}
	err := p.Seen.Judge(p.view)
	if fault.ClassOf(err) != fault.Rollback {
		return err
	}
	return fault.New(fault.Rollback, "%w", err).
		WithHint("an old copy, or another one? Readers that saw the newer index refuse what follows this one: publish to the depot that shows it, or copy that back first")
}

// scan lists the tree; what is the level before once more is refused.
func (p *publishing) scan() (err error) {
	p.meter.start(StageScan, 0)
	if p.tree, err = openSource(p.ctx, p.Tree, reading{jobs: p.Jobs, progress: p.meter.add}); err != nil {
		return err
	}
	c := creation{CreateOptions: CreateOptions{Product: p.Product, Version: p.Version}}
	if p.m, err = c.manifestOf(p.tree, p.Level); err != nil {
		return fmt.Errorf("%s: %w", p.Tree, err)
	}
	p.made.Warnings = modeless(rootfs.KeepsModes, p.Tree)
	p.stored = map[manifest.Digest]manifest.Object{}
	if p.view == nil {
		return nil
	}
	list := p.view.Index.Levels
	for i, l := range list {
		s, err := openLevel(p.ctx, p.view, l, nil)
		if err != nil {
			return err
		}
		for d, o := range s.whole {
			p.stored[d] = *o
		}
		if i == len(list)-1 {
			if len(manifest.Compare(s.m, p.m)) == 0 {
				return fault.New(fault.Usage, "%s is level %d as it is published already: nothing changes", p.Tree, l.Level).
					WithHint("is it the tree of the new level?")
			}
			p.carry(s)
		}
	}
	return nil
}

// carry takes over the deltas of the level before that make a content of this one.
func (p *publishing) carry(s *depotSource) {
	for _, b := range manifest.Needed(nil, p.m) {
		for _, o := range s.deltas[b.SHA256] {
			p.objects = append(p.objects, *o)
		}
	}
}

// putContents stores what the depot has not.
func (p *publishing) putContents() error {
	where := map[manifest.Digest]string{}
	for _, e := range p.m.Entries {
		if e.Type == manifest.File {
			where[e.SHA256] = e.Path
		}
	}
	var fresh []manifest.Blob
	var total int64
	for _, b := range manifest.Needed(nil, p.m) {
		if o, ok := p.stored[b.SHA256]; ok {
			p.objects = append(p.objects, o)
		} else if b.Size > 0 {
			fresh = append(fresh, b)
			total += b.Size
		}
	}
	p.meter.start(StageWrite, total)
	out := make([]manifest.Object, len(fresh))
	err := p.packAll(len(fresh), func(c *xzpar.Compressor, i int) error {
		b := fresh[i]
		f, err := p.tree.open(where[b.SHA256])
		if err != nil {
			return err
		}
		defer f.Close()
		name := filepath.Join(p.Tree, filepath.FromSlash(where[b.SHA256]))
		out[i], err = p.store.PutContent(p.ctx, c, b, newChecked(withContext(p.ctx, f), name, b.Size, b.SHA256))
		p.meter.add(b.Size)
		return err
	})
	p.objects = append(p.objects, out...)
	for _, o := range out {
		p.made.Contents++
		p.made.Bytes += o.Stored.Size
	}
	return err
}

// packAll does n things, as many at once as memory and cores allow, each with
// a compressor that nobody else uses.
func (p *publishing) packAll(n int, do func(c *xzpar.Compressor, i int) error) error {
	workers := int(max(1, min(int64(p.Jobs), int64(n), (p.MaxMemory-otherMemory)/xzpar.CompressorMemory)))
	return inParallel(workers, n, func() func(int) error {
		c := xzpar.NewCompressor(false)
		return func(i int) error { return do(c, i) }
	})
}

// putDeltas tells this level's contents from those of the levels that sites come from: the
// one before, and the one before in the level's own channel.
func (p *publishing) putDeltas() error {
	if p.view == nil {
		return nil
	}
	neighbours := map[int]depot.Level{}
	for _, channel := range []string{depot.FullChannel, p.Channel} {
		if list := p.view.Index.Offered(channel); len(list) > 0 {
			neighbours[list[len(list)-1].Level] = list[len(list)-1]
		}
	}
	for _, l := range neighbours {
		if err := p.deltasFrom(l); err != nil {
			return err
		}
	}
	return nil
}

func (p *publishing) deltasFrom(l depot.Level) error {
	base, err := openLevel(p.ctx, p.view, l, nil)
	if err != nil {
		return err
	}
	c := &creation{ctx: p.ctx, meter: p.meter, CreateOptions: CreateOptions{
		From: "level " + fmt.Sprint(l.Level), To: p.Tree, Start: l.Level, End: p.Level, Jobs: p.Jobs, MaxMemory: p.MaxMemory,
	}}
	c.stops = []*stop{{level: l.Level, name: c.From, tree: base, manifest: base.m}, {level: p.Level, name: p.Tree, tree: p.tree, manifest: p.m}}
	if err := c.planPayload(); err != nil {
		return err
	}
	told := slices.DeleteFunc(c.payload, func(x *carried) bool { return !x.Delta || p.has(x) })
	p.meter.start(StageWrite, int64(len(told)))
	out := make([]manifest.Object, len(told))
	err = p.packAll(len(told), func(k *xzpar.Compressor, i int) (err error) {
		defer p.meter.add(1)
		out[i], err = p.putDelta(c, k, told[i])
		return err
	})
	for _, o := range out {
		p.made.Deltas++
		p.made.DeltaBytes += o.Stored.Size
	}
	p.objects = append(p.objects, out...)
	return err
}

// has tells whether the depot has a delta for x already, from the same bases.
func (p *publishing) has(x *carried) bool {
	return slices.ContainsFunc(p.objects, func(o manifest.Object) bool {
		return o.Delta != nil && o.SHA256 == x.SHA256 && slices.Equal(o.Bases, x.Bases)
	})
}

func (p *publishing) putDelta(c *creation, k *xzpar.Compressor, x *carried) (manifest.Object, error) {
	d := x.delta
	if d == nil {
		var err error
		if d, err = c.makeDelta(x); err != nil {
			return manifest.Object{}, err
		}
	}
	x.delta = nil
	sum, n, err := digestWritten(d.WriteTo)
	if err != nil {
		return manifest.Object{}, err
	}
	r, w := io.Pipe()
	defer r.Close()
	go func() {
		_, err := d.WriteTo(w)
		w.CloseWithError(err)
	}()
	return p.store.PutDelta(p.ctx, k, x.Content, manifest.Blob{SHA256: sum, Size: n}, r)
}

// putLevel stores the level's lists and what it says of itself.
func (p *publishing) putLevel() (err error) {
	manifest.SortObjects(p.objects)
	advisory := &bundle.Advisory{Level: p.Level, Date: p.date(), Channel: p.Channel, Summary: p.Summary, Security: p.Security}
	if err := advisory.Check(); err != nil {
		return fault.New(fault.Usage, "%w", err).WithHint("look at --summary and --security")
	}
	p.record, err = p.store.PutLevel(p.ctx, xzpar.NewCompressor(false), p.m, p.objects, advisory)
	return err
}

func (p *publishing) date() time.Time { return p.Now().UTC().Truncate(time.Second) }

// commit signs the new index and puts it in place.
func (p *publishing) commit() error {
	x := depot.Index{Depot: depot.NewID(), Product: p.Product, Version: p.Version, Serial: 1}
	if p.view != nil {
		x = p.view.Index
		x.Serial, x.Previous = x.Serial+1, p.view.Digest
	}
	x.Date = p.date()
	x.Levels = append(slices.Clone(x.Levels), p.record)
	x.Tools = p.tools
	text := x.Marshal()
	sigs, err := signAll(p.Signers, verify.NamespaceDepot, text, map[string]bool{})
	if err != nil {
		return err
	}
	if err := p.accepted(text, sigs); err != nil {
		return err
	}
	if err := p.store.Commit(&x, text, sigs); err != nil {
		return err
	}
	p.made.Depot, p.made.Product, p.made.Level, p.made.Channel = p.store.Path(), p.Product+"-"+p.Version, p.Level, p.Channel
	p.made.Serial, p.made.Index = x.Serial, manifest.Sum(text)
	if p.Seen != nil {
		if err := p.Seen.Keep(&x, p.made.Index); err != nil {
			p.made.Warnings = append(p.made.Warnings, fmt.Sprintf("it is not kept that this index was published, so that an old copy of the depot would not be noticed: %v", err))
		}
	}
	for _, t := range x.Tools {
		p.made.Tools = append(p.made.Tools, strings.TrimPrefix(t.Name, "packlift-")+" "+t.OS+"/"+t.Arch+" "+t.Version)
	}
	return nil
}

// accepted asks, before readers see it, whether they would take the index.
func (p *publishing) accepted(text []byte, raw [][]byte) error {
	if p.Trust == nil {
		return nil
	}
	sigs, err := parseSigs(raw)
	if err != nil {
		return err
	}
	out := p.Trust.Evaluate(verify.NamespaceDepot, p.Product+"-"+p.Version, p.date(), sigs, text)
	if !out.OK {
		return untrusted("the depot's index", out)
	}
	return nil
}
