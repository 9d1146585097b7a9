package apply

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strconv"

	"packlift/internal/fault"
	"packlift/internal/pack"
	"packlift/internal/regular"
	"packlift/internal/rootfs"
	"packlift/internal/typed"
)

// RecoverOutcome tells what Recover did: none, finished or undone. From and To
// are the levels of the run it met; Revert that this run was a revert.
type RecoverOutcome struct {
	Action string `json:"action"`
	From   int    `json:"from"`
	To     int    `json:"to"`
	Revert bool   `json:"revert"`
	Kind   string `json:"kind,omitempty"`   // of the run: update, full, hotfix, heal or revert
	Hotfix int    `json:"hotfix,omitempty"` // that it put on or took off
}

// What says which kind of run Recover met.
func (o RecoverOutcome) What() string {
	what := "update"
	switch {
	case o.Kind == kindHeal, o.Kind == kindRevert && o.Hotfix == 0:
		what = o.Kind
	case o.Kind == kindRevert:
		what = fmt.Sprintf("revert of hotfix %d", o.Hotfix)
	case o.Kind == kindHotfix:
		what = fmt.Sprintf("hotfix %d", o.Hotfix)
	}
	return what
}

// Actions of a RecoverOutcome.
const (
	ActionNone     = "none"
	ActionFinished = "finished"
	ActionUndone   = "undone"
)

// Recover brings an interrupted run to its end or its beginning, and clears
// what is left of one that had not begun to move files. Every command that
// writes calls it first, under the lock. Where a path is neither old nor new
// nothing is changed and the error (fault.Unrecoverable) names each such path.
func Recover(ctx context.Context, p *pack.Pack, log *slog.Logger) (RecoverOutcome, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	r := &recovery{p: p, root: p.Root(), log: log}
	if ctx.Err() != nil {
		return RecoverOutcome{Action: ActionNone}, interrupted(ctx)
	}
	out, err := r.run()
	if err != nil && fault.ClassOf(err) == fault.General && fault.HintOf(denied(err)) == "" && !noSpace(err) {
		err = fault.New(fault.General, "%w", err).WithHint("put right what is named, then run the same command again")
	}
	if err == nil && out.Action != ActionNone {
		log.Info("recovered", "action", out.Action, "from", out.From, "to", out.To)
	}
	return out, spaceOr(err)
}

type recovery struct {
	p    *pack.Pack
	root *rootfs.Root
	log  *slog.Logger
}

func (r *recovery) run() (RecoverOutcome, error) {
	for _, dir := range []string{dataDir, pack.ManifestDir, customizedDir, pack.Updates} {
		if err := r.root.Sweep(dir); err != nil {
			return RecoverOutcome{}, err
		}
	}
	for _, name := range []string{undoName, journalName} {
		there, err := exists(r.root, name)
		if err != nil {
			return RecoverOutcome{}, err
		}
		if there {
			return r.resume(name)
		}
	}
	if made, err := r.restoreJournal(); err != nil {
		return RecoverOutcome{}, err
	} else if made {
		return r.resume(undoName)
	}
	return RecoverOutcome{Action: ActionNone}, errors.Join(releaseReserve(r.root), sweepStage(r.p, r.log), sweepPruned(r.p, r.log))
}

func (r *recovery) resume(name string) (RecoverOutcome, error) {
	h, ops, err := readRecord(r.root, name, recordJournal)
	if err != nil {
		return RecoverOutcome{}, fault.New(fault.Unrecoverable, "an earlier run was interrupted and its journal cannot be used: %w", err).
			WithHint("restore the pack from a copy, or compare it with its manifest: %s", typed.Import("verify-pack"))
	}
	out := RecoverOutcome{From: h.From, To: h.To, Revert: h.Kind == kindRevert, Kind: h.Kind, Hotfix: h.Hotfix}
	t := &transaction{p: r.p, log: r.log, engine: engine{root: r.root, head: h, ops: ops, careful: true}}
	if name == undoName {
		out.Action = ActionUndone
		return out, r.unusable(r.back(t))
	}
	out.Action, err = r.ahead(t)
	return out, r.unusable(err)
}

// unusable gives an error that is of no class and says not what to do both: something
// of the pack's own is not what a run left there.
func (r *recovery) unusable(err error) error {
	err = denied(err)
	if err == nil || fault.ClassOf(err) != fault.General || fault.HintOf(err) != "" || noSpace(err) {
		return err
	}
	return fault.New(fault.Unrecoverable, "an earlier run was interrupted and cannot be brought to its end: %w", err).
		WithHint("put back what is named as it was, or restore the pack from a copy; then: %s", typed.Import("recover"))
}

// ahead finishes a run, or turns back if its stage is not whole.
func (r *recovery) ahead(t *transaction) (string, error) {
	done, err := t.committed()
	if err != nil {
		return "", err
	}
	if done {
		return ActionFinished, t.finish()
	}
	if err := t.stateIsOld(); err != nil {
		return "", err
	}
	if err := t.loosen(); err != nil {
		return "", err
	}
	v, err := t.judge()
	switch {
	case err != nil:
		return "", err
	case len(v.ahead) > 0 && len(v.staged) == 0:
		return "", unrecoverable(v.ahead)
	case len(v.staged) > 0 && len(v.back) > 0:
		return "", unrecoverable(v.back)
	case len(v.staged) > 0:
		r.log.Warn("staged content is damaged; going back", "path", v.staged[0])
		return ActionUndone, t.undo()
	}
	err = t.forward()
	if err != nil && noSpace(err) && len(v.back) == 0 { // old is better than between
		r.log.Warn("the disk is full; going back", "error", err)
		return ActionUndone, t.undo()
	}
	if err != nil {
		return "", err
	}
	return ActionFinished, t.commit()
}

func (r *recovery) back(t *transaction) error {
	if err := t.stateIsOld(); err != nil {
		return err
	}
	if err := t.loosen(); err != nil { // a folder that cannot be listed cannot be judged
		return err
	}
	v, err := t.judge()
	if err != nil {
		return err
	}
	if len(v.back) > 0 {
		return unrecoverable(v.back)
	}
	return t.undo()
}

// sweepStage removes what a run left that never wrote its journal, or that was
// ended while it cleared up: its stage, its folders on other mounts, a backup
// generation that the state does not know, and its backup outside.
func sweepStage(p *pack.Pack, log *slog.Logger) error {
	root := p.Root()
	list, err := root.ReadDir(stageRoot)
	if errors.Is(err, fs.ErrNotExist) {
		return sweepGenerations(p)
	}
	if err != nil {
		return err
	}
	s, err := p.State()
	if err != nil {
		return err
	}
	for _, e := range list {
		if e.Name() == "lost+found" && e.IsDir() || regular.Leftover(e.Name()) { // the stage is a file system of its own; a Finder was shown it
			continue
		}
		if !validTxn(e.Name()) {
			return badStage("%s holds %q, which no run made", root.Full(stageRoot), e.Name())
		}
		if err := sweepOne(p, log, places{e.Name()}, s); err != nil {
			return err
		}
	}
	return sweepGenerations(p)
}

func sweepOne(p *pack.Pack, log *slog.Logger, at places, now pack.State) error {
	root := p.Root()
	b, err := root.ReadFile(at.note(), maxNote)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	var n note
	if err == nil {
		if err := json.Unmarshal(b, &n); err != nil {
			return badStage("%s is damaged: %w", root.Full(at.note()), err)
		}
	}
	if err := mayDropStage(root, at, n, now); err != nil {
		return err
	}
	if err := dropOutside(root, at, n.Outside, now.Generation+1); err != nil {
		leftOutside(log, n.Outside, err)
	}
	return dropStage(root, at, n.Mounts)
}

func badStage(format string, args ...any) error {
	return fault.New(fault.Unrecoverable, format, args...).
		WithHint("move what is named aside, and keep it; then: %s", typed.Import("recover"))
}

// leftOutside: a backup folder that is read-only or gone by now must not keep
// the pack from coming to its end.
func leftOutside(log *slog.Logger, dir string, err error) {
	log.Warn("a backup that is not needed any more could not be removed", "folder", dir, "error", err)
}

// dropStage removes the folders of one run; the note goes last, so that a
// later sweep still knows of the mounts.
func dropStage(root *rootfs.Root, at places, mounts []string) error {
	for _, top := range mounts {
		if err := checkMountTop(top); err != nil {
			return err
		}
		if err := root.RemoveAll(at.mount(top)); err != nil {
			return err
		}
	}
	for _, name := range []string{at.newDir(), at.oldDir(), at.changelog(), at.stage()} {
		if err := root.RemoveAll(name); err != nil {
			return err
		}
	}
	return nil
}

// sweepGenerations removes the generation after the state's last: its run ended
// before it moved a file.
func sweepGenerations(p *pack.Pack) error {
	list, err := p.Root().ReadDir(backupTop)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	s, err := p.State()
	if err != nil {
		return err
	}
	for _, e := range list {
		n, err := strconv.Atoi(e.Name())
		if err != nil || generationDir(n) != backupTop+"/"+e.Name() || n != s.Generation+1 {
			continue
		}
		if err := mayDropGeneration(p.Root(), generationDir(n)); err != nil {
			return err
		}
		if err := p.Root().RemoveAll(backupTop + "/" + e.Name()); err != nil {
			return err
		}
	}
	return nil
}
