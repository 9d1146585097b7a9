package manifest

import (
	"fmt"
	"io"
)

// MaxBases is the most contents that one other is told from.
const MaxBases = 16

// MaxOriginal is the most bytes of an original.
const MaxOriginal = 256 << 10

// Content is one entry of a payload: a blob, whole or as a delta, which is told
// from other contents, its bases. A delta may have none: it then is a container
// that is told by what is packed in it. An Original is a content that the step
// takes away, always whole: who changed the file at a site merges by it.
type Content struct {
	Blob
	Delta    bool
	Bases    []Digest
	Original bool
}

type contentsHead struct {
	Contents int `json:"contents"`
	Count    int `json:"count"`
}

type contentLine struct {
	SHA256   Digest    `json:"sha256"`
	Size     int64     `json:"size"`
	Bases    *[]Digest `json:"bases,omitempty"` // of a delta
	Original bool      `json:"original,omitempty"`
}

// WriteContents writes the canonical list of a payload, in the payload's order.
func WriteContents(w io.Writer, list []Content) (int64, error) {
	p := newListWriter(w, contentsHead{1, len(list)}, "items")
	for _, c := range list {
		l := contentLine{SHA256: c.SHA256, Size: c.Size, Original: c.Original}
		if c.Delta {
			bases := append([]Digest{}, c.Bases...) // [], not null
			l.Bases = &bases
		}
		p.item(l)
	}
	return p.close()
}

// ParseContents reads the list of the payload of one step: exactly the contents
// that are needed, and any of the originals, in any order. Each base is one that there has.
func ParseContents(r io.Reader, needed, originals []Blob, there func(Digest) bool) ([]Content, error) {
	var h contentsHead
	p := newListReader(r, "contents", "items")
	p.head(&h, func() int { return h.Count })
	if p.err == nil && h.Contents != 1 {
		p.err = fmt.Errorf("contents: version %d is unknown", h.Contents)
	}
	c := newContentsChecker(needed, originals, there)
	if n := len(c.missing); p.err == nil && (h.Count < n || h.Count > n+len(c.originals)) {
		p.err = fmt.Errorf("contents: %d items where %d are needed", h.Count, n)
	}
	var out []Content
	for b := range p.items {
		var l contentLine
		if p.decode(b, &l); p.err != nil {
			break
		}
		item := Content{Blob: Blob{l.SHA256, l.Size}, Original: l.Original}
		if l.Bases != nil {
			item.Delta, item.Bases = true, *l.Bases
		}
		if err := c.add(&item); err != nil {
			return nil, fmt.Errorf("contents: %s: %w", l.SHA256, err)
		}
		out = append(out, item)
	}
	if p.err == nil && len(c.missing) > 0 {
		p.err = fmt.Errorf("contents: %d contents that are needed are not listed", len(c.missing))
	}
	return out, p.err
}

// contentsChecker knows what a list may still name.
type contentsChecker struct {
	missing   map[Digest]int64 // sizes of what is needed and was not seen
	originals map[Digest]int64 // of what may come besides
	there     func(Digest) bool
}

func newContentsChecker(needed, originals []Blob, there func(Digest) bool) *contentsChecker {
	return &contentsChecker{sizes(needed), sizes(originals), there}
}

func sizes(list []Blob) map[Digest]int64 {
	out := make(map[Digest]int64, len(list))
	for _, b := range list {
		out[b.SHA256] = b.Size
	}
	return out
}

func (c *contentsChecker) add(item *Content) error {
	from := c.missing
	if item.Original {
		if from = c.originals; item.Delta {
			return fmt.Errorf("is an original and a delta")
		}
	}
	size, ok := from[item.SHA256]
	if !ok {
		return fmt.Errorf("is not needed, or stands there twice")
	}
	if size != item.Size {
		return fmt.Errorf("has %d bytes, the manifest says %d", item.Size, size)
	}
	if len(item.Bases) > MaxBases {
		return fmt.Errorf("%d bases, the most is %d", len(item.Bases), MaxBases)
	}
	seen := map[Digest]bool{}
	for _, b := range item.Bases {
		if !c.there(b) || seen[b] {
			return fmt.Errorf("base %s is no file of the level that the step starts from, or stands there twice", b)
		}
		seen[b] = true
	}
	delete(from, item.SHA256)
	return nil
}
