package depot

import (
	"context"
	"io"

	"packlift/bundle"
	"packlift/internal/version"
)

// Proven is a tool of the depot that the trust set stands for. Only View.Newer makes one.
type Proven struct {
	ctx  context.Context
	view *View
	tool Tool
}

// Newer gives the depot's tool of that name for a platform if it is newer than a
// version, and if enough signers stand for it; nil where there is none.
func (v *View) Newer(ctx context.Context, name, goos, arch, than string) (*Proven, error) {
	for _, t := range v.Index.Tools {
		if t.Name != name || t.OS != goos || t.Arch != arch || version.Compare(t.Version, than) <= 0 {
			continue
		}
		if err := v.CheckTool(ctx, &t); err != nil {
			return nil, err
		}
		return &Proven{ctx, v, t}, nil
	}
	return nil, nil
}

// Statement is what was signed of it.
func (p *Proven) Statement() bundle.Statement {
	t := &p.tool
	return bundle.Statement{Tool: t.Name, OS: t.OS, Arch: t.Arch, Version: t.Version, Size: t.Size, SHA256: t.SHA256}
}

// WriteTo gives its bytes. It fails before the last of them where they are others than stated.
func (p *Proven) WriteTo(w io.Writer) (int64, error) {
	r, err := p.view.OpenTool(p.ctx, &p.tool)
	if err != nil {
		return 0, err
	}
	defer r.Close()
	return io.Copy(w, r)
}
