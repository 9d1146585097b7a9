package export

import (
	"io"

	"packlift/internal/depot"
)

// withDepot adds the importers of a depot to those of the folder: of two for a
// platform the newer goes into the bundle. The folder may be missing then.
func (c *creation) withDepot(folder *toolFolder, err error) (*toolFolder, error) {
	if c.View == nil {
		return folder, err
	}
	held := map[platform]*tool{}
	for i := range c.View.Index.Tools {
		t := &c.View.Index.Tools[i]
		if t.Name != depot.Importer {
			continue
		}
		x, err := c.depotTool(t)
		if err != nil {
			return nil, err
		}
		held[x.platform()] = x
	}
	if err != nil && (c.ToolsDir != "" || len(held) == 0) {
		return nil, err
	}
	if err != nil {
		folder = &toolFolder{dir: "the depot", files: map[platform][]string{}}
	}
	folder.held = held
	return folder, nil
}

// depotTool takes a tool with the statement and signatures that the depot has for it.
func (c *creation) depotTool(t *depot.Tool) (*tool, error) {
	if err := c.View.CheckTool(c.ctx, t); err != nil {
		return nil, err
	}
	statement, sigs, err := c.View.Statement(c.ctx, t)
	if err != nil {
		return nil, err
	}
	open := func() (io.ReadCloser, error) { return c.View.OpenTool(c.ctx, t) }
	return &tool{Tool: t.Tool, path: t.FileName() + " of the depot", statement: statement, sigs: sigs, from: open}, nil
}

// open reads the tool from where it is.
func (t *tool) open() (io.ReadCloser, error) {
	if t.from != nil {
		return t.from()
	}
	return openPath(t.path)()
}
