package apply

import (
	"fmt"
	"path"
	"strings"

	"packlift/internal/fault"
	"packlift/internal/manifest"
	"packlift/internal/pack"
	"packlift/internal/regular"
	"packlift/internal/rootfs"
	"packlift/internal/typed"
)

// A run that has no journal has moved nothing, and what it left may go. Unless
// somebody removed the journal: then the only copies of product files lie there.
// So nothing is swept before this is ruled out.

// restoreJournal makes a lost journal anew, as one that leads back, where the
// backup's own record tells what was moved: it holds the same. It reports whether
// it did.
func (r *recovery) restoreJournal() (bool, error) {
	s, err := r.p.State()
	if err != nil {
		return false, err
	}
	name := generationDir(s.Generation+1) + "/" + backupRecord
	if there, err := exists(r.root, name); err != nil || !there {
		return false, err
	}
	h, ops, err := readRecord(r.root, name, recordBackup)
	if err != nil {
		return false, nil // what lies in the generation is looked at before it goes
	}
	if old, err := sameState(s, h.StateBefore); err != nil || !old || h.Generation != s.Generation+1 {
		return false, err
	}
	moved, err := anyMoved(r.root, ops)
	if err != nil || !moved {
		return false, err
	}
	r.log.Warn("the journal of an interrupted run was removed; going back by the record of its backup", "run", h.Txn)
	h.Record = recordJournal
	return true, writeRecord(r.root, undoName, h, ops, (*rootfs.Pending).Commit)
}

// anyMoved: an old file lies where only a journal's moves bring it.
func anyMoved(root *rootfs.Root, ops []op) (bool, error) {
	for i := range ops {
		if !ops[i].movesAway() {
			continue
		}
		if moved, err := exists(root, ops[i].Old); moved || err != nil {
			return moved, err
		}
	}
	return false, nil
}

// mayDropStage refuses to drop a stage that holds old files, unless the state
// that they are of is no more: then their run was committed.
func mayDropStage(root *rootfs.Root, at places, n note, now pack.State) error {
	if n.State != "" && n.State != stateSum(pack.MarshalState(now)) {
		return nil
	}
	dirs := []string{at.oldDir()}
	for _, top := range n.Mounts {
		dirs = append(dirs, at.mount(top))
	}
	for _, dir := range dirs {
		list, err := root.ReadDir(dir)
		if err != nil && !absent(err) {
			return err
		}
		for _, e := range list {
			if !e.IsDir() && (dir == at.oldDir() && !regular.Leftover(e.Name()) || strings.HasPrefix(e.Name(), "old-")) {
				return journalLost(root, dir+"/"+e.Name())
			}
		}
	}
	return nil
}

// mayDropGeneration refuses to drop a backup that holds a file which was moved
// there: one that the product has not, or not any more. Where the backup's record
// can be read, it was asked before (restoreJournal).
func mayDropGeneration(root *rootfs.Root, gen string) error {
	if _, _, err := readRecord(root, gen+"/"+backupRecord, recordBackup); err == nil {
		return nil
	}
	m, err := newMounts(root)
	if err != nil {
		return err
	}
	if away, err := m.isAway(backupTop); away || err != nil {
		return err // nothing can be moved there: all of it is copies
	}
	return onlyCopies(m, gen+"/"+treeDir, ".")
}

func onlyCopies(m *mounts, tree, dir string) error {
	list, err := m.root.ReadDir(path.Join(tree, dir))
	if absent(err) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range list {
		p := path.Join(dir, e.Name())
		if e.IsDir() {
			err = onlyCopies(m, tree, p)
		} else if !regular.Leftover(e.Name()) {
			err = onlyCopy(m, tree+"/"+p, p)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func onlyCopy(m *mounts, kept, p string) error {
	if top, err := m.of(p); top != "" || err != nil {
		return err // from another mount it was copied
	}
	old, err := entryNow(m.root, kept)
	if err != nil || old == nil {
		return err
	}
	now, err := entryNow(m.root, p)
	if err == nil && !sameContent(old, now) {
		return journalLost(m.root, kept)
	}
	return err
}

func journalLost(root *rootfs.Root, kept string) error {
	return fault.New(fault.Unrecoverable, "an earlier run was interrupted, and its journal, %s, was removed: %s may be the only copy of a product file",
		root.Full(journalName), root.Full(kept)).
		WithHint("put the journal back, or restore the pack from a copy; then: %s", typed.Import("recover"))
}

// stateSum names a state, whatever its floor.
func stateSum(state []byte) string {
	s, err := pack.ParseState(state)
	if err != nil {
		return fmt.Sprintf("damaged: %v", err)
	}
	s.FloorSeen = false
	return manifest.Sum(pack.MarshalState(s)).String()
}
