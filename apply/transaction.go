package apply

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"

	"packlift/internal/fault"
	"packlift/internal/manifest"
	"packlift/internal/pack"
	"packlift/internal/rootfs"
	"packlift/internal/typed"
)

// transaction is a run whose journal is written: it is finished or undone.
type transaction struct {
	engine
	p           *pack.Pack
	log         *slog.Logger
	noChangelog bool // it could not be written
}

// begin writes the journal: from here on a later run goes forward.
func (t *transaction) begin() error {
	h := t.head
	h.Record = recordJournal
	return writeRecord(t.root, journalName, h, t.ops, (*rootfs.Pending).Commit)
}

// execute moves the files and commits. If that fails before the commit point
// everything is put back, and the cause returned.
func (t *transaction) execute() error {
	err := t.forward()
	if err == nil {
		return t.commit()
	}
	return t.rollBack(err)
}

// rollBack undoes after cause. If even that fails, the next run continues.
func (t *transaction) rollBack(cause error) error {
	if err := t.undo(); err != nil {
		return fmt.Errorf("%w; putting everything back failed too: %w", hinted(cause), err)
	}
	return cause
}

func hinted(cause error) error {
	return fault.New(fault.ClassOf(cause), "%w", cause).WithHint("%s", typed.Import("recover"))
}

// commit replaces state.json and takes the steps that follow it.
func (t *transaction) commit() error {
	after, err := pack.ParseState(t.head.StateAfter)
	if err != nil {
		return err
	}
	if now, err := t.p.State(); err == nil {
		after.FloorSeen = after.FloorSeen || now.FloorSeen
	}
	if err := releaseReserve(t.root); err != nil {
		return t.rollBack(err)
	}
	if err := t.p.SaveState(after); err != nil {
		// The rename may have been done, and only its sync failed.
		switch done, derr := t.committed(); {
		case derr != nil:
			return hinted(errors.Join(err, derr))
		case !done:
			return t.rollBack(err)
		}
		return t.unfinished(err)
	}
	return t.finish()
}

// committed: state.json is the new one. FloorSeen may be set since.
func (t *transaction) committed() (bool, error) {
	now, err := t.p.State()
	if err != nil {
		return false, err
	}
	return sameState(now, t.head.StateAfter)
}

// stateIsOld refuses a journal that does not belong to the pack's state.
func (t *transaction) stateIsOld() error {
	now, err := t.p.State()
	if err != nil {
		return err
	}
	ok, err := sameState(now, t.head.StateBefore)
	if err == nil && !ok {
		err = fault.New(fault.Unrecoverable, "%s belongs to another state of this pack", t.root.Full(journalName)).
			WithHint("compare the pack with its manifest: %s", typed.Import("verify-pack"))
	}
	return err
}

func sameState(now pack.State, want []byte) (bool, error) {
	s, err := pack.ParseState(want)
	if err != nil {
		return false, err
	}
	now.FloorSeen, s.FloorSeen = false, false
	return bytes.Equal(pack.MarshalState(now), pack.MarshalState(s)), nil
}

// finish takes the steps after the commit point. Each can be repeated; an
// error leaves the journal, and the next run goes on.
func (t *transaction) finish() error {
	steps := []func() error{t.floor, t.remember, t.audit}
	for _, step := range steps {
		if err := step(); err != nil {
			return t.unfinished(err)
		}
	}
	if err := t.changelog(); err != nil { // worth a word, not a pack that is stuck
		t.noChangelog = true
		t.log.Warn("the changelog could not be written; the update itself is complete", "file", t.root.Full(t.head.Changelog), "error", err)
	}
	err := t.dropReverted()
	if err == nil {
		err = t.dropPending()
	}
	if err == nil {
		err = t.clear(journalName)
	}
	if err != nil {
		return t.unfinished(err)
	}
	return nil
}

func (t *transaction) unfinished(err error) error {
	hint := typed.Import("recover")
	if first := fault.HintOf(err); first != "" {
		hint = first + "; then: " + hint
	}
	return fault.New(fault.ClassOf(spaceOr(err)), "the pack is on level %s, but the run is not finished: %w", t.head.where(), err).
		WithHint("%s", hint)
}

// where says what the run leads to.
func (h *head) where() string {
	switch at := pack.LevelName(h.To); {
	case h.Hotfix > 0 && h.Kind == kindRevert:
		return fmt.Sprintf("%s without hotfix %d", at, h.Hotfix)
	case h.Hotfix > 0:
		return fmt.Sprintf("%s with hotfix %d", at, h.Hotfix)
	default:
		return at
	}
}

// clear removes the journal, and then the stage.
func (t *transaction) clear(name string) error {
	if err := t.root.Remove(name); err != nil {
		return err
	}
	if err := t.root.SyncDir(dataDir); err != nil {
		return err
	}
	return dropStage(t.root, places{t.head.Txn}, t.head.Mounts)
}

func (t *transaction) changelog() error {
	if t.head.Changelog == "" {
		return nil
	}
	b, err := t.root.ReadFile(places{t.head.Txn}.changelog(), 1<<30)
	if err != nil {
		return err
	}
	return t.root.WriteFile(t.head.Changelog, b, 0o644)
}

func (t *transaction) floor() error {
	if t.head.Floor == nil || *t.head.Floor == (manifest.Sequence{}) {
		return nil
	}
	return t.p.RaiseFloor(*t.head.Floor)
}

func (t *transaction) remember() error {
	if t.head.Remember == "" && t.head.Keep == nil {
		return nil
	}
	c, err := t.p.Config()
	if err != nil {
		return err
	}
	now := c
	if t.head.Remember != "" {
		now.BackupDir = t.head.Remember
	}
	if t.head.Keep != nil {
		now.KeepBackups = *t.head.Keep
	}
	if now == c {
		return nil
	}
	return t.p.SaveConfig(now)
}

func (t *transaction) audit() error {
	return t.p.AuditOnce(t.head.Kind, auditFields(&t.head, len(t.ops)))
}

func auditFields(h *head, paths int) map[string]any {
	f := map[string]any{"run": h.Txn, "from": h.From, "to": h.To, "paths": paths}
	if h.Bundle != "" {
		f["bundle"] = h.Bundle
	}
	if h.Generation > 0 {
		f["generation"] = h.Generation
	}
	if h.Hotfix > 0 {
		f["hotfix"] = h.Hotfix
	}
	return f
}

// dropReverted removes the generation that was taken back.
func (t *transaction) dropReverted() error {
	if t.head.Reverts == 0 {
		return nil
	}
	if dir := t.head.RevertsOutside; dir != "" {
		proof := generationDir(t.head.Reverts) + "/" + backupRecord
		if err := dropOwn(t.root, proof, dir); err != nil {
			leftOutside(t.log, dir, err)
		}
	}
	if err := t.root.RemoveAll(generationDir(t.head.Reverts)); err != nil {
		return err
	}
	err := t.root.SyncDir(backupTop) // no later run would look for it
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// dropPending clears up after an update that waited for decisions. What it
// finds changed is the user's, and stays.
func (t *transaction) dropPending() error {
	w, err := readPending(t.root)
	if err != nil || w == nil {
		return err
	}
	if t.head.Kind == kindRevert || !w.is(&t.head) {
		return nil
	}
	stay, err := w.drop(t.root)
	for _, p := range stay {
		t.log.Warn("a file of a decided conflict was changed since, and stays", "file", p)
	}
	return err
}

// undo turns back: the journal's name says so before the first move.
func (t *transaction) undo() error {
	if err := releaseReserve(t.root); err != nil {
		return err
	}
	there, err := exists(t.root, journalName)
	if err != nil {
		return err
	}
	if there {
		if err := t.root.Rename(journalName, undoName); err != nil {
			return err
		}
		if err := t.root.SyncDir(dataDir); err != nil {
			return err
		}
	}
	if err := t.backward(); err != nil {
		return err
	}
	if err := t.p.AuditOnce("undone", map[string]any{"run": t.head.Txn, "from": t.head.From, "to": t.head.To}); err != nil {
		return err
	}
	return t.dropUndone()
}

func (t *transaction) dropUndone() error {
	if err := dropOutside(t.root, places{t.head.Txn}, t.head.Outside, t.head.Generation); err != nil {
		leftOutside(t.log, t.head.Outside, err)
	}
	if err := t.clear(undoName); err != nil {
		return err
	}
	return sweepGenerations(t.p)
}
