package apply

import (
	"context"
	"errors"
	"io"
	"slices"

	"packlift/internal/manifest"
	"packlift/internal/merge"
)

// mostTexts caps the texts that a plan holds in memory, in bytes. What goes
// beyond is a conflict like any other.
const mostTexts = 32 << 20

// mergeAll merges what both sides changed, and gives what cannot be.
func (d *decider) mergeAll(ctx context.Context, clashes []clash) (left []clash, err error) {
	if err := d.choices.fetch(ctx, clashes); err != nil {
		return nil, err
	}
	for i := range clashes {
		x := &clashes[i]
		done, err := d.merge(x)
		if err != nil {
			return nil, err
		}
		if !done {
			d.choices.explain(x)
			left = append(left, *x)
		}
	}
	return left, nil
}

// mergeable: a file on all three sides, whose content both changed.
func (x *clash) mergeable() bool {
	return x.blocked == "" && x.fix != resetMode && isFile(x.change.Old) && isFile(x.change.New) && isFile(x.entry) && x.entry.Size <= merge.MaxText
}

func (d *decider) merge(x *clash) (bool, error) {
	if !x.mergeable() {
		return false, nil
	}
	base, haveBase := d.choices.texts[x.change.Old.SHA256]
	theirs, haveTheirs := d.choices.texts[x.change.New.SHA256]
	if !haveBase || !haveTheirs {
		return false, nil
	}
	ours, err := d.root.ReadFile(x.Path, merge.MaxText)
	if err != nil {
		return false, missingNow(x.Path, err)
	}
	x.entry.Size, x.entry.SHA256 = int64(len(ours)), manifest.Sum(ours)
	out, why := merge.Text(base, ours, theirs)
	if why != "" {
		if why != merge.NotText {
			x.Reason += ": " + string(why)
		}
		return false, nil
	}
	mode, ok := mergedMode(x.change, x.entry)
	if !ok {
		x.Reason = "its mode changed here and by " + d.verb
		return false, nil
	}
	after := &manifest.Entry{Path: x.Path, Type: manifest.File, Mode: mode, Size: int64(len(out)), SHA256: manifest.Sum(out)}
	if !same(x.entry, after) {
		d.op(x.Path, x.entry, after, x.mark)
		d.ops[len(d.ops)-1].own = &own{data: out}
	} else {
		d.choices.stay(x.Path, AsMerged, x.entry)
	}
	d.choices.how[x.Path] = ByMerge
	d.choices.Merged = append(d.choices.Merged, x.Path)
	return true, nil
}

// explain adds that the update's content cannot be made here.
func (c *choices) explain(x *clash) {
	if !isFile(x.change.Old) || !isFile(x.newer()) || x.blocked != "" || isFile(x.entry) && sameContent(x.entry, x.change.Old) {
		return
	}
	if n, _ := c.contents.get(x.newer().SHA256); n.Delta && slices.Contains(n.Bases, x.change.Old.SHA256) {
		x.Reason += "; the bundle tells the new one from the original"
		x.fix = sendWhole
	}
}

// fetch reads the texts that merges and conflicts need out of the payload, which
// is read no further than the last of them.
func (c *choices) fetch(ctx context.Context, clashes []clash) (err error) {
	c.texts = map[manifest.Digest][]byte{}
	want := c.wanted(clashes)
	if len(want) == 0 || c.open == nil {
		return nil
	}
	source, closeSource := c.open()
	defer func() { err = errors.Join(err, closeSource()) }()
	left := int64(mostTexts)
	for len(want) > 0 {
		if ctx.Err() != nil {
			return interrupted(ctx)
		}
		x, err := source.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return stopped(ctx, err)
		}
		if !want[x.SHA256] {
			continue
		}
		delete(want, x.SHA256)
		if left -= x.Size; left < 0 {
			return nil
		}
		if c.texts[x.SHA256], err = io.ReadAll(io.LimitReader(x, x.Size+1)); err != nil {
			return stopped(ctx, err)
		}
	}
	return nil
}

// wanted are the contents of clashes that travel whole and are short.
func (c *choices) wanted(clashes []clash) map[manifest.Digest]bool {
	want := map[manifest.Digest]bool{}
	for i := range clashes {
		if x := &clashes[i]; x.blocked == "" {
			for _, e := range []*manifest.Entry{x.change.Old, x.newer()} {
				if !isFile(e) {
					continue
				}
				if n, ok := c.contents.get(e.SHA256); ok && !n.Delta && n.Size <= merge.MaxText {
					want[e.SHA256] = true
				}
			}
		}
	}
	return want
}
