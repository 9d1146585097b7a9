package apply

import (
	"fmt"
	"path"
	"runtime"
	"strings"

	"packlift/internal/manifest"
	"packlift/internal/rootfs"
)

// MaxOps is the most paths that one run changes.
const MaxOps = 2 * manifest.MaxEntries

const (
	dataDir   = "updates/packlift"
	stageRoot = dataDir + "/stage"
	backupTop = dataDir + "/backup"
)

// op takes one path from Before to After; nil is an absent path. New names
// the staged content, Old the place that the old file is moved to (for a
// removed folder: a folder that keeps its owner and attributes).
type op struct {
	Path          string
	Before, After *manifest.Entry
	New, Old      string
	scratch       bool // made on the way: its path is its digest, it is gone before the run moves anything
	split         bool // only the mode changes, but the file has a second name, which keeps its own: copied and replaced
	own           *own // the new content is no content of the bundle
	helper        bool // an F.final that was taken: the site's file, and none of the product's

	seen    rootfs.Mark // the path as planned; unknown in recovery
	seenNew rootfs.Mark // revert: the backup's file as checked
}

func isDir(e *manifest.Entry) bool  { return e != nil && e.Type == manifest.Dir }
func isFile(e *manifest.Entry) bool { return e != nil && e.Type == manifest.File }
func isLink(e *manifest.Entry) bool { return e != nil && e.Type == manifest.Symlink }
func isLeaf(e *manifest.Entry) bool { return isFile(e) || isLink(e) }

// modeOnly: the content stays, the permission bits change in place.
func (o *op) modeOnly() bool {
	return isFile(o.Before) && isFile(o.After) && sameContent(o.Before, o.After) && !o.split
}

func (o *op) movesAway() bool  { return isLeaf(o.Before) && !o.modeOnly() }
func (o *op) removesDir() bool { return isDir(o.Before) && !isDir(o.After) }
func (o *op) makesDir() bool   { return isDir(o.After) && !isDir(o.Before) }
func (o *op) placesNew() bool  { return isLeaf(o.After) && !o.modeOnly() && o.New != "" }
func (o *op) makesLink() bool  { return isLink(o.After) && o.New == "" }
func (o *op) needsNew() bool   { return isFile(o.After) && !o.modeOnly() }

// sameContent compares type and content, not permission bits.
func sameContent(a, b *manifest.Entry) bool {
	if a == nil || b == nil || a.Type != b.Type {
		return a == b
	}
	switch a.Type {
	case manifest.File:
		return a.Size == b.Size && a.SHA256 == b.SHA256
	case manifest.Symlink:
		return a.Target == b.Target
	}
	return true
}

// sameMode is always true for links and on Windows, where modes say nothing.
func sameMode(a, b *manifest.Entry) bool {
	return runtime.GOOS == "windows" || a.Type == manifest.Symlink || a.Mode == b.Mode
}

func same(a, b *manifest.Entry) bool {
	return sameContent(a, b) && (a == nil || sameMode(a, b))
}

// places generates every name that a run may use for staged and old content;
// a journal that holds any other name is refused.
type places struct{ txn string }

func (p places) stage() string           { return stageRoot + "/" + p.txn }
func (p places) newDir() string          { return p.stage() + "/new" }
func (p places) oldDir() string          { return p.stage() + "/old" }
func (p places) scratchDir() string      { return p.stage() + "/scratch" }
func (p places) changelog() string       { return p.stage() + "/changelog.md" }
func (p places) note() string            { return p.stage() + "/" + noteName }
func (p places) newName(i int) string    { return fmt.Sprintf("%s/%07d", p.newDir(), i) }
func (p places) oldName(i int) string    { return fmt.Sprintf("%s/%07d", p.oldDir(), i) }
func (p places) mount(top string) string { return path.Join(top, ".packlift-"+p.txn) }
func (p places) mountNew(top string, i int) string {
	return fmt.Sprintf("%s/new-%07d", p.mount(top), i)
}
func (p places) mountOld(top string, i int) string {
	return fmt.Sprintf("%s/old-%07d", p.mount(top), i)
}

func generationDir(n int) string             { return fmt.Sprintf("%s/%06d", backupTop, n) }
func treeName(gen int, p string) string      { return generationDir(gen) + "/tree/" + p }
func outsideName(gen int, txn string) string { return fmt.Sprintf("%06d-%s", gen, txn) }

func validTxn(s string) bool {
	return len(s) == 16 && strings.Trim(s, "0123456789abcdef") == ""
}
