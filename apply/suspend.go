package apply

import (
	"context"
	"errors"
	"slices"
	"sort"
	"strings"

	"packlift/internal/fault"
	"packlift/internal/manifest"
	"packlift/internal/pack"
	"packlift/verify"
)

// Suspend leaves an update to the user's decisions: beside each customized file F
// that is a conflict it lays F.original and F.new, as far as the bundle has them,
// and it records the update as pending. Nothing else of the pack changes. An
// earlier Pending of the same bundle is carried on.
func Suspend(ctx context.Context, p *pack.Pack, b *verify.Bundle, pl *Plan, from Source, o Options) (*Pending, error) {
	source := payloadFor(b, o)
	w, err := pl.suspend(ctx, p, source, &Pending{Sums: b.Sums(), Source: from}, o)
	return w, errors.Join(err, source.Close())
}

// Suspends tells whether the user can decide the plan's conflicts here; else
// something else has to be put right first, and nothing waits.
func (pl *Plan) Suspends() bool { return pl.choices != nil && len(pl.choices.left) > 0 && !pl.other }

// WantsOther tells that no decision helps: another bundle is wanted.
func (pl *Plan) WantsOther() bool { return pl.other }

// ToldFromOriginal are the undecided files whose new version the bundle tells from the
// original, which is not here.
func (pl *Plan) ToldFromOriginal() (out []string) {
	if pl.choices == nil {
		return nil
	}
	for i := range pl.choices.left {
		if x := &pl.choices.left[i]; x.fix == sendWhole {
			out = append(out, x.Path)
		}
	}
	return out
}

// Decide notes in w, which waits, what decided its conflicts in the plan pl; nothing
// of the product changes.
func (w *Pending) Decide(p *pack.Pack, pl *Plan, o Options) error {
	w.Ours, w.Theirs = o.Ours, o.Theirs
	for i := range w.Conflicts {
		w.Conflicts[i].Decided = pl.choices.decided(w.Conflicts[i].Path)
	}
	return w.save(p.Root())
}

// decided is how p, which is no conflict any more, came to that.
func (c *choices) decided(p string) string {
	if how := c.how[p]; how != "" {
		return how
	}
	return Gone
}

func (pl *Plan) suspend(ctx context.Context, p *pack.Pack, source blobs, w *Pending, o Options) (*Pending, error) {
	before, err := ReadPending(p)
	if err != nil {
		return nil, err
	}
	w.fill(pl, o)
	w.carryOn(before, pl.choices)
	h, err := pl.helpers(ctx, p, o.withDefaults())
	if err != nil {
		return nil, err
	}
	return w, h.write(ctx, p, source, w, before == nil)
}

func (w *Pending) fill(pl *Plan, o Options) {
	w.Bundle, w.From, w.To, w.Level, w.Hotfix = pl.head.Bundle, pl.From, pl.To, o.Level, pl.Hotfix()
	w.Backup, w.NoBackup, w.NoLog, w.Template = o.BackupDir, o.NoBackup, o.NoChangelog, o.Template
	w.Ours, w.Theirs = o.Ours, o.Theirs
	for _, c := range pl.Conflicts {
		c.Reason, _, _ = strings.Cut(c.Reason, "; its "+endFinal) // that may be another tomorrow
		w.Conflicts = append(w.Conflicts, Waiting{Conflict: c})
	}
}

// carryOn keeps what an earlier attempt wrote, so that it will be removed, and notes
// what decided the conflicts that are none any more.
func (w *Pending) carryOn(before *Pending, c *choices) {
	if before == nil {
		return
	}
	known := map[string]bool{}
	for _, x := range w.Conflicts {
		known[x.Path] = true
	}
	for _, x := range before.Conflicts {
		if !known[x.Path] {
			x.Decided = c.decided(x.Path)
			w.Conflicts = append(w.Conflicts, x)
		}
	}
	sort.Slice(w.Conflicts, func(i, j int) bool { return w.Conflicts[i].Path < w.Conflicts[j].Path })
	w.Helpers = before.Helpers
}

// helpers plans the files beside the conflicts.
type helpers struct {
	pl *Plan
	o  Options
}

func (pl *Plan) helpers(ctx context.Context, p *pack.Pack, o Options) (*helpers, error) {
	h := &helpers{pl: newHelperPlan(pl), o: o}
	for i := range pl.choices.left {
		x := &pl.choices.left[i]
		if x.blocked != "" || isDir(x.entry) {
			continue
		}
		for _, f := range []struct {
			end   string
			entry *manifest.Entry
		}{{endOriginal, x.change.Old}, {endNew, x.newer()}} {
			if err := h.add(p, pl.choices, x, x.Path+f.end, f.entry); err != nil {
				return nil, err
			}
		}
	}
	sort.Slice(h.pl.ops, func(i, j int) bool { return h.pl.ops[i].Path < h.pl.ops[j].Path })
	quiet := o
	quiet.NoBackup, quiet.NoChangelog = true, true
	if err := h.pl.assign(p, quiet); err != nil {
		return nil, err
	}
	if err := h.pl.measure(p, quiet); err != nil {
		return nil, err
	}
	return h, h.pl.CheckSpace()
}

func newHelperPlan(pl *Plan) *Plan {
	h := &Plan{Product: pl.Product, Version: pl.Version, Kind: pl.Kind, From: pl.From, To: pl.To, before: pl.before, after: pl.after}
	h.head.Bundle = pl.head.Bundle
	return h
}

// add plans one file: from a text that is held, or from a content that travels
// whole. What a delta would have to be made for is left out.
func (h *helpers) add(p *pack.Pack, c *choices, x *clash, name string, e *manifest.Entry) error {
	if !isFile(e) {
		return nil
	}
	data, held := c.texts[e.SHA256]
	if n, ok := c.contents.get(e.SHA256); !held && (!ok || n.Delta) {
		return nil
	}
	if err := productPath(name); err != nil {
		return nil // too long a name
	}
	if there, err := exists(p.Root(), parentOf(name)); err != nil || !there {
		return err // the site removed the folder; one that the tool makes would be the site's to remove again
	}
	after := &manifest.Entry{Path: name, Type: manifest.File, Mode: 0o644, Size: e.Size, SHA256: e.SHA256}
	now, err := ownEntry(p.Root(), name)
	switch {
	case err != nil:
		return err
	case now != nil && sameContent(now, after):
	case now != nil:
		return fault.New(fault.Conflict, "%q is here already, and the version of %q that you would compare with goes there", name, x.Path).
			WithHint("move %s aside, then run the same command again", name)
	}
	o := op{Path: name, After: after}
	if held {
		o.own = &own{data: data}
	}
	if now != nil {
		o.Before = now
	}
	h.pl.ops = append(h.pl.ops, o)
	return nil
}

// write stages the files, records that the update waits, and moves them to their
// places. Before the record the stage is swept as any other; after it each file
// is accounted for. An update that did not wait before does not wait either where
// that fails.
func (h *helpers) write(ctx context.Context, p *pack.Pack, source blobs, w *Pending, first bool) error {
	w.list(h.pl.ops)
	h.pl.ops = slices.DeleteFunc(h.pl.ops, func(o op) bool { return o.Before != nil })
	h.pl.states(h.o.Now())
	t := newStager(p, h.pl, h.o)
	err := t.stageHelpers(ctx, source)
	if err == nil {
		err = p.CheckLock()
	}
	if err != nil {
		return errors.Join(stopped(ctx, spaceOr(err)), t.drop())
	}
	if err = w.save(p.Root()); err == nil {
		err = h.place(t)
	}
	if err != nil && first {
		_, withdrawn := w.withdraw(p.Root(), nil, map[string]bool{})
		err = errors.Join(spaceOr(err), withdrawn)
	}
	return errors.Join(err, t.drop())
}

func (h *helpers) place(t *stager) error {
	for i := range h.pl.ops {
		o := &h.pl.ops[i]
		if err := t.root.Move(o.New, o.Path); err != nil {
			return err
		}
		if err := t.root.SyncDir(parentOf(o.Path)); err != nil {
			return err
		}
	}
	return nil
}

func (t *stager) stageHelpers(ctx context.Context, source blobs) error {
	if err := t.makePlaces(); err != nil {
		return err
	}
	if err := t.contents(ctx, source); err != nil {
		return err
	}
	if err := t.owns(ctx); err != nil {
		return err
	}
	return t.syncStage()
}

// list adds files to the helpers, each path once.
func (w *Pending) list(ops []op) {
	at := map[string]int{}
	for i, h := range w.Helpers {
		at[h.Path] = i
	}
	for i := range ops {
		o := &ops[i]
		h := Helper{o.Path, o.After.Size, o.After.SHA256}
		if n, ok := at[o.Path]; ok {
			w.Helpers[n] = h
			continue
		}
		w.Helpers = append(w.Helpers, h)
	}
}
