package export

import (
	"cmp"
	"errors"
	"io"
	"slices"

	"golang.org/x/sync/errgroup"

	"packlift/internal/manifest"
	"packlift/internal/merge"
)

// A text of up to so many bytes travels so that a site can merge it, and in all
// so many bytes of both versions, the smallest first: they are what people edit.
const (
	mostText      = manifest.MaxOriginal
	mostOriginals = 8 << 20
)

// changedText is a file that is a text before and after a step.
type changedText struct {
	step
	manifest.Change
}

// texts are the changed texts that travel in both versions, and whole: where a
// site customized one, there is no old file to make anything from. Side by side
// the second version costs the compressor little.
type texts struct {
	chosen []changedText
	whole  map[manifest.Digest]bool
}

func (c *creation) chooseTexts() (*texts, error) {
	all, err := c.changedTexts()
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(all, func(a, b changedText) int { return cmp.Compare(a.Old.Size+a.New.Size, b.Old.Size+b.New.Size) })
	t := &texts{whole: map[manifest.Digest]bool{}}
	left := int64(mostOriginals)
	for _, x := range all {
		if left -= x.Old.Size + x.New.Size; left < 0 {
			break
		}
		t.chosen = append(t.chosen, x)
		t.whole[x.Old.SHA256], t.whole[x.New.SHA256] = true, true
	}
	return t, nil
}

// originals are the items of step s that allowed names, for the chosen texts.
func (t *texts) originals(s step, allowed []manifest.Blob) (out []*carried) {
	may := map[manifest.Digest]bool{}
	for _, b := range allowed {
		may[b.SHA256] = true
	}
	for _, x := range t.chosen {
		if d := x.Old.SHA256; x.step == s && may[d] {
			delete(may, d)
			out = append(out, s.item(manifest.Content{Blob: manifest.Blob{SHA256: d, Size: x.Old.Size}, Original: true}, x.Path))
		}
	}
	return out
}

func (c *creation) changedTexts() ([]changedText, error) {
	small := c.smallChanges()
	text := make([]bool, len(small))
	g, ctx := errgroup.WithContext(c.ctx)
	g.SetLimit(c.Jobs)
	for i, x := range small {
		g.Go(func() (err error) {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			text[i], err = x.isText()
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	var out []changedText
	for i, x := range small {
		if text[i] {
			out = append(out, x)
		}
	}
	return out, nil
}

func (c *creation) smallChanges() (out []changedText) {
	for _, s := range c.steps() {
		for _, d := range manifest.Compare(s.base(), s.to.manifest) {
			if o, n := d.Old, d.New; o != nil && n != nil && o.Type == manifest.File && n.Type == manifest.File && o.SHA256 != n.SHA256 && max(o.Size, n.Size) <= mostText {
				out = append(out, changedText{s, d})
			}
		}
	}
	return out
}

func (x *changedText) isText() (bool, error) {
	for _, s := range []source{x.from.tree, x.to.tree} {
		if ok, err := isText(s, x.Path); err != nil || !ok {
			return false, err
		}
	}
	return true, nil
}

func isText(s source, path string) (bool, error) {
	f, err := s.open(path)
	if err != nil {
		return false, err
	}
	b, err := io.ReadAll(io.LimitReader(f, mostText+1))
	return merge.IsText(b), errors.Join(err, f.Close())
}
