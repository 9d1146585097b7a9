package export

import (
	"packlift/internal/manifest"
)

// changes is what an update does to the product: paths of files and links by what
// becomes of them.
type changes struct {
	added, modified, removed []string
	paths                    int // of all that differ, folders too
}

// changesOf compares two levels; a nil base is an empty product. Folders are
// no lines of a changelog, but their contents are.
func changesOf(base, target *manifest.Manifest) changes {
	var c changes
	for _, d := range manifest.Compare(base, target) {
		c.paths++
		switch {
		case d.New == nil:
			if d.Old.Type != manifest.Dir {
				c.removed = append(c.removed, d.Path)
			}
			continue
		case d.New.Type == manifest.Dir:
			continue
		case d.Old == nil:
			c.added = append(c.added, d.Path)
		default:
			c.modified = append(c.modified, d.Path)
		}
	}
	return c
}

// strangers reports whether an update keeps nothing of what was there before:
// the trees are hardly two levels of one product.
func (c *changes) strangers(base *manifest.Manifest) bool {
	if base == nil {
		return false
	}
	files := 0
	for _, e := range base.Entries {
		if e.Type != manifest.Dir {
			files++
		}
	}
	return files > 0 && len(c.removed) == files
}
