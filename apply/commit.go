package apply

import (
	"errors"
	"io/fs"
	"path"
	"runtime"

	"packlift/internal/fault"
	"packlift/internal/manifest"
	"packlift/internal/rootfs"
)

// engine moves files by a journal's ops, forward or back. With careful set it
// trusts only what it finds on disk (recovery); without, the plan it follows
// was made by this process and each path is compared with what that saw.
type engine struct {
	root    *rootfs.Root
	head    head
	ops     []op // sorted by path: a folder stands before what is in it
	careful bool
	leaving map[string]*op // folded path → op that removes it; made when needed
}

// forward brings every op to After and makes that durable. The order keeps
// each step possible: what is in the way goes first, folders come before files.
func (e *engine) forward() error {
	if err := e.loosen(); err != nil {
		return err
	}
	steps := []struct {
		back bool
		when func(*op) bool
		do   func(*op) error
	}{
		{false, (*op).movesAway, e.moveAway},
		{true, (*op).removesDir, e.removeDir},
		{false, (*op).makesDir, e.makeDir},
		{false, (*op).placesNew, e.place},
		{false, (*op).makesLink, e.makeLink},
		{true, func(o *op) bool { return isDir(o.After) || o.modeOnly() }, func(o *op) error { return e.setMode(o.Path, o.After) }},
	}
	for _, s := range steps {
		if err := e.each(s.back, s.when, s.do); err != nil {
			return err
		}
	}
	return e.sync()
}

func (e *engine) each(back bool, when func(*op) bool, do func(*op) error) error {
	for i := range e.ops {
		o := &e.ops[i]
		if back {
			o = &e.ops[len(e.ops)-1-i]
		}
		if !when(o) {
			continue
		}
		if err := do(o); err != nil {
			return err
		}
	}
	return nil
}

// look is what stands at p; a path below a link is absent, whatever the link
// leads to.
func (e *engine) look(p string) (*manifest.Entry, error) {
	if link, err := e.root.ParentLink(p); err != nil && !absent(err) || link != "" {
		return nil, err
	}
	now, info, err := lookAt(e.root, p)
	if now == nil && info != nil {
		err = changedMeanwhile(p) // a device or the like
	}
	return now, err
}

func (e *engine) lookHashed(p string) (*manifest.Entry, error) {
	now, err := e.look(p)
	if err == nil && isFile(now) {
		now.SHA256, _, err = hashAt(e.root, p)
	}
	return now, err
}

// loosen opens folders that their owner may not list, enter or write, for the
// run's time.
func (e *engine) loosen() error {
	if runtime.GOOS == "windows" {
		return nil
	}
	return e.each(false, func(o *op) bool { return closed(o.Before) || closed(o.After) }, func(o *op) error {
		now, err := e.look(o.Path)
		if err != nil || !closed(now) {
			return err
		}
		return e.root.Chmod(o.Path, fs.FileMode(now.Mode|0o700))
	})
}

func closed(e *manifest.Entry) bool { return isDir(e) && e.Mode&0o700 != 0o700 }

func (e *engine) moveAway(o *op) error {
	if !e.careful {
		if err := unchanged(e.root, o.Path, o.seen); err != nil {
			return err
		}
		return e.move(o.Path, o.Old, o.Path)
	}
	away, err := exists(e.root, o.Old)
	if err != nil || away {
		return err
	}
	now, err := e.lookHashed(o.Path)
	if err != nil || !sameContent(now, o.Before) {
		return err // gone, or the new one already: judged before
	}
	return e.move(o.Path, o.Old, o.Path)
}

// move renames and replaces nothing: what has appeared at to since it was
// looked at is the site's. p is the path to name then.
func (e *engine) move(from, to, p string) error {
	err := e.root.Move(from, to)
	var at *fs.PathError
	if errors.Is(err, fs.ErrExist) {
		return changedMeanwhile(p)
	}
	if errors.As(err, &at) { // which of the two names it is about nobody knows; p is the one to look at
		at.Path = e.root.Full(p)
	}
	return err
}

// unchanged: the file is the very one that the plan saw.
func unchanged(root *rootfs.Root, p string, seen rootfs.Mark) error {
	now, err := root.Lstat(p)
	if errors.Is(err, fs.ErrNotExist) {
		return changedMeanwhile(p)
	}
	if err != nil {
		return err
	}
	if !seen.Is(now) {
		return changedMeanwhile(p)
	}
	return nil
}

func changedMeanwhile(p string) error {
	return fault.New(fault.Conflict, "%q changed while the run was under way", p).
		WithHint("stop the product, then run the same command again")
}

func (e *engine) removeDir(o *op) error {
	now, err := e.look(o.Path)
	if err != nil || !isDir(now) {
		return err
	}
	err = e.root.Remove(o.Path)
	if list, lerr := e.root.ReadDir(o.Path); err != nil && lerr == nil && len(list) > 0 {
		if o.After == nil && e.careful {
			return nil // files came into it since the crash: they stay
		}
		return changedMeanwhile(o.Path + "/" + list[0].Name())
	}
	return err
}

func (e *engine) makeDir(o *op) error {
	now, err := e.look(o.Path)
	switch {
	case err != nil:
		return err
	case isDir(now) && e.careful: // the run may have ended before it had its owner
		return e.likeModel(o.Path, e.kept(o))
	case isDir(now):
		return nil
	case now != nil:
		return changedMeanwhile(o.Path)
	}
	return e.dirLike(o.Path, e.kept(o))
}

// kept is the folder whose owner and attributes a revert gives back.
func (e *engine) kept(o *op) string {
	if e.head.Reverts > 0 {
		return treeName(e.head.Reverts, o.Path)
	}
	return ""
}

// dirLike makes a folder, owned like model or, without one, like its parent.
func (e *engine) dirLike(p, model string) error {
	if err := e.root.Mkdir(p, 0o700); err != nil {
		return err
	}
	return e.likeModel(p, model)
}

func (e *engine) likeModel(p, model string) error {
	if model != "" {
		if now, _, err := lookAt(e.root, model); err != nil || !isDir(now) {
			model = ""
		}
	}
	if model == "" {
		model = path.Dir(p)
	}
	return errors.Join(e.root.CopyMeta(model, p), e.root.Chmod(p, 0o700))
}

// place moves a staged file to its path, which must be free.
func (e *engine) place(o *op) error {
	now, err := e.look(o.Path)
	if err != nil {
		return err
	}
	if !e.careful {
		if now != nil {
			return changedMeanwhile(o.Path)
		}
		if o.seenNew.Known() {
			if err := unchanged(e.root, o.New, o.seenNew); err != nil {
				return err
			}
		}
		if err := e.mendMode(o.New, o.After); err != nil {
			return err
		}
		return e.move(o.New, o.Path, o.Path)
	}
	if now != nil {
		return nil // judged before: it is the new one
	}
	staged, err := entryNow(e.root, o.New)
	if err != nil {
		return err
	}
	if !sameContent(staged, o.After) {
		return unrecoverable([]Conflict{{Path: o.Path, Reason: "its staged content is missing or damaged"}})
	}
	if err := e.mendMode(o.New, o.After); err != nil {
		return err
	}
	return e.move(o.New, o.Path, o.Path)
}

func (e *engine) makeLink(o *op) error {
	now, err := e.look(o.Path)
	if err != nil {
		return err
	}
	switch {
	case now != nil && e.careful && sameContent(now, o.After):
		return e.ownLink(o) // the run may have ended between the two
	case now != nil:
		return changedMeanwhile(o.Path)
	}
	if err := e.root.Symlink(o.After.Target, o.Path); errors.Is(err, fs.ErrExist) {
		return changedMeanwhile(o.Path)
	} else if err != nil {
		return err
	}
	return e.ownLink(o)
}

// ownLink gives a new link its folder's owner where that is not the process's own.
func (e *engine) ownLink(o *op) error {
	uid, gid, ok, err := e.root.OwnerOf(path.Dir(o.Path))
	if err != nil || !ok {
		return err
	}
	if u, g, _, err := e.root.OwnerOf(o.Path); err != nil || u == uid && g == gid {
		return err
	}
	err = e.root.Lchown(o.Path, uid, gid)
	if errors.Is(err, fs.ErrPermission) {
		return nil
	}
	return err
}

// mendMode gives a file that lay in the stage or a backup, maybe for long, the
// permission bits that it has to have, before it is moved.
func (e *engine) mendMode(name string, want *manifest.Entry) error {
	if !isFile(want) || !e.careful && e.head.Reverts == 0 {
		return nil
	}
	return e.setMode(name, want)
}

// setMode sets permission bits where they are not the wanted ones.
func (e *engine) setMode(p string, want *manifest.Entry) error {
	now, err := e.look(p)
	if err != nil || now == nil || now.Type != want.Type || now.Mode == want.Mode || runtime.GOOS == "windows" {
		return err
	}
	return e.root.Chmod(p, fs.FileMode(want.Mode))
}

// sync makes every move durable: where folders are synced one by one, also
// those above, which the run may have made.
func (e *engine) sync() error {
	dirs := map[string]bool{dataDir: true}
	for i := range e.ops {
		o := &e.ops[i]
		for _, name := range []string{o.Path, o.New, o.Old} {
			if name == "" {
				continue
			}
			for dir := path.Dir(name); !dirs[dir]; dir = path.Dir(dir) {
				dirs[dir] = true
			}
		}
	}
	return syncPack(e.root, e.head.Mounts, dirs)
}
