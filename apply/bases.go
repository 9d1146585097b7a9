package apply

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"packlift/internal/manifest"
	"packlift/internal/rootfs"
)

// hashed are the files whose digest is known already.
func (pl *Plan) hashed() map[string]manifest.Digest {
	known := map[string]manifest.Digest{}
	for i := range pl.ops {
		if o := &pl.ops[i]; isFile(o.Before) {
			known[o.Path] = o.Before.SHA256
		}
	}
	return known
}

func pathsOf(m *manifest.Manifest, d manifest.Digest) (out []string) {
	for i := range m.Entries {
		if e := &m.Entries[i]; e.Type == manifest.File && e.SHA256 == d {
			out = append(out, e.Path)
		}
	}
	return out
}

// finder looks for contents in the pack.
type finder struct {
	root  *rootfs.Root
	known map[string]manifest.Digest // hashed already
	jobs  int
}

// find gives for each digest a path of the levels that holds it here.
func (f *finder) find(ctx context.Context, digests []manifest.Digest, levels ...*manifest.Manifest) (map[manifest.Digest]string, error) {
	where := map[manifest.Digest][]string{}
	for _, d := range digests {
		where[d] = nil
	}
	for _, m := range levels {
		for i := range m.Entries {
			if e := &m.Entries[i]; e.Type == manifest.File {
				if list, ok := where[e.SHA256]; ok {
					where[e.SHA256] = append(list, e.Path)
				}
			}
		}
	}
	out := make(map[manifest.Digest]string, len(where))
	var mu sync.Mutex
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(f.jobs)
	for d, paths := range where {
		g.Go(func() error {
			p, err := f.unchangedAt(ctx, paths, d)
			mu.Lock()
			defer mu.Unlock()
			out[d] = p
			return err
		})
	}
	return out, g.Wait()
}

// unchangedAt is the first of paths that has the content d, "" for none.
func (f *finder) unchangedAt(ctx context.Context, paths []string, d manifest.Digest) (string, error) {
	for _, p := range paths {
		if ctx.Err() != nil {
			return "", interrupted(ctx)
		}
		if f.known[p] == d {
			return p, nil
		}
		if link, err := f.root.ParentLink(p); err != nil && !absent(err) {
			return "", err
		} else if link != "" {
			continue
		}
		now, err := entryNow(f.root, p)
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
	if slices.ContainsFunc(pl.Conflicts, func(c Conflict) bool { return slices.Contains(paths, c.Path) }) {
		return // said already
	}
	pl.remedies.add(sendWhole)
	pl.Conflicts = append(pl.Conflicts, Conflict{paths[0], fmt.Sprintf("changed or missing here, and the bundle tells the new %s from it", user)})
}
