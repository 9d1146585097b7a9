package export

import (
	"cmp"
	"io"
	"path"
	"slices"
	"strings"

	"packlift/bundle"
	"packlift/bundle/delta"
	"packlift/bundle/delta/match"
	"packlift/internal/manifest"
)

// carried is a content of the payload: where the trees have it, and how it travels.
type carried struct {
	manifest.Content
	path  string           // in the target
	kind  string           // its ending
	plain string           // its name without version numbers and content hashes
	bases []manifest.Entry // files of the base that it may be told from, the likeliest first
	delta *delta.Delta     // nil: whole, or made again when it is written
	takes int64            // bytes of the delta
}

// length is the number of bytes that x takes in the payload.
func (x *carried) length() int64 {
	if x.Delta {
		return x.takes
	}
	return x.Size
}

// planPayload puts what has to travel into the payload's order, in which like
// stands beside like for the compressor, and decides what travels as a delta.
func (c *creation) planPayload() error {
	c.payload = make([]*carried, len(c.changes.contents))
	for i, b := range c.changes.contents {
		p := c.changes.where[b.SHA256]
		c.payload[i] = &carried{Content: manifest.Content{Blob: b}, path: p, kind: strings.ToLower(path.Ext(p)), plain: match.Plain(path.Base(p))}
	}
	slices.SortFunc(c.payload, func(a, b *carried) int {
		return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.plain, b.plain), cmp.Compare(a.path, b.path))
	})
	if c.base == nil || c.Whole {
		return nil
	}
	return c.compare()
}

// contentsFile is the list of the payload.
func (c *creation) contentsFile() (levelFile, error) {
	list := make([]manifest.Content, len(c.payload))
	for i, x := range c.payload {
		list[i] = x.Content
	}
	return streamFile(bundle.ContentsName(c.Start, c.End), func(w io.Writer) (int64, error) {
		return manifest.WriteContents(w, list)
	})
}

func (c *creation) writePayload(w *bundle.PartWriter) error {
	for _, x := range c.payload {
		if err := c.writeContent(w, x); err != nil {
			return err
		}
	}
	return nil
}

func (c *creation) writeContent(w *bundle.PartWriter, x *carried) error {
	if !x.Delta {
		open := func() (io.ReadCloser, error) { return c.to.open(x.path) }
		return c.addFile(w, bundle.BlobName(x.SHA256), bundle.Blob{Size: x.Size, SHA256: x.SHA256}, c.inTarget(x.path), open)
	}
	d := x.delta
	if d == nil {
		var err error
		if d, err = c.makeDelta(x); err != nil {
			return err
		}
	}
	x.delta = nil
	r, out := io.Pipe()
	go func() {
		_, err := d.WriteTo(out)
		out.CloseWithError(err)
	}()
	defer r.Close()
	return w.Add(bundle.DeltaName(x.SHA256), d.Length(), withContext(c.ctx, r))
}
