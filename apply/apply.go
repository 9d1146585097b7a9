package apply

import (
	"context"
	"errors"
	"time"

	"packlift/internal/fault"
	"packlift/internal/pack"
	"packlift/internal/typed"
	"packlift/verify"
)

// Run carries out a plan of NewPlan: stage, commit, report. The caller holds
// the pack's lock and has called Recover. An error means that the pack is as it
// was before, unless its text says otherwise. Once files begin to move ctx is
// not looked at any more: the run comes to its end.
func Run(ctx context.Context, p *pack.Pack, b *verify.Bundle, pl *Plan, o Options) (*Result, error) {
	if pl.Kind == kindRevert {
		return nil, errors.New("apply: Run takes a plan of NewPlan")
	}
	o = o.withDefaults()
	source := payloadFor(b, o)
	res, err := pl.execute(ctx, p, source, o)
	return res, errors.Join(err, source.Close())
}

// execute is what every kind of run goes through.
func (pl *Plan) execute(ctx context.Context, p *pack.Pack, source blobs, o Options) (*Result, error) {
	if err := pl.ready(p, o); err != nil {
		return nil, err
	}
	pl.states(o.Now())
	s := newStager(p, pl, o)
	if err := s.stage(ctx, source); err != nil {
		return nil, errors.Join(stopped(ctx, spaceOr(err)), s.drop())
	}
	if ctx.Err() != nil {
		return nil, errors.Join(interrupted(ctx), s.drop())
	}
	if err := p.CheckLock(); err != nil {
		return nil, errors.Join(err, s.drop())
	}
	t := &transaction{p: p, log: o.Log, engine: engine{root: p.Root(), head: pl.head, ops: pl.ops}}
	if err := t.begin(); err != nil {
		return nil, spaceOr(pl.notBegun(t, s, err))
	}
	o.Log.Info("moving files", "run", pl.head.Txn, "paths", len(pl.ops))
	if err := t.execute(); err != nil {
		return nil, spaceOr(err)
	}
	res := pl.result()
	if t.noChangelog {
		res.Changelog = ""
	}
	return res, nil
}

// notBegun clears up after a journal that could not be written. It may stand
// there all the same, if only its folder's sync failed.
func (pl *Plan) notBegun(t *transaction, s *stager, cause error) error {
	there, err := exists(t.root, journalName)
	if err != nil {
		return errors.Join(hinted(cause), err)
	}
	if there {
		return t.rollBack(cause)
	}
	return errors.Join(cause, s.drop())
}

// ready refuses what must not begin: conflicts, too little space, a process
// too mighty, a pack that is not as it was planned for.
func (pl *Plan) ready(p *pack.Pack, o Options) error {
	if err := pl.refuse(); err != nil {
		return err
	}
	if err := CheckPrivilege(p, o.AllowRoot); err != nil {
		return err
	}
	if err := pl.checkReports(p, o); err != nil {
		return err
	}
	for _, name := range []string{journalName, undoName} {
		if there, err := exists(p.Root(), name); err != nil {
			return err
		} else if there {
			return fault.New(fault.Unrecoverable, "an earlier run is not finished: %s", p.Root().Full(name)).WithHint("%s", typed.Import("recover"))
		}
	}
	now, err := p.State()
	if err != nil {
		return err
	}
	same, err := sameState(now, pack.MarshalState(pl.before))
	if err != nil {
		return err
	}
	if !same {
		return errors.New("the pack's state changed since the plan was made")
	}
	if err := pl.CheckBase(); err != nil {
		return err
	}
	return pl.CheckSpace()
}

// checkReports refuses, before anything is staged, what would keep a run that
// is committed from telling of itself.
func (pl *Plan) checkReports(p *pack.Pack, o Options) error {
	if err := p.CheckAuditPlace(); err != nil {
		return err
	}
	if !pl.hasChangelog(o) {
		return nil
	}
	name := pl.head.changelogName()
	info, err := p.Root().Lstat(name)
	if absent(err) || err == nil && info.Mode().IsRegular() {
		return nil
	}
	if err != nil {
		return err
	}
	return fault.New(fault.General, "%s is no regular file, and the changelog goes there", p.Root().Full(name)).
		WithHint("move %s aside, or add --no-changelog", name)
}

// states fixes the state before and after in the journal's head.
func (pl *Plan) states(now time.Time) {
	event := pack.Event{Time: now, Kind: pl.Kind, From: pl.From, To: pl.To, Hotfix: pl.head.Hotfix, Bundle: pl.head.Bundle,
		Generation: pl.head.Generation, Manifest: pl.after.Manifest}
	after := pl.after
	after.History = append(append([]pack.Event(nil), pl.before.History...), event)
	if pl.head.Generation > 0 {
		after.Generation = pl.head.Generation
	}
	pl.head.StateBefore, pl.head.StateAfter = pack.MarshalState(pl.before), pack.MarshalState(after)
}

func (pl *Plan) result() *Result {
	r := &Result{From: pl.From, To: pl.To, Added: len(pl.Added), Modified: len(pl.Modified), Removed: len(pl.Removed),
		Generation: pl.head.Generation, Changelog: pl.head.Changelog}
	if r.Generation > 0 {
		r.Backup = pl.Backup
	}
	return r
}

// drop clears a stage that did not come to a journal.
func (t *stager) drop() error {
	h := &t.pl.head
	return errors.Join(releaseReserve(t.root), dropOutside(t.root, t.at, h.Outside, h.Generation), dropStage(t.root, t.at, h.Mounts), sweepGenerations(t.pack))
}

// stopped gives an error that a cancelled ctx caused the class that says so.
func stopped(ctx context.Context, err error) error {
	switch {
	case ctx.Err() == nil || fault.ClassOf(err) == fault.Interrupted:
		return err
	case errors.Is(err, context.Canceled): // says no more than the cause does
		return interrupted(ctx)
	}
	return fault.New(fault.Interrupted, "%w: %w", context.Cause(ctx), err)
}

func spaceOr(err error) error {
	err = denied(err)
	if err == nil || !noSpace(err) || fault.ClassOf(err) == fault.NoSpace {
		return err
	}
	e := fault.New(fault.NoSpace, "%w", err)
	switch {
	case fault.HintOf(err) != "":
		return e
	case tooLarge(err):
		return e.WithHint(raiseLimit)
	}
	return e.WithHint("free some space, then run the same command again")
}

const raiseLimit = "raise the file-size limit (ulimit -f unlimited), or bring the folder to a file system that takes larger files; then run the same command again"
