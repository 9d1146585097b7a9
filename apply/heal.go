package apply

import (
	"context"
	"errors"
	"io"
	"os"
	"slices"
	"strings"

	"packlift/bundle"
	"packlift/internal/count"
	"packlift/internal/fault"
	"packlift/internal/manifest"
	"packlift/internal/pack"
	"packlift/verify"
)

// Healing is a plan that puts a pack's files right, and what it leaves: Changed are
// files that differ and that nobody agreed to replace (they may be customized), Lacking
// those whose content neither the bundle nor the pack holds, Known those that differ
// as they are known to.
type Healing struct {
	*Plan
	Changed []Conflict `json:"changed"`
	Lacking []Conflict `json:"lacking"`
	Known   []Known    `json:"known"`
	source  *heldBlobs
}

// Replace says which paths that differ may be replaced. Preserved ones take being named
// as themselves: no pattern for many reaches them.
type Replace interface {
	Matches(path string) bool
	Names(path string) bool
}

// Err is nil if all is right once the plan was carried out, else of class fault.Differs.
func (h *Healing) Err() error {
	if len(h.Changed)+len(h.Lacking) == 0 {
		return nil
	}
	var left []string
	if n := len(h.Changed); n > 0 {
		left = append(left, count.Of(n, "changed file")+count.Verb(n, " stays as it is", " stay as they are"))
	}
	if n := len(h.Lacking); n > 0 {
		left = append(left, count.Of(n, "file")+" cannot be put right with this bundle")
	}
	f := fault.New(fault.Differs, "%s", strings.Join(left, ", and "))
	if len(h.Changed) > 0 {
		return f.WithHint("name those that are damaged, and not customized, with --replace GLOB: the old ones go into the backup")
	}
	return f.WithHint("give a full bundle of level %s, which holds every file", levelName(h.To))
}

// NewHeal plans to put right what differs from the signed manifest of the pack's
// level: what is missing, and of what is changed the paths that replace agrees to. The
// contents come from the bundle, any of the product, told by their digests alone, or
// from the pack where another file has the same. Nothing that the manifest does not
// know is touched, and the level stays. A pack as init found it takes the level's
// manifest from the bundle, if that is signed, holds it, and lies not below the floor.
func NewHeal(ctx context.Context, p *pack.Pack, b *verify.Bundle, replace Replace, o Options) (*Healing, error) {
	info := b.Info()
	if info == nil {
		return nil, fault.New(fault.Untrusted, "this bundle was not verified, or is of a later format")
	}
	if name, version := p.Product(); info.Product != name || info.Version != version {
		return nil, otherProduct(info, name, version)
	}
	s, err := p.State()
	if err != nil {
		return nil, err
	}
	l, err := b.Levels(o.Identities, s.Level)
	if err != nil {
		return nil, err
	}
	return planHeal(ctx, p, info, l, replace, o.withDefaults())
}

func planHeal(ctx context.Context, p *pack.Pack, info *bundle.Info, l *verify.Levels, replace Replace, o Options) (*Healing, error) {
	s, err := p.State()
	if err != nil {
		return nil, err
	}
	h := &Healing{Changed: []Conflict{}, Lacking: []Conflict{}, Known: []Known{}, source: &heldBlobs{p: p}}
	h.Plan = &Plan{Product: s.Product, Version: s.Version, Kind: kindHeal, From: s.Level, To: s.Level, before: s, after: s}
	h.head.Bundle, h.bases = info.ID, map[manifest.Digest]string{}
	m, err := h.manifest(p, info, l)
	if err != nil {
		return nil, err
	}
	report, err := comparePack(ctx, p, s.Level, m, o.Jobs)
	if err != nil {
		return nil, err
	}
	w := &wounds{h: h, p: p, m: m, l: l, replace: replace, finder: &finder{root: p.Root(), jobs: o.Jobs}}
	if stack := standing(s); len(stack) > 0 {
		w.generation = stack[len(stack)-1].Generation
	}
	changes, err := w.changes(ctx, report)
	if err != nil {
		return nil, denied(err)
	}
	o.NoBackup = o.NoBackup || len(changes) == 0
	if err := h.fill(ctx, p, changes, o); err != nil {
		return nil, err
	}
	if h.base != nil {
		if err := h.meet(ctx, p, h.base, o); err != nil {
			return nil, err
		}
		h.Different = nil // the same is told as what is healed and what stays
	}
	return h, h.measure(p, o)
}

// manifest is the one of the pack's level: the pack's own, or the bundle's where the
// pack has none.
func (h *Healing) manifest(p *pack.Pack, info *bundle.Info, l *verify.Levels) (*manifest.Manifest, error) {
	s := h.before
	if !s.Manifest.IsZero() {
		return h.ownManifest(p, s.Manifest, l)
	}
	m := l.At(s.Level)
	if info.Kind == bundle.Hotfix {
		m = l.Base
	}
	if s.Level == pack.NoLevel || m == nil || m.Level != s.Level {
		return nil, fault.New(fault.WrongLevel, "no signed manifest of level %s is known yet, and the bundle leads %s", levelName(s.Level), levels(info)).
			WithHint("%s", bringManifest(s))
	}
	floor, ok, err := p.Floor()
	if err != nil {
		return nil, err
	}
	if ok && info.Sequence.Compare(floor) < 0 {
		return nil, fault.New(fault.Rollback, "the bundle's sequence %v is below this site's floor %v", info.Sequence, floor).WithHint("fetch a newer bundle")
	}
	h.base, h.after.Manifest = m, m.Digest()
	return m, nil
}

// ownManifest is the pack's own, or where that is lost or changed the bundle's, if its
// digest is that of the pack's.
func (h *Healing) ownManifest(p *pack.Pack, d manifest.Digest, l *verify.Levels) (*manifest.Manifest, error) {
	m, err := p.Manifest(d)
	if fault.ClassOf(err) != fault.Differs {
		return m, err
	}
	for _, signed := range []*manifest.Manifest{l.Base, l.Target, l.Between[h.From]} {
		if signed != nil && signed.Digest() == d {
			h.restored = signed
			return signed, nil
		}
	}
	return nil, err
}

// Restores: the pack had lost its signed manifest, and the bundle has the same.
func (h *Healing) Restores() bool { return h.restored != nil }

// Adopts: the pack had no signed manifest of its level, and takes the bundle's.
func (h *Healing) Adopts() bool { return h.base != nil }

// Nothing reports whether there is no file to put right.
func (h *Healing) Nothing() bool { return len(h.ops) == 0 && len(h.Conflicts) == 0 }

// RunHeal carries out a plan of NewHeal; what holds for Run holds for it.
func RunHeal(ctx context.Context, p *pack.Pack, b *verify.Bundle, h *Healing, o Options) (*Result, error) {
	o = o.withDefaults()
	source := payloadFor(b, o)
	res, err := h.runHeal(ctx, p, source, o)
	return res, errors.Join(err, source.Close())
}

func (h *Healing) runHeal(ctx context.Context, p *pack.Pack, source blobs, o Options) (*Result, error) {
	h.source.then = source
	res, err := h.execute(ctx, p, h.source, o)
	return res, errors.Join(err, h.source.close())
}

// wounds turns what differs into changes that can be made.
type wounds struct {
	h          *Healing
	p          *pack.Pack
	m          *manifest.Manifest // signed, of the pack's level
	l          *verify.Levels     // of the bundle
	replace    Replace
	finder     *finder
	generation int // whose backup holds old contents
}

func (w *wounds) changes(ctx context.Context, r *PackReport) (out []manifest.Change, err error) {
	contents := map[manifest.Digest]*manifest.Content{}
	for i := range w.l.Contents {
		contents[w.l.Contents[i].SHA256] = &w.l.Contents[i]
	}
	for _, path := range w.wanted(r) {
		old, err := w.now(path)
		if err != nil {
			return nil, err
		}
		e, _ := w.m.Find(path)
		why, err := w.lacks(ctx, &e, contents)
		if err != nil {
			return nil, err
		}
		if why != "" {
			w.h.Lacking = append(w.h.Lacking, Conflict{Path: path, Reason: why})
			continue
		}
		out = append(out, manifest.Change{Path: path, Old: old, New: &e})
	}
	return out, nil
}

// wanted are the paths to put right, sorted: what is missing, and what may be replaced.
// The others are noted as staying.
func (w *wounds) wanted(r *PackReport) []string {
	out := slices.Clone(r.Missing)
	for _, c := range r.Changed {
		if w.replace.Matches(c.Path) {
			out = append(out, c.Path)
		} else {
			w.h.Changed = append(w.h.Changed, c)
		}
	}
	for _, k := range r.Known {
		if w.replace.Names(k.Path) || k.As != AsPreserved && w.replace.Matches(k.Path) {
			out = append(out, k.Path)
		} else {
			w.h.Known = append(w.h.Known, k)
		}
	}
	slices.Sort(out)
	return out
}

// now is what stands at a path; nil below a link, which the plan refuses.
func (w *wounds) now(path string) (*manifest.Entry, error) {
	return ownEntry(w.p.Root(), path)
}

// lacks says why the content of e cannot be had, "" where it can.
func (w *wounds) lacks(ctx context.Context, e *manifest.Entry, contents map[manifest.Digest]*manifest.Content) (string, error) {
	if !isFile(e) {
		return "", nil
	}
	if _, ok := w.h.source.at[e.SHA256]; ok {
		return "", nil
	}
	held, err := w.finder.unchangedAt(ctx, pathsOf(w.m, e.SHA256), e.SHA256)
	if err != nil {
		return "", err
	}
	if held != "" {
		w.h.source.add(manifest.Blob{SHA256: e.SHA256, Size: e.Size}, held)
		return "", nil
	}
	c := contents[e.SHA256]
	switch {
	case c == nil:
		return "the bundle does not hold its content", nil
	case !c.Delta:
		return "", nil
	}
	return w.bases(ctx, c)
}

// bases finds what a delta is told from: in the pack, where it may be unchanged, or
// in the backup of what brought the level.
func (w *wounds) bases(ctx context.Context, c *manifest.Content) (string, error) {
	for _, d := range c.Bases {
		paths := pathsOf(w.l.Base, d)
		if w.generation > 0 {
			for _, p := range slices.Clone(paths) {
				paths = append(paths, treeName(w.generation, p))
			}
		}
		at, err := w.finder.unchangedAt(ctx, paths, d)
		if err != nil {
			return "", err
		}
		if at == "" {
			return "the bundle tells it from an old file that is not here any more", nil
		}
		w.h.bases[d] = at
	}
	return "", nil
}

// heldBlobs gives contents that the pack holds under other paths, then those of the
// bundle. A held one that changed meanwhile fails where it is staged.
type heldBlobs struct {
	p    *pack.Pack
	at   map[manifest.Digest]string
	list []manifest.Blob
	next int
	open *os.File
	then blobs
}

func (h *heldBlobs) add(b manifest.Blob, path string) {
	if h.at == nil {
		h.at = map[manifest.Digest]string{}
	}
	h.at[b.SHA256] = path
	h.list = append(h.list, b)
}

func (h *heldBlobs) close() error {
	if h.open == nil {
		return nil
	}
	err := h.open.Close()
	h.open = nil
	return err
}

func (h *heldBlobs) Next() (*content, error) {
	if err := h.close(); err != nil {
		return nil, err
	}
	if h.next == len(h.list) {
		return h.then.Next()
	}
	b := h.list[h.next]
	h.next++
	f, err := h.p.Root().Open(h.at[b.SHA256])
	if err != nil {
		return nil, missingNow(h.at[b.SHA256], err)
	}
	h.open = f
	return &content{manifest.Content{Blob: b}, b.Size, io.LimitReader(f, b.Size)}, nil
}
