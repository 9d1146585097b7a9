package apply

import (
	"fmt"
	"sort"

	"packlift/internal/fault"
	"packlift/internal/manifest"
	"packlift/internal/safepath"
	"packlift/internal/typed"
)

// found is what recovery sees of one op.
type found struct {
	before, after, absent bool // the path is in that state; none: neither
	oldThere              bool // the old file is at its place
	oldFits               bool // and undamaged
	newFits               bool // the staged content is there and undamaged
	newThere              bool
	blocked               bool // a folder above is a link or a file that no op explains
}

// judgement is what judge finds.
type judgement struct {
	ahead  []Conflict // paths that forbid to go forward
	staged []string   // paths whose staged content is missing or damaged: nobody can put that right, so the way is back
	back   []Conflict // paths that forbid to go back
}

// judge looks at every op before recovery acts.
func (e *engine) judge() (v judgement, err error) {
	j := &judge{e: e, folders: newFolders(e.root), byPath: map[string]*op{}, leaving: map[string]*op{}, coming: map[string]*op{}}
	for i := range e.ops {
		o := &e.ops[i]
		j.byPath[o.Path] = o
		if o.After == nil {
			j.leaving[safepath.Fold(o.Path)] = o
		} else if o.Before == nil {
			j.coming[safepath.Fold(o.Path)] = o
		}
	}
	for i := range e.ops {
		o := &e.ops[i]
		f, err := j.look(o)
		if err != nil {
			return judgement{}, err
		}
		if why := f.ahead(o); why != "" {
			v.ahead = append(v.ahead, Conflict{Path: o.Path, Reason: why})
		} else if o.placesNew() && !f.after && !f.newFits {
			v.staged = append(v.staged, o.Path)
		}
		if why := f.back(o); why != "" {
			v.back = append(v.back, Conflict{Path: o.Path, Reason: why})
		}
	}
	return v, nil
}

type judge struct {
	e       *engine
	folders *folders
	byPath  map[string]*op
	leaving map[string]*op // folded path → op that removes it
	coming  map[string]*op // folded path → op that adds it
}

func (j *judge) look(o *op) (f found, err error) {
	if o.Old != "" && !o.removesDir() {
		if f.oldThere, err = exists(j.e.root, o.Old); err != nil {
			return f, err
		}
		kept, err := entryNow(j.e.root, o.Old)
		if err != nil {
			return f, err
		}
		f.oldFits = sameContent(kept, o.Before)
	}
	if o.placesNew() {
		staged, err := entryNow(j.e.root, o.New)
		if err != nil {
			return f, err
		}
		f.newThere, f.newFits = staged != nil, sameContent(staged, o.After)
	}
	now, err := j.at(o, &f)
	if err != nil || f.blocked {
		return f, err
	}
	f.absent = now == nil
	f.before = o.Before != nil && sameContent(now, o.Before)
	f.after = o.After != nil && sameContent(now, o.After) && !(o.split && f.newThere) // old and new content are the same there
	return f, nil
}

// hasCome: what stands at the path of a removed file or folder is an added one
// whose name differs in case alone, and the old one is away.
func (j *judge) hasCome(o *op, f *found, now *manifest.Entry) bool {
	if o.After != nil {
		return false
	}
	added := j.coming[safepath.Fold(o.Path)]
	if added == nil || added.Path == o.Path || !sameContent(now, added.After) {
		return false
	}
	if o.removesDir() { // a folder that has come for a folder is as good as the old one
		return !isDir(now)
	}
	return f.oldThere
}

// at is what stands at the op's path, nil also where a folder above is yet to
// be made or a name of another case stands there.
func (j *judge) at(o *op, f *found) (*manifest.Entry, error) {
	s, at, err := j.folders.above(o.Path)
	switch {
	case err != nil || s == folderMissing:
		return nil, err
	case s == folderNot:
		top := j.byPath[at]
		f.blocked = top == nil || isDir(top.Before) == isDir(top.After)
		return nil, nil
	}
	now, err := entryNow(j.e.root, o.Path)
	if err != nil || now == nil || j.hasCome(o, f, now) {
		return nil, err
	}
	if o.Before != nil {
		return now, nil
	}
	if old := j.leaving[safepath.Fold(o.Path)]; old != nil && old.Path != o.Path && sameContent(now, old.Before) {
		gone, err := exists(j.e.root, old.Old)
		if err != nil || !gone || isDir(now) {
			return nil, err
		}
	}
	return now, nil
}

// ahead says why going forward would lose something or cannot succeed, the stage apart.
func (f *found) ahead(o *op) string {
	switch {
	case f.blocked:
		return "lies under a link or a file that was put there since"
	case o.modeOnly() && !f.after:
		return "changed since the interruption, and only its mode was to change: put its content back"
	case isDir(o.Before) && isDir(o.After) && !f.after:
		return "is no folder any more: make it one again"
	case o.movesAway() && f.oldThere && f.before && !f.after:
		return "is there again, and its old content is kept already"
	case !f.before && !f.after && !f.absent:
		return "changed since the interruption"
	}
	return ""
}

// back says why going back would lose something. A file that never moved stays
// as it is, changed or not.
func (f *found) back(o *op) string {
	switch {
	case f.blocked:
		return "lies under a link or a file that was put there since"
	case o.movesAway() && f.oldThere && !f.oldFits:
		return "its old content, kept as " + o.Old + ", is damaged: put it back there"
	case o.movesAway() && !f.oldThere && (f.absent || f.after):
		return "its old content is missing, here and as " + o.Old + ": put it back in one of the two places"
	case o.movesAway() && f.oldThere && !f.absent && !f.after:
		return "changed since the interruption, and the old file has to come back there"
	case o.removesDir() && !f.absent && !f.before && !f.after:
		return "stands where a folder has to come back"
	case o.Before == nil && !f.absent && !f.after && o.placesNew() && !f.newThere:
		return "changed since the interruption"
	}
	return ""
}

// unrecoverable names every path that a person has to look at.
func unrecoverable(paths []Conflict) error {
	sort.Slice(paths, func(i, j int) bool { return paths[i].Path < paths[j].Path })
	text := ""
	for i, c := range paths {
		if i == 100 {
			text += fmt.Sprintf("\n  and %d more", len(paths)-i)
			break
		}
		text += fmt.Sprintf("\n  %s: %s", c.Path, c.Reason)
	}
	return fault.New(fault.Unrecoverable, "an earlier run was interrupted, and these paths are neither old nor new:%s", text).
		WithHint("move each of them aside, where it does not say what else to do; then: %s", typed.Import("recover"))
}
