package export

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"packlift/internal/count"
	"packlift/internal/depot"
	"packlift/internal/fault"
	"packlift/internal/manifest"
	"packlift/internal/pack"
)

// Site is an exported state, and where it was read.
type Site struct {
	Name string
	*pack.SiteState
}

// forSites narrows the bundle to what the sites need: it starts at the lowest
// of their levels, carries the others as levels between, and tells nothing from
// a file that some site has not as it was. It returns what was taken for granted.
func (o *CreateOptions) forSites(ctx context.Context) ([]string, error) {
	if o.EveryLevel || o.Start != NoStart {
		return nil, fault.New(fault.Usage, "--for finds the levels out by itself").WithHint("leave --start-level and --every-level out, or --for")
	}
	var levels []int
	var said []string
	o.Missing = map[manifest.Digest]bool{}
	for _, s := range o.Sites {
		text, err := o.forSite(ctx, s)
		if err != nil {
			return nil, err
		}
		said = append(said, text...)
		if s.Level < o.End {
			levels = append(levels, s.Level)
		}
	}
	slices.Sort(levels)
	levels = slices.Compact(levels)
	if len(levels) == 0 {
		return nil, fault.New(fault.Usage, "every site is at level %d or above: there is nothing to carry", o.End)
	}
	if levels[0] == pack.NoLevel {
		if len(levels) > 1 {
			return nil, fault.New(fault.Usage, "a site that holds nothing yet needs a full bundle, and the others an update").WithHint("make two bundles, each --for the sites of one kind")
		}
		return said, nil
	}
	o.Start = levels[0]
	for _, n := range levels[1:] {
		o.Between = append(o.Between, Stop{n, o.treeName(n)})
	}
	return said, nil
}

// forSite explains a state that the depot cannot serve, and notes the files
// that nothing may be told from.
func (o *CreateOptions) forSite(ctx context.Context, s Site) ([]string, error) {
	if s.Product != o.Product || s.Version != o.Version {
		return nil, fault.New(fault.WrongProduct, "%s is of %s-%s, not of %s-%s", s.Name, s.Product, s.Version, o.Product, o.Version).
			WithHint("leave it out, or make its bundle with --product %s-%s", s.Product, s.Version)
	}
	if len(s.Hotfixes) > 0 {
		return nil, fault.New(fault.WrongLevel, "%s: the site has hotfixes %v on level %d, and no update goes onto these", s.Name, s.Hotfixes, s.Level).
			WithHint("at the site: packlift-import revert-hotfix, then current-state --export once more")
	}
	if s.Level == pack.NoLevel || s.Level >= o.End {
		return []string{fmt.Sprintf("%s: at level %s", s.Name, pack.LevelName(s.Level))}, nil
	}
	l, ok := o.View.Index.Find(s.Level)
	if !ok {
		return nil, fmt.Errorf("%s: %w", s.Name, NoLevel(o.View, depot.FullChannel, s.Level))
	}
	if s.Manifest.IsZero() {
		return []string{fmt.Sprintf("%s: at level %d as init was told, and which of its files differ is not known: they are taken to be the depot's, and one that is not may be a conflict there", s.Name, s.Level)}, nil
	}
	if s.Manifest != l.Manifest.Plain.SHA256 {
		return nil, fault.New(fault.WrongLevel, "%s: the site's level %d has the manifest %.12s, the depot's %.12s: it was brought there by bundles of other trees",
			s.Name, s.Level, s.Manifest, l.Manifest.Plain.SHA256).
			WithHint("make its bundle from the trees that its level came from: create-update --from OLD --to NEW -s %d -e %d --whole", s.Level, o.End)
	}
	return o.differing(ctx, s, l)
}

func (o *CreateOptions) differing(ctx context.Context, s Site, l depot.Level) ([]string, error) {
	text := fmt.Sprintf("%s: at level %d, its other files as they were when the state was exported", s.Name, s.Level)
	if len(s.Differs) == 0 {
		return []string{strings.Replace(text, "its other files", "all files", 1)}, nil
	}
	m, err := o.View.Manifest(ctx, l)
	if err != nil {
		return nil, err
	}
	for _, p := range s.Differs {
		if e, ok := m.Find(p); ok && e.Type == manifest.File {
			o.Missing[e.SHA256] = true
		}
	}
	return []string{text, fmt.Sprintf("%s: nothing is told from its %s that %s", s.Name, count.Of(len(s.Differs), "file"), count.Verb(len(s.Differs), "differs", "differ"))}, nil
}
