package manifest

import (
	"bytes"
	"slices"
)

// Blob is the content of one file version: its size in bytes and digest.
type Blob struct {
	SHA256 Digest
	Size   int64
}

// Needed lists the contents that turn old into new: those of the files that
// new adds or whose content it changes, sorted by digest, each once however
// many paths share it. A nil old needs every content of new.
func Needed(old, new *Manifest) []Blob {
	var out []Blob
	for _, c := range Compare(old, new) {
		if c.New == nil || c.New.Type != File {
			continue
		}
		if c.Old != nil && c.Old.Type == File && c.Old.SHA256 == c.New.SHA256 {
			continue
		}
		out = append(out, Blob{SHA256: c.New.SHA256, Size: c.New.Size})
	}
	return eachOnce(out)
}

// Originals lists the contents that new has at no path where old has them and
// that Needed does not name: those of files that change, up to MaxOriginal bytes.
func Originals(old, new *Manifest) []Blob {
	list := Needed(old, new)
	needed := func(d Digest) bool {
		_, ok := slices.BinarySearchFunc(list, d, func(b Blob, d Digest) int { return bytes.Compare(b.SHA256[:], d[:]) })
		return ok
	}
	var out []Blob
	for _, c := range Compare(old, new) {
		if o := c.Old; o != nil && c.New != nil && o.Type == File && c.New.Type == File && o.SHA256 != c.New.SHA256 && o.Size <= MaxOriginal && !needed(o.SHA256) {
			out = append(out, Blob{SHA256: o.SHA256, Size: o.Size})
		}
	}
	return eachOnce(out)
}

func eachOnce(out []Blob) []Blob {
	slices.SortFunc(out, func(a, b Blob) int { return bytes.Compare(a.SHA256[:], b.SHA256[:]) })
	return slices.CompactFunc(out, func(a, b Blob) bool { return a.SHA256 == b.SHA256 })
}
