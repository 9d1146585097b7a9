package apply

import (
	"context"
	"fmt"
	"path"
	"slices"
	"sort"
	"strings"

	"golang.org/x/sync/errgroup"

	"packlift/internal/fault"
	"packlift/internal/manifest"
	"packlift/internal/pack"
	"packlift/internal/rootfs"
	"packlift/internal/typed"
)

// PackReport compares a pack with the signed manifest of its level. Known are paths
// that differ as this tool left them, or that are preserved: they are no fault. Extra
// names what the manifest does not know (of a folder that it does not know,
// the folder alone): files of the site's own are none either.
type PackReport struct {
	Level   int        `json:"level"`
	Checked int        `json:"checked"` // entries of the manifest
	Missing []string   `json:"missing"`
	Changed []Conflict `json:"changed"`
	Known   []Known    `json:"known"`
	Extra   []string   `json:"extra"`
}

// Known is a path that differs and of which it is known why.
type Known struct {
	Path   string `json:"path"`
	As     string `json:"as"` // merged, decided or preserved
	Reason string `json:"reason"`
}

const isMissing = "missing"

// Err is nil if nothing is missing or changed, else of class fault.Differs.
func (r *PackReport) Err() error {
	if len(r.Missing)+len(r.Changed) == 0 {
		return nil
	}
	return fault.New(fault.Differs, "the pack differs from the manifest of level %d: %d missing, %d changed", r.Level, len(r.Missing), len(r.Changed)).
		WithHint("compare the listed files with what the site changed itself; %s puts damaged ones right, %s takes one as it is, and keeps updates from it",
			typed.Import("heal BUNDLE"), typed.Import("preserve add PATH"))
}

// Differing names every file that is not as the manifest says, known or not, sorted.
func (r *PackReport) Differing() []string {
	out := slices.Clone(r.Missing)
	for _, x := range r.Changed {
		out = append(out, x.Path)
	}
	for _, x := range r.Known {
		out = append(out, x.Path)
	}
	slices.Sort(out)
	return out
}

// VerifyPack reads the whole pack with jobs workers (0: one a core). A pack
// that no signed bundle has brought to its level has nothing to be compared with.
func VerifyPack(ctx context.Context, p *pack.Pack, jobs int) (*PackReport, error) {
	s, err := p.State()
	if err != nil {
		return nil, err
	}
	if s.Manifest.IsZero() && s.Level == pack.NoLevel {
		return nil, fault.New(fault.General, "the pack holds nothing yet").WithHint("a full bundle fills it: %s", typed.Import("apply-update BUNDLE"))
	}
	if s.Manifest.IsZero() {
		return nil, fault.New(fault.General, "no signed manifest of level %s is known yet: the pack is as init found it", levelName(s.Level)).
			WithHint("%s; or an update brings one: %s", bringManifest(s), typed.Import("apply-update BUNDLE"))
	}
	m, err := p.Manifest(s.Manifest)
	if err != nil {
		return nil, err
	}
	return comparePack(ctx, p, s.Level, m, jobs)
}

// bringManifest is how a pack as init found it comes to its level's manifest.
func bringManifest(s pack.State) string {
	return fmt.Sprintf("a full bundle of level %s, or one that starts there, brings it and puts right what is damaged: %s", levelName(s.Level), typed.Import("heal BUNDLE"))
}

func comparePack(ctx context.Context, p *pack.Pack, level int, m *manifest.Manifest, jobs int) (*PackReport, error) {
	r := &PackReport{Level: level, Checked: len(m.Entries), Missing: []string{}, Changed: []Conflict{}, Known: []Known{}, Extra: []string{}}
	if err := r.compare(ctx, p.Root(), m, Options{Jobs: jobs}.withDefaults().Jobs); err != nil {
		return nil, denied(err)
	}
	if err := r.tellKnown(p, m); err != nil {
		return nil, denied(err)
	}
	return r, denied(r.findExtra(ctx, p.Root(), m, "."))
}

// tellKnown takes out of Missing and Changed what is known.
func (r *PackReport) tellKnown(p *pack.Pack, m *manifest.Manifest) error {
	k := &knowing{root: p.Root(), m: m}
	var err error
	if k.preserve, err = p.Preserve(); err != nil {
		return err
	}
	if k.list, err = readCustomized(p.Root(), m.Digest()); err != nil {
		return err
	}
	missing, changed := r.Missing, r.Changed
	r.Missing, r.Changed = []string{}, []Conflict{}
	for _, path := range missing {
		as, err := k.as(path)
		if err != nil {
			return err
		}
		if as == "" {
			r.Missing = append(r.Missing, path)
		} else {
			r.Known = append(r.Known, Known{path, as, isMissing})
		}
	}
	for _, x := range changed {
		as, err := k.as(x.Path)
		if err != nil {
			return err
		}
		if as == "" {
			r.Changed = append(r.Changed, Conflict{Path: x.Path, Reason: x.Reason + k.since(x.Path)})
		} else {
			r.Known = append(r.Known, Known{x.Path, as, x.Reason})
		}
	}
	slices.SortFunc(r.Known, func(a, b Known) int { return strings.Compare(a.Path, b.Path) })
	return nil
}

// knowing tells why a path may differ from m.
type knowing struct {
	root     *rootfs.Root
	m        *manifest.Manifest
	preserve *pack.Preserve
	list     map[string]left
}

func (k *knowing) as(path string) (string, error) {
	if e, _ := k.m.Find(path); k.preserve.Match(path, isDir(&e)) {
		return AsPreserved, nil
	}
	l, ok := k.list[path]
	if !ok {
		return "", nil
	}
	now, err := ownEntry(k.root, path)
	if err != nil || !l.fits(now) {
		return "", err
	}
	return l.As, nil
}

// since says of a path that was known that it is so no more.
func (k *knowing) since(path string) string {
	if l, ok := k.list[path]; ok {
		return ", and is not as it was " + l.As
	}
	return ""
}

func (r *PackReport) compare(ctx context.Context, root *rootfs.Root, m *manifest.Manifest, jobs int) error {
	f, why := newFolders(root), make([]string, len(m.Entries))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(jobs)
	for i := range m.Entries {
		e := &m.Entries[i]
		s, at, err := f.above(e.Path)
		if err != nil {
			return err
		}
		if s != folderThere {
			if why[i] = isMissing; s == folderNot {
				why[i] = f.why(at)
			}
			continue
		}
		g.Go(func() (err error) {
			if ctx.Err() != nil {
				return interrupted(ctx)
			}
			why[i], err = differs(root, e)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	for i := range m.Entries {
		switch p := m.Entries[i].Path; why[i] {
		case "":
		case isMissing:
			r.Missing = append(r.Missing, p)
		default:
			r.Changed = append(r.Changed, Conflict{Path: p, Reason: why[i]})
		}
	}
	return nil
}

func differs(root *rootfs.Root, want *manifest.Entry) (string, error) {
	now, why, err := shape(root, want)
	if err != nil || why != "" {
		return why, err
	}
	if isFile(now) {
		if now.SHA256, _, err = hashAt(root, want.Path); err != nil {
			return "", err
		}
	}
	switch {
	case now.SHA256 != want.SHA256:
		return "has other content", nil
	case !sameMode(now, want):
		return "has another mode", nil
	}
	return "", nil
}

func (r *PackReport) findExtra(ctx context.Context, root *rootfs.Root, m *manifest.Manifest, dir string) error {
	if ctx.Err() != nil {
		return interrupted(ctx)
	}
	list, err := root.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range list {
		p := path.Join(dir, e.Name())
		if manifest.Reserved(p) {
			continue
		}
		known, ok := m.Find(p)
		switch {
		case !ok:
			r.Extra = append(r.Extra, p)
		case isDir(&known) && e.IsDir():
			if err := r.findExtra(ctx, root, m, p); err != nil {
				return err
			}
		}
	}
	sort.Strings(r.Extra)
	return nil
}
