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

// findBases finds in the pack the files that the contents which this run stages
// are told from. One that is missing or changed here is a conflict: its delta
// would make something else. It is none where the pack holds the content itself.
func (pl *Plan) findBases(ctx context.Context, root *rootfs.Root, base *manifest.Manifest, contents []manifest.Content, jobs int) error {
	deltas := pl.deltas(contents)
	if len(deltas) == 0 {
		return nil
	}
	f := &finder{root: root, known: pl.hashed(), jobs: jobs}
	var wanted []manifest.Digest
	for _, c := range deltas {
		wanted = append(wanted, c.Bases...)
	}
	bases, err := f.find(ctx, base, wanted)
	if err != nil {
		return err
	}
	pl.bases = bases
	var lost []manifest.Digest
	for _, c := range deltas {
		if _, ok := missing(c, bases); ok {
			lost = append(lost, c.SHA256)
		}
	}
	if pl.held, err = f.find(ctx, pl.target, lost); err != nil {
		return err
	}
	for _, c := range deltas {
		if d, ok := missing(c, bases); ok && pl.held[c.SHA256] == "" {
			pl.baseConflict(pathsOf(base, d), pathsOf(pl.target, c.SHA256)[0])
		}
	}
	return nil
}

// deltas are those that this run applies.
func (pl *Plan) deltas(contents []manifest.Content) (out []manifest.Content) {
	staged := map[manifest.Digest]bool{}
	for i := range pl.ops {
		if o := &pl.ops[i]; o.needsNew() && !o.split {
			staged[o.After.SHA256] = true
		}
	}
	for _, c := range contents {
		if c.Delta && staged[c.SHA256] {
			out = append(out, c)
		}
	}
	return out
}

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

// missing is the first base of c that was not found.
func missing(c manifest.Content, bases map[manifest.Digest]string) (manifest.Digest, bool) {
	for _, d := range c.Bases {
		if bases[d] == "" {
			return d, true
		}
	}
	return manifest.Digest{}, false
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

// find gives for each digest a path of the level m that holds it here.
func (f *finder) find(ctx context.Context, m *manifest.Manifest, digests []manifest.Digest) (map[manifest.Digest]string, error) {
	where := map[manifest.Digest][]string{}
	for _, d := range digests {
		where[d] = nil
	}
	for i := range m.Entries {
		if e := &m.Entries[i]; e.Type == manifest.File {
			if list, ok := where[e.SHA256]; ok {
				where[e.SHA256] = append(list, e.Path)
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
