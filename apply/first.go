package apply

import (
	"context"

	"golang.org/x/sync/errgroup"

	"packlift/internal/count"
	"packlift/internal/fault"
	"packlift/internal/manifest"
	"packlift/internal/pack"
	"packlift/internal/rootfs"
)

// mostDifferent is the part of a level's files, one in so many, that may be
// missing or of another size before a tree no longer passes for that level.
const mostDifferent = 10

// firstContact says how a tree that no signed bundle has touched compares with
// the level that init was told.
type firstContact struct {
	files  int // of the level
	absent int // of them missing or of another size
	accept bool
}

// meet compares the tree with the bundle's signed base: presence, type and size
// of each entry, no content. What is a conflict anyway is left to that, and what is
// preserved is the site's to have otherwise. It fills in Different.
func (pl *Plan) meet(ctx context.Context, p *pack.Pack, base *manifest.Manifest, o Options) error {
	why, err := compareShapes(ctx, p.Root(), base.Entries, o.Jobs)
	if err != nil {
		return err
	}
	preserve, err := p.Preserve()
	if err != nil {
		return err
	}
	conflict := make(map[string]bool, len(pl.Conflicts))
	for _, c := range pl.Conflicts {
		conflict[c.Path] = true
	}
	for _, p := range pl.decided() {
		conflict[p] = true
	}
	pl.first.accept = o.AcceptDifferent
	for i := range base.Entries {
		e := &base.Entries[i]
		if isFile(e) {
			pl.first.files++
		}
		if why[i] == "" || conflict[e.Path] || preserve.Match(e.Path, isDir(e)) {
			continue
		}
		if isFile(e) {
			pl.first.absent++
		}
		pl.Different = append(pl.Different, Conflict{Path: e.Path, Reason: why[i]})
	}
	return nil
}

// CheckBase returns fault.Differs where the tree lacks so much of the level that
// it is said to hold that it is hardly that level; Options.AcceptDifferent
// overrides it.
func (pl *Plan) CheckBase() error {
	f := pl.first
	if f.accept || f.absent*mostDifferent <= f.files {
		return nil
	}
	return fault.New(fault.Differs, "%d of %s of %s-%s level %s are missing or different here: this tree is hardly that level",
		f.absent, count.Of(f.files, "file"), pl.Product, pl.Version, levelName(pl.From)).
		WithHint("check the product and the level that init was given; if the site took these files away on purpose, repeat with --yes")
}

// compareShapes says for each entry how the tree differs, "" where it does not.
func compareShapes(ctx context.Context, root *rootfs.Root, entries []manifest.Entry, jobs int) ([]string, error) {
	why, look := make([]string, len(entries)), make([]int, 0, len(entries))
	f := newFolders(root)
	for i := range entries {
		s, at, err := f.above(entries[i].Path)
		switch {
		case err != nil:
			return nil, err
		case s == folderThere:
			look = append(look, i)
		case s == folderNot:
			why[i] = f.why(at)
		default:
			why[i] = "missing"
		}
	}
	g, ctx := errgroup.WithContext(ctx)
	for part := range max(1, jobs) {
		g.Go(func() (err error) {
			for n := part; n < len(look) && err == nil; n += max(1, jobs) {
				if ctx.Err() != nil {
					return interrupted(ctx)
				}
				_, why[look[n]], err = shape(root, &entries[look[n]])
			}
			return err
		})
	}
	return why, g.Wait()
}

// shape compares all but mode and content, and gives the entry that is there.
func shape(root *rootfs.Root, want *manifest.Entry) (now *manifest.Entry, why string, err error) {
	now, info, err := lookAt(root, want.Path)
	switch {
	case err != nil:
	case info == nil:
		why = "missing"
	case now == nil:
		why = "is neither a file, a folder nor a link"
	case now.Type != want.Type:
		why = "is a " + string(now.Type) + ", not a " + string(want.Type)
	case now.Size != want.Size:
		why = "has another size"
	case now.Target != want.Target:
		why = "leads elsewhere"
	}
	return now, why, err
}
