package export

import (
	"packlift/bundle"
	"packlift/internal/fault"
	"packlift/internal/manifest"
)

// checkHotfix wants two trees of one level, and a number.
func (o *CreateOptions) checkHotfix() error {
	switch {
	case o.Hotfix > manifest.MaxNumber:
		return fault.New(fault.Usage, "hotfix %d is not 1 to %d", o.Hotfix, manifest.MaxNumber)
	case o.From == "":
		return fault.New(fault.Usage, "the tree that the hotfix goes on is not given").
			WithHint("give the level's tree, with its earlier hotfixes on, with --from")
	}
	o.Start = o.End
	if o.MinSequence.Compare(o.sequence()) > 0 {
		return fault.New(fault.Usage, "--min-sequence lies above the hotfix itself, which no site could then apply")
	}
	return nil
}

// fileName is the bundle's conventional name.
func (o *CreateOptions) fileName() string {
	if o.Hotfix > 0 {
		return bundle.HotfixFileName(o.Product, o.Version, o.End, o.Hotfix)
	}
	return bundle.FileName(o.Product, o.Version, o.Start, o.End)
}

// checkContains: a level contains hotfixes of levels below it.
func (o *CreateOptions) checkContains() error {
	if len(o.Contains) > bundle.MaxContains {
		return fault.New(fault.Usage, "%d hotfixes are too many, the most is %d", len(o.Contains), bundle.MaxContains)
	}
	for _, s := range o.Contains {
		if s.Hotfix < 1 || s.Level >= o.End || s.Check() != nil {
			return fault.New(fault.Usage, "level %d cannot contain hotfix %d of level %d", o.End, s.Hotfix, s.Level).
				WithHint("write LEVEL.HOTFIX of a level below %d, such as 3.1", o.End)
		}
	}
	return nil
}
