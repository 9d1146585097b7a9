package apply

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path"
	"runtime"
	"sort"

	"golang.org/x/sync/errgroup"

	"packlift/internal/manifest"
	"packlift/internal/pack"
	"packlift/internal/rootfs"
	"packlift/internal/safepath"
)

// decider turns changes into ops and conflicts by what is on disk.
type decider struct {
	root      *rootfs.Root
	exact     bool // revert: the old file comes back as it was, whatever mode the new one has by now
	verb      string
	changes   []manifest.Change
	choices   *choices       // nil: every clash is a conflict
	cache     *baseCache     // may be nil
	preserve  *pack.Preserve // revert: what is not overwritten; nil: nothing
	preserved []string       // by it
	clashes   []clash
	byPath    map[string]*manifest.Change
	removed   map[string]string           // folded path → removed path
	recasings map[string]*manifest.Change // see comingFor
	folders   *folders
	ops       []op
	conflicts []Conflict
	fixes     []remedy // of each conflict
	kept      []string
}

func newDecider(root *rootfs.Root, kind string, changes []manifest.Change) *decider {
	d := &decider{root: root, verb: "the update", exact: kind == kindRevert || kind == kindHeal, changes: changes, folders: newFolders(root)}
	if d.exact || kind == kindHotfix {
		d.verb = "the " + kind
	}
	d.byPath = make(map[string]*manifest.Change, len(changes))
	d.removed = map[string]string{}
	for i := range changes {
		c := &changes[i]
		d.byPath[c.Path] = c
		if c.New == nil {
			d.removed[safepath.Fold(c.Path)] = c.Path
		}
	}
	return d
}

// look is one path as found: entry nil where absent.
type look struct {
	entry   *manifest.Entry
	mark    rootfs.Mark
	blocked string // why the path must not be used
	remedy  remedy // what to do about that
}

func (d *decider) run(ctx context.Context, jobs int) error {
	looks := make([]look, len(d.changes))
	for i := range d.changes {
		if ctx.Err() != nil {
			return interrupted(ctx)
		}
		var err error
		if looks[i], err = d.look(&d.changes[i]); err != nil {
			return err
		}
	}
	if err := d.hash(ctx, looks, jobs); err != nil {
		return err
	}
	d.ops = make([]op, 0, len(d.changes))
	for i := range d.changes {
		d.decideOne(&d.changes[i], looks[i])
	}
	if err := d.settle(ctx); err != nil {
		return err
	}
	if err := d.dropFullFolders(); err != nil {
		return err
	}
	d.makeMissingFolders()
	if err := d.splitLinked(); err != nil {
		return err
	}
	return d.openFolders()
}

func (d *decider) look(c *manifest.Change) (look, error) {
	switch s, at, err := d.folders.above(c.Path); {
	case err != nil:
		return look{}, err
	case s == folderMissing:
		return look{}, nil
	case s == folderNot && d.replaces(at):
		return look{}, nil
	case s == folderNot:
		return look{blocked: d.folders.why(at), remedy: makeFolder}, nil
	}
	e, info, err := lookAt(d.root, c.Path)
	if err != nil {
		return look{}, err
	}
	if info != nil && e == nil {
		return look{blocked: "is neither a file, a folder nor a link here", remedy: moveAside}, nil
	}
	if c.Old == nil && e != nil && d.isAlias(c.Path, info) {
		return look{}, nil
	}
	if isLeaf(e) {
		if mount, err := d.root.MountPoint(c.Path); err != nil || mount {
			return look{blocked: "is a mount of its own here", remedy: unmount}, err
		}
	}
	return look{entry: e, mark: rootfs.MarkOf(info)}, nil
}

// replaces: the run itself turns the file or link at p into a folder; where case
// is ignored, that of a name in another case.
func (d *decider) replaces(p string) bool {
	c := d.byPath[p]
	if c == nil || !isDir(c.New) || isDir(c.Old) {
		return false
	}
	if c.Old != nil {
		return true
	}
	info, err := d.root.Lstat(p)
	return err == nil && d.isAlias(p, info)
}

// isAlias: a file system that ignores case finds a path to be removed under
// the name of one to be added; it will be gone by then.
func (d *decider) isAlias(p string, info fs.FileInfo) bool {
	old, ok := d.removed[safepath.Fold(p)]
	if !ok || old == p {
		return false
	}
	oldInfo, err := d.root.Lstat(old)
	return err == nil && os.SameFile(oldInfo, info)
}

// hash fills in digests where size alone does not decide.
func (d *decider) hash(ctx context.Context, looks []look, jobs int) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(jobs)
	for i := range looks {
		e, c := looks[i].entry, &d.changes[i]
		if !isFile(e) || !(isFile(c.Old) && c.Old.Size == e.Size || isFile(c.New) && c.New.Size == e.Size) {
			continue
		}
		g.Go(func() (err error) {
			if ctx.Err() != nil {
				return interrupted(ctx)
			}
			e.SHA256, err = d.hashOld(e, c)
			return err
		})
	}
	return g.Wait()
}

func (d *decider) hashOld(e *manifest.Entry, c *manifest.Change) (manifest.Digest, error) {
	var old manifest.Digest
	if isFile(c.Old) {
		old = c.Old.SHA256
	}
	return d.cache.hash(d.root, c.Path, e.Size, old)
}

func (d *decider) conflict(r remedy, p, format string, args ...any) {
	d.fixes = append(d.fixes, r)
	d.conflicts = append(d.conflicts, Conflict{Path: p, Reason: fmt.Sprintf(format, args...)})
}

// decideOne decides a change, or puts it with the clashes.
func (d *decider) decideOne(c *manifest.Change, l look) {
	if d.choices != nil && d.choices.preserves(c, &l) {
		d.choices.Preserved = append(d.choices.Preserved, c.Path)
		return
	}
	if d.preserve != nil && d.spares(c, l.entry) {
		return
	}
	n := len(d.conflicts)
	d.decide(c, l)
	if d.choices == nil || len(d.conflicts) == n {
		return
	}
	d.clashes = append(d.clashes, clash{Conflict: d.conflicts[n], fix: d.fixes[n], change: c, look: l})
	d.conflicts, d.fixes = d.conflicts[:n], d.fixes[:n]
}

// spares: a revert leaves what the site made of a preserved path that the update added.
// One that it would replace is a conflict: the old content would be lost with the backup.
func (d *decider) spares(c *manifest.Change, disk *manifest.Entry) bool {
	switch {
	case !isLeaf(disk) || !d.preserve.Match(c.Path, isDir(c.New) || isDir(c.Old)):
		return false
	case c.New == nil && !sameContent(disk, c.Old):
		d.preserved = append(d.preserved, c.Path)
		return true
	case c.New != nil && !sameContent(disk, c.New):
		d.conflict(unpreserve, c.Path, "is preserved here, and %s would replace it", d.verb)
		return true
	}
	return false
}

func (d *decider) op(p string, before, after *manifest.Entry, seen rootfs.Mark) {
	d.ops = append(d.ops, op{Path: p, Before: before, After: after, seen: seen})
}

// decide is the table: what the old level says, what is on disk, what the new
// level says.
func (d *decider) decide(c *manifest.Change, l look) {
	disk := l.entry
	switch {
	case l.blocked != "":
		d.conflict(l.remedy, c.Path, "%s", l.blocked)
	case disk == nil && c.New == nil:
	case disk == nil && (c.Old == nil || d.exact):
		d.op(c.Path, nil, c.New, rootfs.Mark{})
	case disk == nil:
		d.conflict(putBack, c.Path, "removed here and changed by %s", d.verb)
	case c.New != nil && sameContent(disk, c.New) && !d.wantsMode(c, disk):
	case c.Old == nil:
		d.foundInTheWay(c, disk)
	case sameContent(disk, c.Old):
		d.change(c, disk, l.mark)
	default:
		d.foundChanged(c, disk)
	}
}

// wantsMode: the content is the new one already, the mode is still the old one.
func (d *decider) wantsMode(c *manifest.Change, disk *manifest.Entry) bool {
	return c.Old != nil && sameContent(disk, c.Old) && !sameMode(disk, c.New)
}

func (d *decider) foundInTheWay(c *manifest.Change, disk *manifest.Entry) {
	switch {
	case isLink(disk):
		d.conflict(moveAside, c.Path, "is a link here and added by %s", d.verb)
	case isDir(disk):
		d.conflict(moveAside, c.Path, "is a folder here and added as a %s by %s", c.New.Type, d.verb)
	default:
		d.conflict(moveAside, c.Path, "added here and by %s", d.verb)
	}
}

func (d *decider) foundChanged(c *manifest.Change, disk *manifest.Entry) {
	what := "changed here"
	switch {
	case isLink(disk) && !isLink(c.Old):
		what = "is a link here"
	case isDir(disk) && !isDir(c.Old):
		what = "is a folder here"
	}
	fix := putBack
	if d.exact { // a file that is missing comes back
		fix = moveAside
	}
	switch {
	case c.New == nil:
		d.conflict(moveAside, c.Path, "%s and removed by %s", what, d.verb)
	case what == "changed here":
		d.conflict(fix, c.Path, "changed here and by %s", d.verb)
	default:
		d.conflict(fix, c.Path, "%s and changed by %s", what, d.verb)
	}
}

// change handles a path whose content is the old level's. Permission bits are
// merged three ways: a site's own mode survives an update that leaves the mode alone.
func (d *decider) change(c *manifest.Change, disk *manifest.Entry, seen rootfs.Mark) {
	if *disk == *c.Old { // in memory once
		disk = c.Old
	}
	if c.New == nil {
		d.op(c.Path, disk, nil, seen)
		return
	}
	after := c.New
	if !d.exact && c.Old.Type == c.New.Type && !sameMode(disk, c.Old) {
		if !sameMode(c.Old, c.New) && !sameMode(disk, c.New) {
			d.conflict(resetMode, c.Path, "mode changed here (%04o) and by %s (%04o to %04o)", disk.Mode, d.verb, c.Old.Mode, c.New.Mode)
			return
		}
		own := *after
		own.Mode = disk.Mode
		after = &own
	}
	if !same(disk, after) {
		d.op(c.Path, disk, after, seen)
	}
}

// dropFullFolders keeps removed folders that hold files the levels do not know,
// and those that something is mounted on.
func (d *decider) dropFullFolders() error {
	gone := map[string]bool{}
	for i := range d.ops {
		if d.ops[i].After == nil {
			gone[d.ops[i].Path] = true
		}
	}
	sort.Slice(d.ops, func(i, j int) bool { return d.ops[i].Path > d.ops[j].Path })
	kept := d.ops[:0]
	for _, o := range d.ops {
		if !o.removesDir() {
			kept = append(kept, o)
			continue
		}
		full, err := d.holdsMore(o.Path, gone)
		if err != nil {
			return err
		}
		mount, err := d.root.MountPoint(o.Path)
		switch {
		case err != nil:
			return err
		case !full && !mount:
			kept = append(kept, o)
		case o.After == nil:
			delete(gone, o.Path)
			d.kept = append(d.kept, o.Path)
		case mount:
			d.conflict(unmount, o.Path, "is a mount of its own here and becomes a %s by %s", o.After.Type, d.verb)
		default:
			d.conflict(emptyFolder, o.Path, "is a folder that holds files of its own here and becomes a %s by %s", o.After.Type, d.verb)
		}
	}
	d.ops = kept
	for _, dir := range d.kept {
		if err := d.keepRecased(dir); err != nil {
			return err
		}
	}
	return nil
}

func (d *decider) holdsMore(dir string, gone map[string]bool) (bool, error) {
	list, err := d.root.ReadDir(dir)
	for _, e := range list {
		if !gone[path.Join(dir, e.Name())] {
			return true, nil
		}
	}
	return false, err
}

// makeMissingFolders adds a folder that both levels have and the site removed,
// where a new file comes into it.
func (d *decider) makeMissingFolders() {
	have := map[string]bool{".": true}
	for i := range d.ops {
		if isDir(d.ops[i].After) {
			have[d.ops[i].Path] = true
		}
	}
	for i := range d.ops {
		if d.ops[i].After == nil {
			continue
		}
		for dir := path.Dir(d.ops[i].Path); !have[dir] && d.folders.state(dir) == folderMissing; dir = path.Dir(dir) {
			have[dir] = true
			d.op(dir, nil, &manifest.Entry{Path: dir, Type: manifest.Dir, Mode: 0o755}, rootfs.Mark{})
		}
	}
}

// splitLinked finds files whose mode is to change and that have a second name
// (hard link): a change in place would show there too.
func (d *decider) splitLinked() error {
	for i := range d.ops {
		o := &d.ops[i]
		if !o.modeOnly() {
			continue
		}
		n, err := d.root.Links(o.Path)
		if err != nil {
			return err
		}
		o.split = n > 1
	}
	return nil
}

// openFolders adds an op for each read-only folder whose content changes: it
// is opened for the run and closed again.
func (d *decider) openFolders() error {
	if runtime.GOOS == "windows" {
		return nil
	}
	have := map[string]bool{".": true}
	for i := range d.ops {
		have[d.ops[i].Path] = true
	}
	for i, n := 0, len(d.ops); i < n; i++ {
		dir := path.Dir(d.ops[i].Path)
		if have[dir] {
			continue
		}
		have[dir] = true
		e, info, err := lookAt(d.root, dir)
		if err != nil {
			return err
		}
		if closed(e) {
			d.op(dir, e, e, rootfs.MarkOf(info))
		}
	}
	return nil
}

// entryNow is the entry at p with its digest; nil where p is absent.
func entryNow(root *rootfs.Root, p string) (*manifest.Entry, error) {
	e, _, err := lookAt(root, p)
	if err == nil && isFile(e) {
		e.SHA256, _, err = hashAt(root, p)
	}
	return e, err
}

func hashAt(root *rootfs.Root, p string) (manifest.Digest, int64, error) {
	f, err := root.Open(p)
	if err != nil {
		return manifest.Digest{}, 0, err
	}
	defer f.Close()
	return pack.HashFile(f)
}
