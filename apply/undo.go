package apply

import (
	"path"

	"packlift/internal/safepath"
)

// backward brings every op to Before, in the reverse of forward's order. It
// goes by what is on disk, so it can start from any point of forward or of
// itself. What this site's users put in the way since stays where it is.
func (e *engine) backward() error {
	if err := e.loosen(); err != nil {
		return err
	}
	steps := []struct {
		back bool
		when func(*op) bool
		do   func(*op) error
	}{
		{true, func(o *op) bool { return o.makesLink() || o.placesNew() }, e.takeOut},
		{true, (*op).makesDir, e.unmakeDir},
		{false, (*op).removesDir, e.remakeDir},
		{true, (*op).movesAway, e.bringBack},
		{true, func(o *op) bool { return isDir(o.Before) || o.modeOnly() }, func(o *op) error { return e.setMode(o.Path, o.Before) }},
	}
	for _, s := range steps {
		if err := e.each(s.back, s.when, s.do); err != nil {
			return err
		}
	}
	return e.sync()
}

// takeOut moves a placed file back into the stage (or the backup it came from)
// and removes a new link.
func (e *engine) takeOut(o *op) error {
	now, err := e.lookHashed(o.Path)
	if err != nil || !sameContent(now, o.After) {
		return err
	}
	if o.split { // old and new look alike: it is the new one only if the old one is away
		if away, err := exists(e.root, o.Old); err != nil || !away {
			return err
		}
	}
	if o.New == "" {
		if old, err := e.isOld(o); err != nil || old {
			return err
		}
		return e.root.Remove(o.Path)
	}
	if staged, err := exists(e.root, o.New); err != nil || staged {
		return err // not placed: what stands there is the site's own
	}
	if err := e.root.MkdirAll(path.Dir(o.New), 0o700); err != nil { // somebody removed the stage
		return err
	}
	return e.move(o.Path, o.New, o.Path)
}

// isOld: a file system that ignores case shows under the new link's name the
// old one, which has not been moved.
func (e *engine) isOld(o *op) (bool, error) {
	if e.leaving == nil {
		e.leaving = map[string]*op{}
		for i := range e.ops {
			if old := &e.ops[i]; old.movesAway() && old.After == nil {
				e.leaving[safepath.Fold(old.Path)] = old
			}
		}
	}
	old := e.leaving[safepath.Fold(o.Path)]
	if old == nil || old.Path == o.Path {
		return false, nil
	}
	away, err := exists(e.root, old.Old)
	return !away, err
}

func (e *engine) unmakeDir(o *op) error {
	now, err := e.look(o.Path)
	if err != nil || !isDir(now) {
		return err
	}
	list, err := e.root.ReadDir(o.Path)
	if err != nil || len(list) > 0 {
		return err // bringBack names it if something has to return here
	}
	return e.root.Remove(o.Path)
}

func (e *engine) remakeDir(o *op) error {
	now, err := e.look(o.Path)
	switch {
	case err != nil:
		return err
	case isDir(now) && e.careful: // an undoing may have ended before it had its owner
		if kept, _, err := lookAt(e.root, o.Old); err != nil || !isDir(kept) {
			return err // nothing to go by, and it may never have gone
		}
		return e.likeModel(o.Path, o.Old)
	case isDir(now):
		return nil
	case now != nil:
		return unrecoverable([]Conflict{{Path: o.Path, Reason: "stands where a folder has to come back"}})
	}
	return e.dirLike(o.Path, o.Old)
}

func (e *engine) bringBack(o *op) error {
	away, err := exists(e.root, o.Old)
	if err != nil || !away {
		return err // never moved
	}
	now, err := e.look(o.Path)
	if err != nil {
		return err
	}
	if now != nil {
		return unrecoverable([]Conflict{{Path: o.Path, Reason: "stands where the old file has to come back"}})
	}
	if err := e.mendMode(o.Old, o.Before); err != nil {
		return err
	}
	return e.move(o.Old, o.Path, o.Path)
}
