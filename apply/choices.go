package apply

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"packlift/internal/fault"
	"packlift/internal/manifest"
	"packlift/internal/merge"
	"packlift/internal/pack"
	"packlift/internal/rootfs"
)

// Endings of the files that lie beside a customized file F while its conflict
// waits: the old level's content, the new level's, and what the user wants.
const (
	endOriginal = ".original"
	endNew      = ".new"
	endFinal    = ".final"
)

// clash is a change that meets something of the site's own.
type clash struct {
	Conflict
	fix    remedy
	change *manifest.Change
	coming *manifest.Change // what comes in its place under a name of another case, where that is ignored
	look
}

// choices say what becomes of clashes.
type choices struct {
	Options
	preserve *pack.Preserve
	contents *contentIndex
	texts    map[manifest.Digest][]byte // as far as they were wanted
	left     []clash                    // that nothing decided
	met      []string                   // every path that was a clash
	stays    map[string]stay            // paths that no op touches, as they are
	how      map[string]string          // what decided a clash

	Merged, Kept, Preserved []string
}

func newChoices(p *pack.Pack, contents *contentIndex, o Options) (*choices, error) {
	c := &choices{Options: o, contents: contents, how: map[string]string{}}
	for _, g := range slices.Concat(o.Ours, o.Theirs) {
		if err := pack.CheckGlob(g); err != nil {
			return nil, fault.New(fault.Usage, "%w", err)
		}
	}
	var err error
	c.preserve, err = p.Preserve()
	return c, err
}

// preserves: the path is one that no update may touch, and there is something to keep.
func (c *choices) preserves(x *manifest.Change, l *look) bool {
	if l.entry == nil && l.blocked == "" && x.Old == nil {
		return false
	}
	if x.New != nil && l.entry != nil && same(l.entry, x.New) {
		return false
	}
	return c.preserve.Match(x.Path, isDir(x.New) || isDir(x.Old))
}

// chosen tells in the plan what was decided.
func (pl *Plan) chosen() {
	if c := pl.choices; c != nil {
		pl.Merged, pl.Ours, pl.Preserved = c.Merged, c.Kept, c.Preserved
		for _, list := range [][]string{pl.Merged, pl.Ours, pl.Preserved} {
			slices.Sort(list)
		}
	}
}

// decided are the customized paths of which the plan knows what to do.
func (pl *Plan) decided() []string {
	if pl.choices == nil {
		return nil
	}
	return slices.Concat(pl.choices.met, pl.choices.Preserved)
}

// Idle are those of the globs that decide nothing: no customized file that has to
// change matches them. What is preserved is decided already.
func (pl *Plan) Idle(globs []string) (idle []IdleGlob) {
	var open []string
	if pl.choices != nil {
		open = append(open, pl.choices.met...)
	}
	for _, x := range pl.Conflicts {
		open = append(open, x.Path)
	}
	for _, g := range globs {
		matches := func(p string) bool { return pack.MatchAny([]string{g}, p) }
		if slices.ContainsFunc(open, matches) {
			continue
		}
		one := IdleGlob{Glob: g}
		if i := slices.IndexFunc(pl.Preserved, matches); i >= 0 {
			one.Preserved = pl.Preserved[i]
		}
		idle = append(idle, one)
	}
	return idle
}

// IdleGlob is a glob of --ours or --theirs that decides nothing, and the first preserved path that it matches.
type IdleGlob struct{ Glob, Preserved string }

// settle decides the clashes: by F.final, by --ours and --theirs, by a merge.
// What is left is a conflict.
func (d *decider) settle(ctx context.Context) error {
	if d.choices == nil || len(d.clashes) == 0 {
		return nil
	}
	var left []clash
	for i := range d.clashes {
		x := &d.clashes[i]
		d.choices.met = append(d.choices.met, x.Path)
		if ctx.Err() != nil {
			return interrupted(ctx)
		}
		if err := d.recased(x); err != nil {
			return err
		}
		done, err := d.choose(x)
		if err != nil {
			return err
		}
		if !done {
			left = append(left, *x)
		}
	}
	left, err := d.mergeAll(ctx, left)
	if err != nil {
		return err
	}
	for i := range left {
		d.dropComing(&left[i])
		left[i].Decide = left[i].ways()
		d.conflicts, d.fixes = append(d.conflicts, left[i].Conflict), append(d.fixes, left[i].fix)
	}
	d.choices.left = left
	d.dropBelowKept()
	return nil
}

// ways are what can decide x here. Where the bundle tells the new content from the
// original, its content is not to be had.
func (x *clash) ways() (out []string) {
	if x.finishable() {
		out = append(out, ByFinal)
	}
	out = append(out, ByOurs)
	if x.fix != sendWhole && x.replaceable() {
		out = append(out, ByTheirs)
	}
	return out
}

// finishable: F.final can stand there.
func (x *clash) finishable() bool {
	return x.blocked == "" && !isDir(x.entry) && (x.coming == nil || !isDir(x.coming.New))
}

// replaceable: --theirs can put the update's version in the place of the site's.
func (x *clash) replaceable() bool {
	return x.blocked == "" && (!isDir(x.entry) || isDir(x.change.New))
}

// choose asks what the user said; done means that x is no conflict any more.
func (d *decider) choose(x *clash) (done bool, err error) {
	if x.onlyMode() {
		if done, err = d.mergeMode(x); done || err != nil {
			d.choices.how[x.Path] = ByMerge
			return done, err
		}
	}
	ours, theirs := pack.MatchAny(d.choices.Ours, x.Path), pack.MatchAny(d.choices.Theirs, x.Path)
	if slices.Contains(d.choices.Finals, x.Path) {
		if done, err = d.takeFinal(x); done || err != nil {
			d.choices.how[x.Path] = ByFinal
			return done, err
		}
	}
	switch {
	case ours && theirs:
		return false, fault.New(fault.Usage, "%q is decided both ways, by --ours and by --theirs", x.Path).WithHint("give patterns that do not meet")
	case ours:
		d.choices.how[x.Path] = ByOurs
		return true, d.keepOurs(x)
	case theirs:
		return d.takeTheirs(x)
	}
	return false, nil
}

// onlyMode: the update leaves the content alone, which is another one here.
func (x *clash) onlyMode() bool {
	return x.blocked == "" && isFile(x.change.Old) && sameContent(x.change.Old, x.change.New) && !sameContent(x.entry, x.change.Old)
}

// mergeMode brings the update's mode to the site's content. What is no file here
// has none to bring.
func (d *decider) mergeMode(x *clash) (bool, error) {
	if !isFile(x.entry) {
		return true, nil
	}
	if err := d.complete(x); err != nil {
		return false, err
	}
	mode, ok := mergedMode(x.change, x.entry)
	if !ok {
		x.fix, x.Reason = resetMode, fmt.Sprintf("mode changed here (%04o) and by %s (%04o to %04o)", x.entry.Mode, d.verb, x.change.Old.Mode, x.change.New.Mode)
		return false, nil
	}
	d.setOnly(x, x.entry, mode)
	return true, nil
}

// setOnly gives the file the content of e and a mode.
func (d *decider) setOnly(x *clash, e *manifest.Entry, mode uint32) {
	after := *e
	if after.Mode = mode; !same(x.entry, &after) {
		d.op(x.Path, x.entry, &after, x.mark)
	}
}

// keepOurs leaves the site's version. Of a mode that both changed, only the
// mode is meant.
func (d *decider) keepOurs(x *clash) error {
	d.choices.Kept = append(d.choices.Kept, x.Path)
	if x.fix == resetMode && !x.onlyMode() {
		d.setOnly(x, x.change.New, x.entry.Mode)
		return nil
	}
	if err := d.complete(x); err != nil {
		return err
	}
	for _, p := range append(d.dropComing(x), x.Path) {
		d.choices.stay(p, AsDecided, x.entry)
	}
	link, err := d.root.ParentLink(x.Path)
	if err != nil || link == "" {
		return ignoreAbsent(err)
	}
	e, err := entryNow(d.root, link) // the site's own link stays with what lies under it
	d.choices.stay(link, AsDecided, e)
	return err
}

func ignoreAbsent(err error) error {
	if absent(err) {
		return nil
	}
	return err
}

func (d *decider) takeTheirs(x *clash) (bool, error) {
	if !x.replaceable() {
		x.Reason += "; --theirs cannot change that"
		return false, nil
	}
	if err := d.complete(x); err != nil {
		return false, err
	}
	d.choices.how[x.Path] = ByTheirs
	if x.fix == resetMode && x.onlyMode() {
		d.setOnly(x, x.entry, x.change.New.Mode)
		return true, nil
	}
	d.op(x.Path, x.entry, x.change.New, x.mark)
	return true, nil
}

// complete hashes what was not hashed yet: an op names what it replaces.
func (d *decider) complete(x *clash) (err error) {
	if isFile(x.entry) && x.entry.SHA256.IsZero() {
		x.entry.SHA256, _, err = hashAt(d.root, x.Path)
	}
	return err
}

// takeFinal takes F.final for F, if it is there and fit.
func (d *decider) takeFinal(x *clash) (bool, error) {
	if !x.finishable() {
		return false, nil
	}
	name := x.Path + endFinal
	e, err := entryNow(d.root, name)
	switch {
	case err != nil || e == nil:
		return false, err
	case !isFile(e):
		x.Reason += "; its " + endFinal + " is no file"
		return false, nil
	}
	if line, err := finalMarker(d.root, x.Path, e); err != nil || line > 0 {
		x.Reason += fmt.Sprintf("; its %s still has a conflict marker in line %d", endFinal, line)
		return false, err
	}
	if err := d.complete(x); err != nil {
		return false, err
	}
	if err := d.putAway(name, e); err != nil {
		return false, err
	}
	after := &manifest.Entry{Path: x.Path, Type: manifest.File, Mode: finalMode(x, e), Size: e.Size, SHA256: e.SHA256}
	if x.coming != nil {
		d.finalUnderNewName(x, *after, name)
		return true, nil
	}
	if x.entry != nil && same(x.entry, after) {
		d.choices.Kept = append(d.choices.Kept, x.Path)
		d.choices.stay(x.Path, AsDecided, x.entry)
		return true, nil
	}
	d.op(x.Path, x.entry, after, x.mark)
	d.ops[len(d.ops)-1].own = &own{file: name}
	return true, nil
}

// putAway moves an F.final that was taken into the backup, so that a revert brings
// it back: it is somebody's work, and the next attempt can use it.
func (d *decider) putAway(name string, e *manifest.Entry) error {
	if d.byPath[name] != nil { // the product has a file of that name
		return nil
	}
	info, err := d.root.Lstat(name)
	if err != nil {
		return missingNow(name, err)
	}
	d.op(name, e, nil, rootfs.MarkOf(info))
	d.ops[len(d.ops)-1].helper = true
	return nil
}

// finalMarker is the line of a conflict marker in the final file of p that none of
// the other versions has.
func finalMarker(root *rootfs.Root, p string, final *manifest.Entry) (int, error) {
	if final.Size > merge.MaxText {
		return 0, nil
	}
	var known [][]byte
	for _, end := range []string{"", endOriginal, endNew} {
		if b, err := root.ReadFile(p+end, merge.MaxText); err == nil {
			known = append(known, b)
		}
	}
	b, err := root.ReadFile(p+endFinal, merge.MaxText)
	return merge.Marker(b, known...), err
}

// finalMode is the mode of a file whose content a person wrote.
func finalMode(x *clash, final *manifest.Entry) uint32 {
	if mode, ok := mergedMode(x.change, x.entry); ok {
		return mode
	}
	switch {
	case isFile(x.entry):
		return x.entry.Mode
	case isFile(x.change.New):
		return x.change.New.Mode
	case isFile(x.change.Old):
		return x.change.Old.Mode
	}
	return final.Mode
}

// mergedMode merges permission bits three ways; false where both sides changed them.
func mergedMode(c *manifest.Change, disk *manifest.Entry) (uint32, bool) {
	if !isFile(c.Old) || !isFile(c.New) || !isFile(disk) {
		return 0, false
	}
	switch {
	case sameMode(disk, c.Old):
		return c.New.Mode, true
	case sameMode(c.Old, c.New) || sameMode(disk, c.New):
		return disk.Mode, true
	}
	return 0, false
}

// dropBelowKept takes back what would come under a file or link that stays where
// the update has a folder.
func (d *decider) dropBelowKept() {
	for _, x := range d.clashes {
		if !slices.Contains(d.choices.Kept, x.Path) || !isDir(x.change.New) || isDir(x.entry) {
			continue
		}
		d.ops = slices.DeleteFunc(d.ops, func(o op) bool {
			below := strings.HasPrefix(o.Path, x.Path+"/")
			if below {
				d.choices.Kept = append(d.choices.Kept, o.Path)
				d.choices.stay(o.Path, AsDecided, nil)
			}
			return below
		})
	}
}

func isTampered(err error) bool { return fault.ClassOf(err) == fault.Tampered }
