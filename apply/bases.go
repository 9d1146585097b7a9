package apply

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"

	"packlift/internal/manifest"
	"packlift/internal/rootfs"
)

// findBases finds in the pack the files that the contents which this run stages
// are told from. One that is missing or changed here is a conflict: its delta
// would make something else.
func (pl *Plan) findBases(ctx context.Context, root *rootfs.Root, base *manifest.Manifest, contents []manifest.Content, jobs int) error {
	needed, users := pl.neededBases(contents)
	if len(needed) == 0 {
		return nil
	}
	known := map[string]manifest.Digest{} // hashed already
	for i := range pl.ops {
		if o := &pl.ops[i]; isFile(o.Before) {
			known[o.Path] = o.Before.SHA256
		}
	}
	where := map[manifest.Digest][]string{}
	for i := range base.Entries {
		if e := &base.Entries[i]; e.Type == manifest.File && needed[e.SHA256] {
			where[e.SHA256] = append(where[e.SHA256], e.Path)
		}
	}
	pl.bases = make(map[manifest.Digest]string, len(needed))
	order := make([]manifest.Digest, 0, len(needed))
	for _, c := range contents {
		for _, d := range c.Bases {
			if needed[d] {
				needed[d], order = false, append(order, d)
			}
		}
	}
	found := make([]string, len(order))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(jobs)
	for i, d := range order {
		g.Go(func() (err error) {
			found[i], err = unchangedAt(ctx, root, where[d], d, known)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	for i, d := range order {
		if pl.bases[d] = found[i]; found[i] == "" {
			pl.baseConflict(where[d], users[d])
		}
	}
	return nil
}

// neededBases are the bases of the deltas that this run applies, and the path
// that each is needed for.
func (pl *Plan) neededBases(contents []manifest.Content) (needed map[manifest.Digest]bool, users map[manifest.Digest]string) {
	staged := map[manifest.Digest]string{}
	for i := range pl.ops {
		if o := &pl.ops[i]; o.needsNew() && !o.split {
			staged[o.After.SHA256] = o.Path
		}
	}
	needed, users = map[manifest.Digest]bool{}, map[manifest.Digest]string{}
	for _, c := range contents {
		if p, ok := staged[c.SHA256]; ok && c.Delta {
			for _, d := range c.Bases {
				needed[d], users[d] = true, p
			}
		}
	}
	return needed, users
}

// unchangedAt is the first of paths that has the content d, "" for none.
func unchangedAt(ctx context.Context, root *rootfs.Root, paths []string, d manifest.Digest, known map[string]manifest.Digest) (string, error) {
	for _, p := range paths {
		if ctx.Err() != nil {
			return "", interrupted(ctx)
		}
		if known[p] == d {
			return p, nil
		}
		if link, err := root.ParentLink(p); err != nil && !absent(err) {
			return "", err
		} else if link != "" {
			continue
		}
		now, err := entryNow(root, p)
		if err != nil && !absent(err) {
			return "", err
		}
		if isFile(now) && now.SHA256 == d {
			return p, nil
		}
	}
	return "", nil
}

func (pl *Plan) baseConflict(paths []string, user string) {
	for _, c := range pl.Conflicts {
		for _, p := range paths {
			if c.Path == p {
				return // said already
			}
		}
	}
	pl.remedies.add(sendWhole)
	pl.Conflicts = append(pl.Conflicts, Conflict{paths[0], fmt.Sprintf("changed or missing here, and the bundle tells the new %s from it", user)})
}
