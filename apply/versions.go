package apply

import (
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
}

// Versions reads what lies beside p.
func (w *Pending) Versions(k *pack.Pack, p string) (*Versions, error) {
	root, v := k.Root(), &Versions{Files: []string{}}
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
	return v, nil
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
