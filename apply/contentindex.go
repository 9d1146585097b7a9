package apply

import (
	"slices"
	"sort"

	"packlift/internal/manifest"
)

// contentIndex finds the contents of a payload by their digests. It takes four
// bytes a content, where a map would take sixty: there may be a million.
type contentIndex struct {
	items []manifest.Content
	order []int32 // of items, by digest
}

func newContentIndex(items []manifest.Content) *contentIndex {
	x := &contentIndex{items, make([]int32, len(items))}
	for i := range x.order {
		x.order[i] = int32(i)
	}
	slices.SortFunc(x.order, func(a, b int32) int { return compareDigests(items[a].SHA256, items[b].SHA256) })
	return x
}

// at is where in the payload d comes.
func (x *contentIndex) at(d manifest.Digest) (int, bool) {
	n, ok := sort.Find(len(x.order), func(i int) int { return compareDigests(d, x.items[x.order[i]].SHA256) })
	if !ok {
		return 0, false
	}
	return int(x.order[n]), true
}

// get is the content with the digest d, if the payload has it.
func (x *contentIndex) get(d manifest.Digest) (c manifest.Content, ok bool) {
	i, ok := x.at(d)
	if ok {
		c = x.items[i]
	}
	return c, ok
}
