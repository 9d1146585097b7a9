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
	"packlift/internal/fault"
	"packlift/internal/manifest"
)

// carried is a content of the payload: where the trees have it, and how it travels.
type carried struct {
	manifest.Content
	step
	again bool             // comes once more on a later level: travels whole
	text  bool             // a site may have to merge it: travels whole
	path  string           // in the step's end; of an original, in its start
	kind  string           // its ending
	plain string           // its name without version numbers and content hashes
	bases []manifest.Entry // files of the step's start that it may be told from, the likeliest first
	delta *delta.Delta     // nil: whole, or made again when it is written
	takes int64            // bytes of the delta

	settled bool             // how it travels is known: nothing is compared
	stored  *manifest.Object // the delta, as the depot has it
}

// length is the number of bytes that x takes in the payload.
func (x *carried) length() int64 {
	if x.Delta {
		return x.takes
	}
	return x.Size
}

// planPayload decides what has to travel in each step, and what of it as a delta.
func (c *creation) planPayload() error {
	chain := manifest.NewSteps(c.base())
	texts, err := c.chooseTexts()
	if err != nil {
		return err
	}
	for _, s := range c.steps() {
		items := s.items(chain.Needed(s.to.manifest), texts.originals(s, chain.Originals(s.to.manifest)))
		if err := chain.Go(s.to.manifest, contentsOf(items)); err != nil {
			return fault.New(fault.Usage, "%w", err).WithHint("carry fewer levels in one bundle")
		}
		c.payload = append(c.payload, items...)
	}
	c.made.Contents = len(c.payload)
	for _, x := range c.payload {
		x.again, x.text = chain.Again(x.SHA256), texts.whole[x.SHA256]
		c.made.Bytes += x.Size
	}
	if c.From == "" || c.Whole {
		return nil
	}
	c.reuse()
	return c.compare()
}

// items puts contents into the payload's order, in which like stands beside like
// for the compressor.
func (s step) items(needed []manifest.Blob, originals []*carried) []*carried {
	where := s.where()
	out := make([]*carried, 0, len(needed)+len(originals))
	for _, b := range needed {
		out = append(out, s.item(manifest.Content{Blob: b}, where[b.SHA256]))
	}
	out = append(out, originals...)
	slices.SortStableFunc(out, func(a, b *carried) int {
		return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.plain, b.plain), cmp.Compare(a.path, b.path))
	})
	return out
}

func (s step) item(x manifest.Content, p string) *carried {
	return &carried{Content: x, step: s, path: p, kind: strings.ToLower(path.Ext(p)), plain: match.Plain(path.Base(p))}
}

func contentsOf(items []*carried) []manifest.Content {
	out := make([]manifest.Content, len(items))
	for i, x := range items {
		out[i] = x.Content
	}
	return out
}

// contentsFile is the list of the payload of one step.
func contentsFile(s step, payload []*carried) (levelFile, error) {
	var list []manifest.Content
	for _, x := range payload {
		if x.step == s {
			list = append(list, x.Content)
		}
	}
	return streamFile(bundle.ContentsName(s.start(), s.to.level), func(w io.Writer) (int64, error) {
		return manifest.WriteContents(w, list)
	})
}

// source is where x lies, as a person finds it.
func (x *carried) source() string { return x.stop().at(x.path) }

func (x *carried) open() (io.ReadCloser, error) { return x.stop().tree.open(x.path) }

// stop is the one whose tree has x.
func (x *carried) stop() *stop {
	if x.Original {
		return x.from
	}
	return x.to
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
		return c.addFile(w, bundle.BlobName(x.SHA256), bundle.Blob{Size: x.Size, SHA256: x.SHA256}, x.source(), x.open)
	}
	if x.stored != nil {
		return c.writeStored(w, x)
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
