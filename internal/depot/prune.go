package depot

import (
	"context"
	"path"
)

// ours are the folders whose files Prune judges; what else lies in the
// product's folder is somebody else's.
var ours = []string{"signatures", "manifest", "objects", "advisory", "blob", "delta", "tools"}

// Pruned is what nothing needed.
type Pruned struct {
	Files []string `json:"files"`
	Bytes int64    `json:"bytes"`
}

// Prune removes files that the index does not lead to: those of publishers that
// were killed, of tools that newer ones replaced. The store's lock keeps publishers
// out meanwhile, so nothing of theirs is on its way. v is the index as it is now.
// With dry it only tells.
func (s *Store) Prune(ctx context.Context, v *View, dry bool) (*Pruned, error) {
	n, err := v.needs(ctx)
	if err != nil {
		return nil, err
	}
	out := &Pruned{Files: []string{}}
	for _, dir := range ours {
		if err := s.prune(ctx, dir, n, dry, out); err != nil {
			return out, err
		}
	}
	return out, nil
}

func (s *Store) prune(ctx context.Context, dir string, n *needs, dry bool, out *Pruned) error {
	there, err := s.root.Exists(dir)
	if err != nil || !there {
		return err
	}
	list, err := s.root.ReadDir(dir)
	if err != nil {
		return err
	}
	left := len(list)
	for _, e := range list {
		name := path.Join(dir, e.Name())
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case e.IsDir():
			err = s.prune(ctx, name, n, dry, out)
		case e.Type().IsRegular() && !n.names[name]:
			err = s.drop(name, dry, out)
			left--
		}
		if err != nil {
			return err
		}
	}
	if left == 0 && !dry && path.Dir(dir) != "." {
		return s.root.Remove(dir)
	}
	return nil
}

func (s *Store) drop(name string, dry bool, out *Pruned) error {
	info, err := s.root.Lstat(name)
	if err != nil {
		return err
	}
	if !dry {
		if err := s.root.Remove(name); err != nil {
			return err
		}
	}
	out.Files = append(out.Files, name)
	out.Bytes += info.Size()
	return nil
}
