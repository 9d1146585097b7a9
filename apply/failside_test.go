//go:build failpoint && linux

package apply

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"packlift/internal/manifest"
	"packlift/internal/pack"
)

// side is all that a pack has to be before or after a run.
type side struct {
	facts       string // of the product's tree
	level       int
	manifest    manifest.Digest
	history     []string
	audit       []string
	floor       manifest.Sequence
	changelog   string // its name; empty: there is none
	text        string
	generations []string
	outside     int
	remembers   bool // the folder of the backups outside
	damaged     bool // a revert finds files in its way
}

const testAttribute = "user.packlift-test"

func attribute(name string) string {
	b := make([]byte, 256)
	n, err := unix.Lgetxattr(name, testAttribute, b)
	if err != nil {
		return ""
	}
	return string(b[:n])
}

// decorate gives owners, groups and attributes to what lies in a pack, each
// path its own: what of them is lost or mixed up shows.
func decorate(t *testing.T, dir string, old tree, owned bool) {
	t.Helper()
	if owned {
		must(t, filepath.WalkDir(filepath.Dir(dir), func(name string, _ fs.DirEntry, err error) error {
			must(t, err)
			return os.Lchown(name, otherUser, otherUser)
		}))
	}
	for i, p := range old.whole().paths() {
		name := filepath.Join(dir, p)
		if old.whole()[p].kind != manifest.Symlink {
			if err := unix.Setxattr(name, testAttribute, []byte("of "+p), 0); err != nil {
				t.Logf("no extended attributes here: %v", err)
				break
			}
		}
		if os.Geteuid() == 0 && !owned && p != "linked" {
			must(t, os.Lchown(name, 2000+i, 3000+i))
		}
		if old.whole()[p].kind == manifest.File {
			must(t, os.Chmod(name, old.whole()[p].mode))
		}
	}
}

// fact is what is looked at of one path.
type fact struct {
	kind     fs.FileMode
	mode     fs.FileMode
	uid, gid int
	attr     string
	text     string
}

func (f fact) String() string {
	return fmt.Sprintf("%s %04o %d:%d %q %q", f.kind, f.mode, f.uid, f.gid, f.attr, f.text)
}

// survey gives the facts of every path below top that skip lets through.
func survey(top string, skip func(rel string) bool) (map[string]fact, error) {
	out := map[string]fact{}
	err := filepath.WalkDir(top, func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(top, name)
		if skip(rel) {
			return fs.SkipDir
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		st := info.Sys().(*syscall.Stat_t)
		f := fact{kind: info.Mode().Type(), mode: info.Mode().Perm(), uid: int(st.Uid), gid: int(st.Gid), attr: attribute(name)}
		switch f.kind {
		case 0:
			b, rerr := os.ReadFile(name)
			f.text, err = string(b), rerr
		case fs.ModeSymlink:
			f.text, err = os.Readlink(name)
		}
		out[rel] = f
		return err
	})
	return out, err
}

func factsText(facts map[string]fact) string {
	var b strings.Builder
	for _, p := range sortedPaths(facts) {
		fmt.Fprintf(&b, "%s %s\n", p, facts[p])
	}
	return b.String()
}

func sortedPaths(facts map[string]fact) []string {
	var out []string
	for p := range facts {
		out = append(out, p)
	}
	slices.Sort(out)
	return out
}

func treeFacts(top string) (map[string]fact, error) {
	return survey(top, func(rel string) bool { return rel == "updates" })
}

// fingerprint is the whole state of the disk but for what differs from run to
// run: two packs with the same one go the same way from there.
func fingerprint(t *testing.T, top string) string {
	facts, err := survey(top, func(string) bool { return false })
	if err != nil {
		t.Error(err)
	}
	sum := sha256.New()
	for _, p := range sortedPaths(facts) {
		f := facts[p]
		if strings.Contains(p, reservePrefix) { // random bytes, which nobody reads
			f.text = strconv.Itoa(len(f.text))
		}
		f.text = normalContent(f.text, top)
		fmt.Fprintln(sum, normal(p), f)
	}
	return string(sum.Sum(nil))
}

var normalised sync.Map // content → digest of what is the same in each run; most are read often

func normalContent(text, top string) string {
	text = strings.ReplaceAll(text, top, "")
	if d, ok := normalised.Load(text); ok {
		return d.(string)
	}
	d := manifest.Sum([]byte(normal(text))).String()
	normalised.Store(text, d)
	return d
}

// updated says what the update has to make of the facts: a file keeps owner and
// attributes of the one that it replaces; what is new has its folder's owner, a
// new folder also its attributes.
func updated(old map[string]fact, to tree) map[string]fact {
	out, kinds := map[string]fact{".": old["."]}, map[manifest.Type]fs.FileMode{manifest.Dir: fs.ModeDir, manifest.Symlink: fs.ModeSymlink}
	for _, p := range to.paths() {
		n, up := to[p], out[path.Dir(p)]
		f := fact{kind: kinds[n.kind], mode: n.mode, uid: up.uid, gid: up.gid, text: n.text}
		was, there := old[p]
		switch {
		case n.kind == manifest.Symlink:
			f.mode = 0o777
			if there && was.kind == f.kind && was.text == f.text {
				f = was
			}
		case there && was.kind == f.kind:
			f.uid, f.gid, f.attr = was.uid, was.gid, was.attr
		case n.kind == manifest.Dir:
			f.attr = up.attr
		}
		out[p] = f
	}
	return out
}

// sides works out what the pack is before and after; old is laid.
func (s *scene) sides(t *testing.T, old tree) {
	before, err := treeFacts(s.dir(s.template))
	must(t, err)
	target := crashNew.with(crashOwn)
	if s.job != "full" {
		target = target.with(tree{"linked": file("two names")})
	}
	target = target.whole()
	first := &side{facts: factsText(before), level: 3, history: []string{"init -1 3"}, audit: []string{"init"}}
	f := crashBundle()
	switch s.job {
	case "full":
		first.level, first.history, f = pack.NoLevel, []string{"init -1 -1"}, fullBundle()
	case "hotfix":
		f = hotfixBundle()
	}
	second := &side{facts: factsText(updated(before, target)), level: f.info.End, manifest: f.info.TargetManifest, floor: f.info.MinSequence,
		changelog: changelogName(first.level, 10), generations: []string{"000001"}, remembers: s.outside,
		history: append(slices.Clone(first.history), fmt.Sprintf("%s %d %d", f.info.Kind, first.level, f.info.End)), audit: []string{"init", string(f.info.Kind)}}
	second.text = changelogOf(first.level, old.whole(), target)
	if s.job == "hotfix" {
		second.changelog = "updates/changelog-0003-hf-1.md"
		second.text = strings.Replace(second.text, "Update level: 0003 -> 0010", "Hotfix: 1 of update level 0003", 1)
	}
	if s.noBackup {
		second.generations = nil
	} else if s.outside {
		second.outside = 1
	}
	s.from, s.to, s.back = first, second, factsText(s.reverted(before, old, target))
	if s.job == "revert" {
		third := *second
		third.facts, third.level, third.manifest, third.generations, third.outside = s.back, 3, f.info.BaseManifest, nil, 0
		third.history, third.audit = append(slices.Clone(second.history), "revert 10 3"), append(slices.Clone(second.audit), "revert")
		s.from, s.to = second, &third
	}
	if s.job == "heal" {
		third := *second
		third.generations = []string{"000001", "000002"}
		third.history, third.audit = append(slices.Clone(second.history), "heal 10 10"), append(slices.Clone(second.audit), "heal")
		before := *second
		s.from, s.to = &before, &third // what is damaged comes with damage
	}
}

// reverted is what a revert has to bring back: all as it was, but a link that
// was copied into the backup has its folder's owner.
func (s *scene) reverted(before map[string]fact, old, target tree) map[string]fact {
	out := maps.Clone(before)
	for p, f := range out {
		copied := s.outside || s.mount && strings.HasPrefix(p, "mnt/")
		if up := before[path.Dir(p)]; copied && f.kind == fs.ModeSymlink && old[p] != target[p] {
			f.uid, f.gid = up.uid, up.gid
			out[p] = f
		}
	}
	return out
}

func changelogOf(from int, old, target tree) string {
	var added, modified, removed []string
	for _, p := range target.paths() {
		was, there := old[p]
		switch leaf := target[p].kind != manifest.Dir; {
		case leaf && (!there || was.kind == manifest.Dir):
			added = append(added, p)
		case leaf && was != target[p]:
			modified = append(modified, p)
		}
	}
	for _, p := range old.paths() {
		if now, there := target[p]; old[p].kind != manifest.Dir && (!there || now.kind == manifest.Dir) {
			removed = append(removed, p)
		}
	}
	return string(pack.Changelog("demo", "1.0", from, 10, added, modified, removed))
}

// recovered lets the pack recover, and fails unless it is exactly old or new in
// everything.
func (s *scene) recovered(t *testing.T, what, top string) (onNew bool) {
	t.Helper()
	if s.owner { // as who owns it, not as root, whom no mode stops
		if out, err := s.spawn("recover", top, ""); err != nil {
			t.Errorf("%s: recover: %v: %s", what, err, out)
		}
	}
	p, err := pack.Open(s.dir(top))
	if err != nil {
		t.Errorf("%s: %v", what, err)
		return false
	}
	_, err = Recover(context.Background(), p, nil)
	if err == nil {
		err = SweepStaged(p, slog.New(slog.DiscardHandler))
	}
	p.Close()
	if err != nil {
		t.Errorf("%s: recover: %v", what, err)
		return false
	}
	return s.agrees(t, what, top)
}

// agrees fails unless the pack is one of the two in everything.
func (s *scene) agrees(t *testing.T, what, top string) (onNew bool) {
	t.Helper()
	facts, err := treeFacts(s.dir(top))
	if err != nil {
		t.Errorf("%s: %v", what, err)
	}
	switch got := factsText(facts); got {
	case s.to.facts:
		s.to.whole(t, what, s, top)
		return true
	case s.from.facts:
		s.from.whole(t, what, s, top)
	default:
		t.Errorf("%s: the tree is neither old nor new:\n%s", what, difference(got, s.from.facts, s.to.facts))
	}
	return false
}

// difference shows the lines that are in neither of the others, and what is
// missing of both.
func difference(got, old, fresh string) string {
	var b strings.Builder
	has := func(text, line string) bool { return strings.Contains("\n"+text, "\n"+line) }
	for line := range strings.Lines(got) {
		if !has(old, line) || !has(fresh, line) {
			fmt.Fprintf(&b, "  %s (old %v, new %v)\n", strings.TrimSpace(line), has(old, line), has(fresh, line))
		}
	}
	for line := range strings.Lines(old) {
		if has(fresh, line) && !has(got, line) {
			fmt.Fprintf(&b, "  missing: %s", line)
		}
	}
	return b.String()
}

// whole compares everything but the tree.
func (d *side) whole(t *testing.T, what string, s *scene, top string) {
	t.Helper()
	p, err := pack.Open(s.dir(top))
	if err != nil {
		t.Errorf("%s: %v", what, err)
		return
	}
	defer p.Close()
	tidy(t, p)
	d.agreesState(t, what, p)
	d.agreesLogs(t, what, p)
	d.agreesBackup(t, what, s, p, top)
}

func (d *side) agreesState(t *testing.T, what string, p *pack.Pack) {
	t.Helper()
	st, err := p.State()
	var history []string
	for _, e := range st.History {
		history = append(history, fmt.Sprintf("%s %d %d", e.Kind, e.From, e.To))
	}
	seen := d.floor != manifest.Sequence{}
	if err != nil || st.Level != d.level || st.Manifest != d.manifest || st.FloorSeen != seen || !slices.Equal(history, d.history) {
		t.Errorf("%s: on level %d the state says %+v (%v)", what, d.level, st, err)
	}
	if floor, ok, err := p.Floor(); err != nil || ok != seen || ok && floor != d.floor {
		t.Errorf("%s: floor: %v %v %v", what, floor, ok, err)
	}
	if !d.manifest.IsZero() {
		if _, err := p.Manifest(d.manifest); err != nil {
			t.Errorf("%s: manifest: %v", what, err)
		}
	}
}

// agreesLogs: an update that was undone may have said so; a record that was
// torn is mended.
func (d *side) agreesLogs(t *testing.T, what string, p *pack.Pack) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(p.Dir(), pack.AuditFile))
	var events []string
	undone := 0
	for line := range strings.Lines(string(b)) {
		_, rest, ok := strings.Cut(line, `"event":"`)
		event, _, _ := strings.Cut(rest, `"`)
		switch {
		case !ok || event == "mended" || !strings.HasSuffix(line, "\"}\n"): // torn
		case event == "undone":
			undone++
		default:
			events = append(events, event)
		}
	}
	if err != nil || !slices.Equal(events, d.audit) || undone > 1 {
		t.Errorf("%s: on level %d the audit log says %v and %d undone (%v):\n%s", what, d.level, events, undone, err, b)
	}
	list, err := filepath.Glob(filepath.Join(p.Dir(), "updates", "changelog*"))
	if d.changelog == "" {
		if err != nil || len(list) > 0 {
			t.Errorf("%s: there are changelogs: %v %v", what, list, err)
		}
		return
	}
	b, err = os.ReadFile(filepath.Join(p.Dir(), d.changelog))
	if err != nil || len(list) != 1 || string(b) != d.text {
		t.Errorf("%s: changelogs %v (%v):\n%s\nwant\n%s", what, list, err, b, d.text)
	}
}

func (d *side) agreesBackup(t *testing.T, what string, s *scene, p *pack.Pack, top string) {
	t.Helper()
	var generations []string
	list, err := os.ReadDir(filepath.Join(p.Dir(), backupTop))
	for _, e := range list {
		generations = append(generations, e.Name())
	}
	if err != nil && !os.IsNotExist(err) || !slices.Equal(generations, d.generations) {
		t.Errorf("%s: on level %d the backups are %v (%v)", what, d.level, generations, err)
	}
	away, err := filepath.Glob(filepath.Join(top, "backups", "*", "*"))
	if err != nil || len(away) != d.outside {
		t.Errorf("%s: on level %d the backups outside are %v (%v)", what, d.level, away, err)
	}
	if c, err := p.Config(); err != nil || (c.BackupDir != "") != d.remembers {
		t.Errorf("%s: config %+v (%v)", what, c, err)
	}
	pl, err := NewRevert(context.Background(), p, s.options(top))
	if len(d.generations) > 0 && (err != nil || len(pl.Conflicts) > 0 != d.damaged) || len(d.generations) == 0 && err == nil {
		t.Errorf("%s: on level %d, a revert: %v", what, d.level, err)
	}
}

// andBack reverts for real, and wants the first tree in all that was decorated.
func (s *scene) andBack(t *testing.T, what, top string) {
	t.Helper()
	if s.noBackup || s.job == "revert" {
		return
	}
	if out, err := s.spawn("revert", top, ""); err != nil {
		t.Errorf("%s: a revert: %v %s", what, err, out)
		return
	}
	facts, err := treeFacts(s.dir(top))
	if got := factsText(facts); err != nil || got != s.back {
		t.Errorf("%s: after a revert (%v):\n%s", what, err, difference(got, s.back, s.back))
	}
}
