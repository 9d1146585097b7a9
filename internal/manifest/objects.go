package manifest

import (
	"bytes"
	"fmt"
	"io"
	"slices"
)

// Object is a content as a depot keeps it: one file, compressed. Delta is set
// where the file does not hold the content itself but what tells it from Bases:
// it then names the plain bytes of the delta.
type Object struct {
	Blob            // the content
	Delta  *Blob    // nil: the file holds the content
	Bases  []Digest // of a delta
	Stored Blob     // the file
}

type objectsHead struct {
	Objects int    `json:"objects"`
	Product string `json:"product"`
	Version string `json:"version"`
	Level   int    `json:"level"`
	Count   int    `json:"count"`
}

type objectLine struct {
	SHA256       Digest    `json:"sha256"`
	Size         int64     `json:"size"`
	DeltaSHA256  *Digest   `json:"delta_sha256,omitempty"`
	DeltaSize    *int64    `json:"delta_size,omitempty"`
	Bases        *[]Digest `json:"bases,omitempty"`
	StoredSHA256 Digest    `json:"stored_sha256"`
	StoredSize   int64     `json:"stored_size"`
}

// WriteObjects writes the canonical list of what a depot keeps for the level
// of m: its contents, then deltas, each by digest.
func WriteObjects(w io.Writer, m *Manifest, list []Object) (int64, error) {
	p := newListWriter(w, objectsHead{1, m.Product, m.Version, m.Level, len(list)}, "items")
	for i := range list {
		p.item(list[i].line())
	}
	return p.close()
}

func (o *Object) line() objectLine {
	l := objectLine{SHA256: o.SHA256, Size: o.Size, StoredSHA256: o.Stored.SHA256, StoredSize: o.Stored.Size}
	if o.Delta != nil {
		bases := append([]Digest{}, o.Bases...) // [], not null
		l.DeltaSHA256, l.DeltaSize, l.Bases = &o.Delta.SHA256, &o.Delta.Size, &bases
	}
	return l
}

func (l *objectLine) object() (Object, error) {
	o := Object{Blob: Blob{l.SHA256, l.Size}, Stored: Blob{l.StoredSHA256, l.StoredSize}}
	switch {
	case l.DeltaSHA256 == nil && l.DeltaSize == nil && l.Bases == nil:
		return o, nil
	case l.DeltaSHA256 == nil || l.DeltaSize == nil || l.Bases == nil:
		return o, fmt.Errorf("objects: %s is neither a content nor a whole delta", l.SHA256)
	}
	o.Delta, o.Bases = &Blob{*l.DeltaSHA256, *l.DeltaSize}, *l.Bases
	return o, nil
}

// ParseObjects reads the list of the level of m: every content of its files
// but the empty one, each once, and deltas that make one of them.
func ParseObjects(r io.Reader, m *Manifest) ([]Object, error) {
	var h objectsHead
	p := newListReader(r, "objects", "items")
	p.head(&h, func() int { return h.Count })
	if p.err == nil && (h.Objects != 1 || h.Product != m.Product || h.Version != m.Version || h.Level != m.Level) {
		p.err = fmt.Errorf("objects: of %s-%s level %d, in version %d", h.Product, h.Version, h.Level, h.Objects)
	}
	c := &objectsChecker{sizes: map[Digest]int64{}, whole: map[Digest]bool{}}
	for _, b := range Needed(nil, m) {
		c.sizes[b.SHA256] = b.Size
	}
	var out []Object
	for b := range p.items {
		var l objectLine
		if p.decode(b, &l); p.err != nil {
			break
		}
		o, err := l.object()
		if err == nil {
			err = c.add(&o)
		}
		if err != nil {
			return nil, err
		}
		out = append(out, o)
	}
	if p.err == nil {
		p.err = c.complete()
	}
	return out, p.err
}

type objectsChecker struct {
	sizes map[Digest]int64
	whole map[Digest]bool
	last  *Object
}

func (c *objectsChecker) add(o *Object) error {
	size, ok := c.sizes[o.SHA256]
	switch {
	case !ok || size == 0 || size != o.Size:
		return fmt.Errorf("objects: %s, of %d bytes, is no content of the level that has a file", o.SHA256, o.Size)
	case o.Stored.Size <= 0 || o.Stored.Size > MaxFile:
		return fmt.Errorf("objects: the file of %s has %d bytes", o.SHA256, o.Stored.Size)
	case o.Delta != nil && (o.Delta.Size <= 0 || o.Delta.Size > MaxFile || len(o.Bases) > MaxBases):
		return fmt.Errorf("objects: the delta of %s has %d bytes and %d bases", o.SHA256, o.Delta.Size, len(o.Bases))
	case c.last != nil && !c.last.before(o):
		return fmt.Errorf("objects: %s is out of order, or stands there twice", o.SHA256)
	}
	if o.Delta == nil {
		c.whole[o.SHA256] = true
	}
	last := *o
	c.last = &last
	return nil
}

// before is the order of the list.
func (o *Object) before(next *Object) bool {
	if (o.Delta == nil) != (next.Delta == nil) {
		return o.Delta == nil
	}
	if n := bytes.Compare(o.SHA256[:], next.SHA256[:]); n != 0 || o.Delta == nil {
		return n < 0
	}
	return bytes.Compare(o.Delta.SHA256[:], next.Delta.SHA256[:]) < 0
}

func (c *objectsChecker) complete() error {
	for d, size := range c.sizes {
		if size > 0 && !c.whole[d] {
			return fmt.Errorf("objects: no file has the content %s", d)
		}
	}
	return nil
}

// SortObjects puts a list into its order.
func SortObjects(list []Object) {
	slices.SortFunc(list, func(a, b Object) int {
		switch {
		case a.before(&b):
			return -1
		case b.before(&a):
			return 1
		}
		return 0
	})
}
