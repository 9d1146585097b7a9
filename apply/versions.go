package apply

import (
	"slices"

	"packlift/internal/manifest"
	"packlift/internal/merge"
	"packlift/internal/pack"
	"packlift/internal/rootfs"
)

// Versions are the contents of a file whose conflict waits; nil where one is not
// there, was changed by another hand, or is no text.
type Versions struct {
	Original, New, Ours []byte
	Files               []string // of F.original, F.new and F.final those that are there
	Final               bool
	Marker              int    // the line of F.final that still has a conflict marker, 0 for none
	Decided             string // what decides the conflict as things are now; empty while it is open
}

// Versions reads what lies beside the file of x.
func (w *Pending) Versions(k *pack.Pack, x *Waiting) (*Versions, error) {
	root, p, v := k.Root(), x.Path, &Versions{Files: []string{}}
	var err error
	if v.Ours, err = textAt(root, p); err != nil {
		return nil, err
	}
	for _, h := range w.Helpers {
		if h.Path != p+endOriginal && h.Path != p+endNew {
			continue
		}
		b, err := textAt(root, h.Path)
		if err != nil {
			return nil, err
		}
		if manifest.Sum(b) != h.SHA256 {
			b = nil
		}
		if h.Path == p+endOriginal {
			v.Original = b
		} else {
			v.New = b
		}
	}
	for _, end := range []string{endOriginal, endNew, endFinal} {
		e, err := ownEntry(root, p+end)
		if err != nil {
			return nil, err
		}
		if isFile(e) {
			v.Files = append(v.Files, p+end)
			v.Final = v.Final || end == endFinal
		}
	}
	v.Decided, v.Marker, err = w.decision(root, x)
	return v, err
}

// decision is what decides x as things are now, or the marker that keeps its F.final
// from doing so.
func (w *Pending) decision(root *rootfs.Root, x *Waiting) (how string, marker int, err error) {
	if slices.Contains(x.Decide, ByFinal) {
		final, err := ownEntry(root, x.Path+endFinal)
		if err != nil {
			return "", 0, err
		}
		if isFile(final) {
			if marker, err = finalMarker(root, x.Path, final); err != nil || marker == 0 {
				return ByFinal, 0, err
			}
		}
	}
	if how = x.Decided; how != ByFinal {
		return how, marker, nil
	}
	switch { // F.final was there in the last run
	case pack.MatchAny(w.Ours, x.Path):
		return ByOurs, marker, nil
	case pack.MatchAny(w.Theirs, x.Path) && slices.Contains(x.Decide, ByTheirs):
		return ByTheirs, marker, nil
	}
	return "", marker, nil
}

// Open counts the conflicts that nothing decides as things are now.
func (w *Pending) Open(k *pack.Pack) (n int, err error) {
	for i := range w.Conflicts {
		how, _, err := w.decision(k.Root(), &w.Conflicts[i])
		if err != nil {
			return 0, err
		}
		if how == "" {
			n++
		}
	}
	return n, nil
}

func textAt(root *rootfs.Root, p string) ([]byte, error) {
	if link, err := root.ParentLink(p); link != "" || absent(err) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	e, _, err := lookAt(root, p)
	if err != nil || !isFile(e) || e.Size > merge.MaxText {
		return nil, err
	}
	b, err := root.ReadFile(p, merge.MaxText)
	if err != nil || !merge.IsText(b) {
		return nil, err
	}
	return append([]byte{}, b...), nil
}
