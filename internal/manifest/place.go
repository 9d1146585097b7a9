package manifest

import (
	"fmt"
	"path"
	"strings"

	"packlift/internal/safepath"
)

// OwnPrefix begins the names that runs give to their own files and folders
// inside a pack; no element of a product's path begins with it, in any case.
const OwnPrefix = ".packlift-"

// CheckPlace returns an error that names the rule which e breaks by where it
// stands or leads to: paths that belong to the pack, bin as anything but a
// folder, and links to what CheckLink refuses.
func (e *Entry) CheckPlace() error {
	if Reserved(e.Path) {
		return fmt.Errorf("%q is reserved for the pack", e.Path)
	}
	if p := "/" + safepath.Fold(e.Path); strings.Contains(p, "/"+OwnPrefix) {
		return fmt.Errorf("%q has an element that begins with %s, as only a run's own files do", e.Path, OwnPrefix)
	}
	if e.Type != Dir && safepath.Fold(e.Path) == "bin" {
		return fmt.Errorf("%q is a %s; bin is a folder, for it holds the pack's tool", e.Path, e.Type)
	}
	if e.Type == Symlink {
		return CheckLink(e.Path, e.Target)
	}
	return nil
}

// CheckLink returns an error unless the symlink at link with this target stays
// inside the tree (safepath.CheckLink) and leads neither to the tree's top nor
// to bin, updates or another reserved path.
//
// The top and bin themselves are refused because a link to one would be a
// second name for all below it: a further link could go through it to what is
// reserved, and its own target would not show that.
func CheckLink(link, target string) error {
	if err := safepath.CheckLink(link, target); err != nil {
		return err
	}
	to := path.Join(path.Dir(link), target)
	if to == "." || safepath.Fold(to) == "bin" || Reserved(to) {
		return fmt.Errorf("link %q leads to %q, which would be another name of what belongs to the pack", link, to)
	}
	return nil
}

// CheckMode returns an error unless mode (permission bits) lets the owner read:
// 0400 for a file, 0500 for a folder. A run as the owner has to read what it
// finds, after an interruption too. Links have no mode.
func CheckMode(t Type, mode uint32) error {
	need := map[Type]uint32{File: 0o400, Dir: 0o500}[t]
	if mode&need != need {
		return fmt.Errorf("has mode %04o, which its owner cannot read; a %s needs at least %04o", mode, t, need)
	}
	return nil
}
