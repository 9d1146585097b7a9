package depot

import (
	"context"

	"packlift/internal/manifest"
)

// needs lists the files that the index leads to, by name in the product's
// folder, and the objects among them, each once.
type needs struct {
	names   map[string]bool
	objects []*manifest.Object
}

// needs reads every list of the index. Signatures of the index before stay: a
// reader may have read that one just before it was replaced.
func (v *View) needs(ctx context.Context) (*needs, error) {
	n := &needs{names: map[string]bool{IndexName: true, lockName: true}}
	for i := 1; i <= MaxSignatures; i++ {
		n.names[signatureName(v.Digest, i)] = true
		n.names[signatureName(v.Index.Previous, i)] = true
	}
	for _, l := range v.Index.Levels {
		if err := n.level(ctx, v, l); err != nil {
			return nil, err
		}
	}
	for _, t := range v.Index.Tools {
		n.names[t.fileName()], n.names[t.statementName()] = true, true
		for i := range t.Signatures {
			n.names[t.signatureName(i)] = true
		}
	}
	return n, nil
}

func (n *needs) level(ctx context.Context, v *View, l Level) error {
	n.names[manifestName(l.Manifest.Plain.SHA256)] = true
	n.names[objectsName(l.Objects.Plain.SHA256)] = true
	n.names[advisoryName(l.Advisory.SHA256)] = true
	m, err := v.Manifest(ctx, l)
	if err != nil {
		return err
	}
	list, err := v.Objects(ctx, l, m)
	if err != nil {
		return err
	}
	for i := range list {
		if name := objectName(&list[i]); !n.names[name] {
			n.names[name] = true
			n.objects = append(n.objects, &list[i])
		}
	}
	return nil
}
