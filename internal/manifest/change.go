package manifest

import (
	"bytes"
	"fmt"
	"io"
	"sort"
)

// Change is one path that differs between two manifests. Old is nil where the
// path is added, New where it is removed.
type Change struct {
	Path     string
	Old, New *Entry
}

// Compare lists the paths that differ, sorted; a nil manifest is an empty one.
func Compare(old, new *Manifest) []Change {
	var out []Change
	a, b := entriesOf(old), entriesOf(new)
	for len(a) > 0 || len(b) > 0 {
		switch {
		case len(b) == 0 || len(a) > 0 && a[0].Path < b[0].Path:
			out = append(out, Change{Path: a[0].Path, Old: &a[0]})
			a = a[1:]
		case len(a) == 0 || b[0].Path < a[0].Path:
			out = append(out, Change{Path: b[0].Path, New: &b[0]})
			b = b[1:]
		default:
			if a[0] != b[0] {
				out = append(out, Change{Path: a[0].Path, Old: &a[0], New: &b[0]})
			}
			a, b = a[1:], b[1:]
		}
	}
	return out
}

func entriesOf(m *Manifest) []Entry {
	if m == nil {
		return nil
	}
	return m.Entries
}

func search(entries []Entry, p string) (int, bool) {
	i := sort.Search(len(entries), func(i int) bool { return entries[i].Path >= p })
	return i, i < len(entries) && entries[i].Path == p
}

type diffHead struct {
	Difference int    `json:"difference"`
	Product    string `json:"product"`
	Version    string `json:"version"`
	From       int    `json:"from"`
	FromSHA256 Digest `json:"from_sha256"`
	To         int    `json:"to"`
	ToSHA256   Digest `json:"to_sha256"`
	Count      int    `json:"count"`
}

// MarshalDifference gives the canonical document that turns old into new.
func MarshalDifference(old, new *Manifest) []byte {
	changes := Compare(old, new)
	var b bytes.Buffer
	w := newListWriter(&b, diffHead{1, new.Product, new.Version, old.Level, old.Digest(), new.Level, new.Digest(), len(changes)}, "changes")
	for _, c := range changes {
		if c.New == nil {
			w.item(line{Path: c.Path, Type: absent})
		} else {
			w.entry(c.New)
		}
	}
	w.close()
	return b.Bytes()
}

// ApplyDifference reads a difference from r and returns the manifest it leads
// to from old. The result passed every check of Parse, and its digest is the stated one.
func ApplyDifference(old *Manifest, r io.Reader) (*Manifest, error) {
	var h diffHead
	p := newListReader(r, "difference", "changes")
	p.head(&h, func() int { return h.Count })
	if p.err == nil {
		p.err = h.fits(old)
	}
	m := &Manifest{Product: h.Product, Version: h.Version, Level: h.To, Entries: make([]Entry, 0, len(old.Entries))}
	rest, last := old.Entries, ""
	for l := range p.lines {
		e, err := l.entry()
		if err != nil || l.Path <= last {
			return nil, fmt.Errorf("difference: %q is out of order or damaged: %v", l.Path, err)
		}
		last = l.Path
		i, found := search(rest, l.Path)
		if found && rest[i] == e || !found && l.Type == absent {
			return nil, fmt.Errorf("difference: %q is as it was", l.Path)
		}
		m.Entries = append(m.Entries, rest[:i]...)
		if rest = rest[i:]; found {
			e.Path = rest[0].Path // in memory once for both levels
			rest = rest[1:]
		}
		if l.Type != absent {
			m.Entries = append(m.Entries, e)
		}
	}
	if p.err != nil {
		return nil, p.err
	}
	m.Entries = append(m.Entries, rest...)
	return m, h.reached(m)
}

func (h *diffHead) fits(old *Manifest) error {
	switch {
	case h.Difference != 1:
		return fmt.Errorf("difference: version %d is unknown", h.Difference)
	case h.Product != old.Product || h.Version != old.Version || h.From != old.Level || h.FromSHA256 != old.Digest():
		return fmt.Errorf("difference: starts from another manifest (%s-%s level %d)", h.Product, h.Version, h.From)
	}
	return nil
}

func (h *diffHead) reached(m *Manifest) error {
	if err := m.Check(); err != nil {
		return err
	}
	if d := m.Digest(); d != h.ToSHA256 {
		return fmt.Errorf("difference: leads to manifest %s, states %s", d, h.ToSHA256)
	}
	return nil
}
