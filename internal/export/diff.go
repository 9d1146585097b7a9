package export

import (
	"context"
	"fmt"

	"packlift/internal/manifest"
)

// Difference is what leads from one product tree to another: paths of files and links.
type Difference struct {
	Added    []string `json:"added"`
	Modified []string `json:"modified"`
	Removed  []string `json:"removed"`
	Contents int      `json:"contents"` // that the second has and the first has not at the same path
	Bytes    int64    `json:"bytes"`    // of these
}

// Diff compares two manifests.
func Diff(a, b *manifest.Manifest) *Difference {
	c := changesOf(a, b)
	d := &Difference{append([]string{}, c.added...), append([]string{}, c.modified...), append([]string{}, c.removed...), 0, 0}
	for _, x := range manifest.Needed(a, b) {
		d.Contents++
		d.Bytes += x.Size
	}
	return d
}

// ManifestOf lists and hashes a tree, a folder or an archive.
func ManifestOf(ctx context.Context, tree, product, version string, jobs int) (*manifest.Manifest, error) {
	s, err := openSource(ctx, tree, reading{jobs: jobs})
	if err != nil {
		return nil, err
	}
	defer s.Close()
	c := creation{CreateOptions: CreateOptions{Product: product, Version: version}}
	m, err := c.manifestOf(s, 0)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", tree, err)
	}
	return m, nil
}
