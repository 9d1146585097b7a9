package apply

import (
	"context"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"packlift/internal/manifest"
	"packlift/internal/rootfs"
)

// hashed is the digest of the file at p, if the plan knows it already.
func (pl *Plan) hashed(p string) (d manifest.Digest, ok bool) {
	i, ok := slices.BinarySearchFunc(pl.ops, p, func(o op, p string) int { return strings.Compare(o.Path, p) })
	if !ok || !isFile(pl.ops[i].Before) {
		return d, false
	}
	return pl.ops[i].Before.SHA256, true
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
	known func(p string) (manifest.Digest, bool) // what was hashed already; may be nil
	cache *baseCache                             // may be nil
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
		if f.knows(p, d) {
			return p, nil
		}
		if link, err := f.root.ParentLink(p); err != nil && !absent(err) {
			return "", err
		} else if link != "" {
			continue
		}
		now, _, err := lookAt(f.root, p)
		if err == nil && isFile(now) {
			now.SHA256, err = f.cache.hash(f.root, p, now.Size, d)
		}
		if err != nil && !absent(err) {
			return "", err
		}
		if isFile(now) && now.SHA256 == d {
			return p, nil
		}
	}
	return "", nil
}

// knows: the file at p was hashed already, and is d.
func (f *finder) knows(p string, d manifest.Digest) bool {
	if f.known == nil {
		return false
	}
	have, ok := f.known(p)
	return ok && have == d
}

// baseConflict tells that the content of user, which the run needs, cannot be made:
// the file that the bundle tells it from, at one of paths, is not the level's. Nothing
// that can be decided here makes it.
func (pl *Plan) baseConflict(paths []string, user string) {
	pl.remedies.add(sendWhole)
	pl.other = true
	told := "the bundle tells the new " + user + " from it"
	if i := slices.IndexFunc(pl.Conflicts, func(c Conflict) bool { return slices.Contains(paths, c.Path) }); i >= 0 {
		if c := &pl.Conflicts[i]; c.Decide != nil {
			c.Reason, c.Decide = c.Reason+", and "+told, nil
		}
		return
	}
	c := Conflict{Path: paths[0], Reason: "changed or missing here, and " + told}
	if pl.choices != nil && pl.choices.how[user] == ByTheirs && slices.Contains(paths, user) {
		c = Conflict{user, "changed or missing here, and the bundle tells the new one from the original: --theirs takes another bundle", []string{ByFinal, ByOurs}}
	}
	pl.Conflicts = append(pl.Conflicts, c)
}
