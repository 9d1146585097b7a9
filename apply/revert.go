package apply

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"golang.org/x/sync/errgroup"

	"packlift/internal/count"
	"packlift/internal/fault"
	"packlift/internal/manifest"
	"packlift/internal/pack"
	"packlift/internal/rootfs"
	"packlift/internal/typed"
)

// outsideSource is where a revert copies old files from if it cannot move them
// out of the pack's backup.
type outsideSource struct{ dir string }

// ErrNothingToRevert is what NewRevert returns for a pack on the level that it
// came with.
var ErrNothingToRevert = errors.New("nothing to revert")

// NewRevert plans to take back the newest update that has a backup. The backup
// is checked whole against its own manifest first; one that is missing or
// changed is refused (fault.Differs). Files that the site changed since the
// update are Conflicts; files made since stay.
func NewRevert(ctx context.Context, p *pack.Pack, o Options) (*Plan, error) {
	o = o.withDefaults()
	s, err := p.State()
	if err != nil {
		return nil, err
	}
	event, err := newest(s)
	if err != nil {
		return nil, err
	}
	return planRevert(ctx, p, s, event, o)
}

func planRevert(ctx context.Context, p *pack.Pack, s pack.State, event pack.Event, o Options) (*Plan, error) {
	h, ops, err := readBackup(p, s, event)
	if err != nil {
		return nil, err
	}
	pl, err := revertPlan(p, s, h, o)
	if err != nil {
		return nil, err
	}
	if err := pl.checkBackup(ctx, p, ops, o.Jobs); err != nil {
		return nil, denied(err)
	}
	if err := pl.fill(ctx, p, reversed(ops), o); err != nil {
		return nil, err
	}
	if err := pl.findFinals(p); err != nil {
		return nil, err
	}
	if err := pl.measure(p, o); err != nil {
		return nil, err
	}
	return pl, pl.remember(p)
}

// findFinals tells the files F.final that come back beside F: they are the site's
// decisions, which the next attempt can take.
func (pl *Plan) findFinals(p *pack.Pack) error {
	var m *manifest.Manifest
	for i := range pl.ops {
		o := &pl.ops[i]
		if o.Before != nil || !isFile(o.After) || !strings.HasSuffix(o.Path, endFinal) {
			continue
		}
		if m == nil && !pl.after.Manifest.IsZero() {
			var err error
			if m, err = p.Manifest(pl.after.Manifest); err != nil {
				return err
			}
		}
		if m == nil || !has(m, o.Path) {
			o.helper = true
			pl.Finals = append(pl.Finals, o.Path)
		}
	}
	if len(pl.Finals) > 0 {
		pl.list()
	}
	return nil
}

func has(m *manifest.Manifest, path string) bool {
	_, ok := m.Find(path)
	return ok
}

// RunRevert carries out a plan of NewRevert; what holds for Run holds for it.
// The floor and the trust sets stay as they are.
func RunRevert(ctx context.Context, p *pack.Pack, pl *Plan, o Options) (*Result, error) {
	if pl.Kind != kindRevert {
		return nil, errors.New("apply: RunRevert takes a plan of NewRevert")
	}
	return pl.execute(ctx, p, nil, o.withDefaults())
}

// newest is the event that a revert takes back: each revert in the history
// has taken back the one before it.
func newest(s pack.State) (pack.Event, error) {
	stack := standing(s)
	if len(stack) == 0 {
		return pack.Event{}, fault.New(fault.General, "there is %w: the pack is on the level it came with", ErrNothingToRevert).
			WithHint("%s", typed.Import("current-state"))
	}
	e := stack[len(stack)-1]
	return e, hasBackup(e)
}

// standing are the updates and hotfixes that no revert has taken back, the
// oldest first.
func standing(s pack.State) (stack []pack.Event) {
	for _, e := range s.History {
		switch e.Kind {
		case kindRevert:
			stack = stack[:max(0, len(stack)-1)]
		case kindUpdate, kindFull, kindHotfix:
			stack = append(stack, e)
		}
	}
	return stack
}

func hasBackup(e pack.Event) error {
	if e.Generation > 0 {
		return nil
	}
	return fault.New(fault.Differs, "the %s was applied without a backup", eventName(e)).
		WithHint("restore the pack from a copy of your own")
}

// eventName says which change of a pack an event is.
func eventName(e pack.Event) string {
	if e.Kind == kindHotfix {
		return fmt.Sprintf("hotfix %d of level %s", e.Hotfix, levelName(e.To))
	}
	return fmt.Sprintf("update from level %s to %s", levelName(e.From), levelName(e.To))
}

func readBackup(p *pack.Pack, s pack.State, e pack.Event) (head, []op, error) {
	name := generationDir(e.Generation) + "/" + backupRecord
	h, ops, err := readRecord(p.Root(), name, recordBackup)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return h, nil, lostGeneration(p, e, err)
	case err != nil:
	case h.Generation != e.Generation || h.From != e.From || h.To != e.To || h.Product != s.Product || h.Version != s.Version:
		err = fmt.Errorf("%s is about another update", p.Root().Full(name))
	}
	if err != nil {
		return h, nil, fault.New(fault.Differs, "cannot revert: %w", err).WithHint("put the backup back as it was, then run the same command again")
	}
	return h, ops, nil
}

// revertPlan begins the plan: the state goes back, but what must never go back
// (floor, history, the count of generations) stays.
func revertPlan(p *pack.Pack, s pack.State, h head, o Options) (*Plan, error) {
	old, err := pack.ParseState(h.StateBefore)
	if err != nil {
		return nil, err
	}
	if s.Level != h.To {
		return nil, fault.New(fault.Differs, "the pack is on level %s, the backup leads back from level %s", levelName(s.Level), levelName(h.To))
	}
	pl := &Plan{Product: h.Product, Version: h.Version, Kind: kindRevert, From: h.To, To: h.From, before: s, after: s}
	pl.after.Level, pl.after.Hotfixes, pl.after.Manifest, pl.after.Sequence = old.Level, old.Hotfixes, old.Manifest, old.Sequence
	if old.Manifest.IsZero() { // the level that init named; the update's bundle knew it
		pl.after.Manifest = h.Base
	}
	pl.head.Reverts, pl.head.Hotfix = h.Generation, h.Hotfix
	if h.Outside == "" {
		return pl, nil
	}
	dir := h.Outside
	if o.BackupDir != "" { // the folder was moved or is mounted elsewhere
		abs, err := filepath.Abs(o.BackupDir)
		if err != nil {
			return nil, err
		}
		dir = filepath.Join(abs, filepath.Base(filepath.Dir(dir)), filepath.Base(dir))
	}
	pl.source, pl.head.RevertsOutside = &outsideSource{dir}, dir
	return pl, nil
}

// reversed turns what an update did into what its revert has to do.
func reversed(ops []op) []manifest.Change {
	changes := make([]manifest.Change, 0, len(ops))
	for i := range ops {
		o := &ops[i]
		if !same(o.Before, o.After) {
			changes = append(changes, manifest.Change{Path: o.Path, Old: o.After, New: o.Before})
		}
	}
	return changes
}

// open gives the folder that holds the old files, and the name of one in it.
func (pl *Plan) openBackup(p *pack.Pack) (*rootfs.Root, func(string) string, func() error, error) {
	if pl.source == nil {
		return p.Root(), func(q string) string { return treeName(pl.head.Reverts, q) }, func() error { return nil }, nil
	}
	root, err := rootfs.Open(pl.source.dir)
	if err != nil {
		return nil, nil, nil, fault.New(fault.Differs, "cannot revert: the backup is missing: %w", err).
			WithHint("mount or bring back the backup folder, or name it with --backup DIR")
	}
	return root, func(q string) string { return treeDir + "/" + q }, root.Close, nil
}

// checkBackup compares every old file with what the backup's manifest says.
func (pl *Plan) checkBackup(ctx context.Context, p *pack.Pack, ops []op, jobs int) error {
	root, name, closeRoot, err := pl.openBackup(p)
	if err != nil {
		return err
	}
	defer closeRoot()
	bad, err := badOnes(ctx, ops, entryNow, root, name, jobs)
	if err != nil {
		return err
	}
	return wounded(ops, bad)
}

// badOnes says of each op whose old file a backup holds what is wrong with that, as far
// as look tells; a digest that it leaves out is not compared.
func badOnes(ctx context.Context, ops []op, look func(*rootfs.Root, string) (*manifest.Entry, error), root *rootfs.Root, name func(string) string, jobs int) ([]string, error) {
	bad := make([]string, len(ops))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(jobs)
	for i := range ops {
		o := &ops[i]
		if !o.movesAway() {
			continue
		}
		g.Go(func() error {
			if ctx.Err() != nil {
				return interrupted(ctx)
			}
			now, err := look(root, name(o.Path))
			if absent(err) {
				now, err = nil, nil
			}
			if err == nil {
				bad[i] = unlike(now, o.Before)
			}
			return err
		})
	}
	return bad, g.Wait()
}

// unlike says how a file of a backup is other than its record says.
func unlike(now, want *manifest.Entry) string {
	switch {
	case now == nil:
		return isMissing
	case isFile(now) && isFile(want) && now.Size != want.Size:
		return fmt.Sprintf("changed (%s, not %d)", count.Of(int(now.Size), "byte"), want.Size)
	case isFile(now) && now.SHA256.IsZero() && isFile(want) || sameContent(now, want):
		return ""
	}
	return "changed"
}

func wounded(ops []op, bad []string) error {
	text, n := "", 0
	for i := range ops {
		if bad[i] == "" {
			continue
		}
		if n++; n <= 20 {
			text += fmt.Sprintf("\n  %s: %s", ops[i].Path, bad[i])
		}
	}
	if n == 0 {
		return nil
	}
	return fault.New(fault.Differs, "cannot revert: %s of the backup %s missing or changed:%s", count.Of(n, "file"), count.Verb(n, "is", "are"), text).
		WithHint("put the backup back as it was, then run the same command again")
}

// remember notes each backup file as it was checked, so that another put in
// its place before the move is noticed.
func (pl *Plan) remember(p *pack.Pack) error {
	for i := range pl.ops {
		o := &pl.ops[i]
		if !o.placesNew() || o.New != treeName(pl.head.Reverts, o.Path) {
			continue
		}
		info, err := p.Root().Lstat(o.New)
		if err != nil {
			return err
		}
		o.seenNew = rootfs.MarkOf(info)
	}
	return nil
}

// fromBackup stages what has to be copied out of the backup.
func (t *stager) fromBackup(ctx context.Context) error {
	root, name, closeRoot, err := t.pl.openBackup(t.pack)
	if err != nil {
		return err
	}
	defer closeRoot()
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(max(4, t.o.Jobs))
	for i := range t.pl.ops {
		o := &t.pl.ops[i]
		if !o.needsNew() || o.split || t.inPlace(o) {
			continue
		}
		g.Go(func() error {
			f, err := root.Open(name(o.Path))
			if err != nil {
				return err
			}
			defer f.Close()
			return t.writeLike(o, copyFrom(&contextReader{ctx, f}), root, name(o.Path))
		})
	}
	return g.Wait()
}
