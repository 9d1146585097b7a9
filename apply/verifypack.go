package apply

import (
	"context"
	"path"
	"sort"

	"golang.org/x/sync/errgroup"

	"packlift/internal/fault"
	"packlift/internal/manifest"
	"packlift/internal/pack"
	"packlift/internal/rootfs"
)

// PackReport compares a pack with the signed manifest of its level. Extra
// names what the manifest does not know (of a folder that it does not know,
// the folder alone): files of the site's own are no fault.
type PackReport struct {
	Level   int        `json:"level"`
	Checked int        `json:"checked"` // entries of the manifest
	Missing []string   `json:"missing"`
	Changed []Conflict `json:"changed"`
	Extra   []string   `json:"extra"`
}

// Err is nil if nothing is missing or changed, else of class fault.Differs.
func (r *PackReport) Err() error {
	if len(r.Missing)+len(r.Changed) == 0 {
		return nil
	}
	return fault.New(fault.Differs, "the pack differs from the manifest of level %d: %d missing, %d changed", r.Level, len(r.Missing), len(r.Changed)).
		WithHint("compare the listed files with what the site changed itself")
}

// VerifyPack reads the whole pack with jobs workers (0: one a core). A pack
// that no signed bundle has brought to its level has nothing to be compared with.
func VerifyPack(ctx context.Context, p *pack.Pack, jobs int) (*PackReport, error) {
	s, err := p.State()
	if err != nil {
		return nil, err
	}
	if s.Manifest.IsZero() {
		return nil, fault.New(fault.General, "no signed manifest of level %s is known yet: the pack is as init found it", levelName(s.Level)).
			WithHint("apply an update first: packlift-import apply-update BUNDLE")
	}
	m, err := p.Manifest(s.Manifest)
	if err != nil {
		return nil, err
	}
	r := &PackReport{Level: s.Level, Checked: len(m.Entries), Missing: []string{}, Changed: []Conflict{}, Extra: []string{}}
	if err := r.compare(ctx, p.Root(), m, Options{Jobs: jobs}.withDefaults().Jobs); err != nil {
		return nil, denied(err)
	}
	return r, denied(r.findExtra(ctx, p.Root(), m, "."))
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
			if why[i] = "missing"; s == folderNot {
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
		case "missing":
			r.Missing = append(r.Missing, p)
		default:
			r.Changed = append(r.Changed, Conflict{p, why[i]})
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
