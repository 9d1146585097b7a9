//go:build failpoint

package acceptance

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// acts are the runs that change a pack, as the built importer does them.
func (c *crash) acts() []*act {
	update := []string{"apply-update", "--pack", "DIR/pack", "-i", c.identity, c.bundle}
	begin := []string{"init", "--pack", "DIR/pack", "--product", "demo-1.0.0", "--trust", c.trust, "--yes"}
	apply := &act{name: "apply", version: "1.3.0", args: update, lay: c.layOld, settle: c.recovers}
	revert := &act{name: "revert", version: "1.3.0", code: 4, args: []string{"revert", "--pack", "DIR/pack"}, lay: c.layNew, settle: c.recovers}
	acts := []*act{apply, revert}
	for name, of := range map[string]*act{"recover an apply": apply, "recover a revert": revert} {
		for _, way := range []string{"forward", "back", "from its stage"} {
			acts = append(acts, &act{name: name + " " + way, version: "1.3.0", args: []string{"recover", "--pack", "DIR/pack"},
				lay: func(t *testing.T, dir string) { c.interrupted(t, of, way, dir) }, settle: c.recovers})
		}
	}
	return append(acts,
		&act{name: "self-update", version: "1.2.0", code: 2, args: append(slices.Clone(update), "--self-update", "exit"), lay: c.layTool, settle: c.updates},
		&act{name: "init", version: "1.3.0", args: append(slices.Clone(begin), "--level", "0"), lay: c.layTree, settle: c.begins},
		&act{name: "init --empty", version: "1.3.0", args: append(slices.Clone(begin), "--empty"), lay: func(*testing.T, string) {}, settle: c.begins})
}

func (c *crash) act(t *testing.T, name string) *act {
	for _, a := range c.acts() {
		if a.name == name {
			return a
		}
	}
	t.Fatalf("no act %s", name)
	return nil
}

// on runs the released importer, which has no hook.
func (c *crash) on(t *testing.T, dir string, args ...string) result {
	t.Helper()
	return run(t, dir, tool(t, "packlift-import"), append(args, "--pack", filepath.Join(dir, "pack"))...)
}

func (c *crash) must(t *testing.T, code int, dir string, args ...string) {
	t.Helper()
	if r := c.on(t, dir, args...); r.code != code {
		t.Fatalf("%v: exit code %d, want %d\n%s", args, r.code, code, r.out)
	}
}

func (c *crash) layTree(t *testing.T, dir string) {
	copyTo(t, c.old, filepath.Join(dir, "pack"))
}

func (c *crash) layOld(t *testing.T, dir string) {
	c.layTree(t, dir)
	c.must(t, 0, dir, "init", "--product", "demo-1.0.0", "--level", "0", "--trust", c.trust, "--yes")
}

func (c *crash) layNew(t *testing.T, dir string) {
	c.layOld(t, dir)
	c.must(t, 0, dir, "apply-update", "-i", c.identity, c.bundle)
}

func (c *crash) layTool(t *testing.T, dir string) {
	c.layOld(t, dir)
	copyTo(t, hookedTool(t, "1.2.0"), filepath.Join(dir, "pack/bin/packlift-import"))
}

// interrupted lays a pack that an act was killed on: as it was to replace the
// state, as it turned back for an error, or as it staged.
func (c *crash) interrupted(t *testing.T, of *act, way, dir string) {
	t.Helper()
	of.before(t)
	points := of.effects(t, of.from)
	find := func(op, path string) int {
		n := slices.IndexFunc(points, func(p string) bool { return strings.HasPrefix(p, op+" ") && strings.HasSuffix(p, path) })
		if n < 0 {
			t.Fatalf("%s has no %s of %s", of.name, op, path)
		}
		return n + 1
	}
	state := find("rename", "/updates/packlift/state.json")
	failpoint := map[string]string{
		"forward":        fmt.Sprintf("kill:%d", state),
		"back":           fmt.Sprintf("errno:%d:EIO,kill:%d", state, state+12),
		"from its stage": fmt.Sprintf("kill:%d", find("rename", "/updates/packlift/journal")),
	}[way]
	of.lay(t, dir)
	if r, err := of.on(t, dir, failpoint); err != errKilled {
		t.Fatalf("%s %s: exit code %d\n%s", of.name, failpoint, r.code, r.out)
	}
}

// recovers has the next run recover, and wants the pack whole on a level.
func (c *crash) recovers(t *testing.T, what, dir string) string {
	t.Helper()
	if r := c.on(t, dir, "recover"); r.code != 0 {
		t.Errorf("%s: recover: exit code %d\n%s", what, r.code, r.out)
	}
	return c.whole(t, what, dir)
}

// whole wants the tree, the state, the log and the backup to agree, and nothing besides.
func (c *crash) whole(t *testing.T, what, dir string) string {
	t.Helper()
	pack := filepath.Join(dir, "pack")
	s := stateOf(t, what, pack)
	got := list(t, pack)
	for name, want := range c.trees[s.Level] {
		if got[name] != want {
			t.Errorf("%s: %s is not that of level %d", what, name, s.Level)
		}
	}
	if len(got) != len(c.trees[s.Level]) {
		t.Errorf("%s: %d entries on level %d, not %d", what, len(got), s.Level, len(c.trees[s.Level]))
	}
	checks := [][]string{{"log", "verify"}}
	if s.Manifest != "" {
		checks = append(checks, []string{"verify-pack"})
	}
	for _, args := range checks {
		if r := c.on(t, dir, args...); r.code != 0 {
			t.Errorf("%s: %v: exit code %d\n%s", what, args, r.code, r.out)
		}
	}
	c.tidy(t, what, pack, s.Level)
	return fmt.Sprint("level ", s.Level)
}

// tidy wants nothing unfinished, and a backup where there is one to have.
func (c *crash) tidy(t *testing.T, what, pack string, level int) {
	t.Helper()
	own := filepath.Join(pack, "updates/packlift")
	for _, name := range []string{"journal", "journal.undo", "stage/*", "reserve.*", "audit.due"} {
		if left, err := filepath.Glob(filepath.Join(own, name)); err != nil || len(left) > 0 {
			t.Errorf("%s: left: %v, %v", what, left, err)
		}
	}
	backups, _ := filepath.Glob(filepath.Join(own, "backup/0*"))
	if len(backups) != level/10 {
		t.Errorf("%s: %d backups on level %d", what, len(backups), level)
	}
	_ = filepath.WalkDir(pack, func(full string, d fs.DirEntry, err error) error {
		if err != nil || strings.HasPrefix(d.Name(), ".packlift-") {
			t.Errorf("%s: left: %s, %v", what, full, err)
		}
		return nil
	})
}

type packState struct {
	Level    int    `json:"level"`
	Manifest string `json:"manifest"`
}

func stateOf(t *testing.T, what, pack string) (s packState) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(pack, "updates/packlift/state.json"))
	if err == nil {
		err = json.Unmarshal(b, &s)
	}
	if err != nil {
		t.Errorf("%s: %v", what, err)
	}
	return s
}

// begins wants no pack, which the same command then makes, or a whole one.
func (c *crash) begins(t *testing.T, what, dir string) string {
	t.Helper()
	empty := strings.Contains(what, "--empty")
	args := []string{"init", "--product", "demo-1.0.0", "--trust", c.trust, "--yes", "--level", "0"}
	if empty {
		args = append(args[:len(args)-2], "--empty")
	}
	r := c.on(t, dir, args...)
	there := r.code == 64 && strings.Contains(r.out, "is a pack already")
	if !there && r.code != 0 {
		t.Errorf("%s: init again: exit code %d\n%s", what, r.code, r.out)
	}
	if r := c.on(t, dir, "recover"); r.code != 0 { // sweeps
		t.Errorf("%s: recover: exit code %d\n%s", what, r.code, r.out)
	}
	set, _ := filepath.Glob(filepath.Join(dir, "pack/updates/packlift/trust/1/*"))
	given, _ := filepath.Glob(filepath.Join(c.trust, "*"))
	if len(set) != len(given) || len(set) == 0 {
		t.Errorf("%s: the trust set has %d files, not %d", what, len(set), len(given))
	}
	for _, name := range given {
		want, _ := os.ReadFile(name)
		if got, err := os.ReadFile(filepath.Join(dir, "pack/updates/packlift/trust/1", filepath.Base(name))); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %s is not as it was given, %v", what, filepath.Base(name), err)
		}
	}
	if !empty {
		c.whole(t, what, dir)
	} else if s := stateOf(t, what, filepath.Join(dir, "pack")); s.Level != -1 || len(list(t, filepath.Join(dir, "pack"))) > 0 {
		t.Errorf("%s: the empty pack is at level %d", what, s.Level)
	}
	return map[bool]string{true: "a pack", false: "none"}[there]
}

// updates wants a whole tool, old or new, that the log agrees with; the same command
// brings the new one.
func (c *crash) updates(t *testing.T, what, dir string) string {
	t.Helper()
	if r := c.on(t, dir, "recover"); r.code != 0 {
		t.Errorf("%s: recover: exit code %d\n%s", what, r.code, r.out)
	}
	end := c.holds(t, what, dir)
	if end == "old tool" {
		a := c.act(t, "self-update")
		if r, err := a.on(t, dir, ""); err != nil || r.code != 2 {
			t.Errorf("%s: again: exit code %d\n%s", what, r.code, r.out)
		}
		if c.holds(t, what+", again", dir) != "new tool" {
			t.Errorf("%s: again: the tool is the old one", what)
		}
		if left, _ := filepath.Glob(filepath.Join(dir, "pack/bin/*.new-*")); len(left) > 0 {
			t.Errorf("%s: again: left: %v", what, left)
		}
	}
	if got := c.whole(t, what, dir); got != "level 0" {
		t.Errorf("%s: %s", what, got)
	}
	return end
}

// oldAndNew are the importers that a self-update leads from and to.
var oldAndNew = sync.OnceValues(func() (tools [2][]byte, err error) {
	dir, err := hookedTools()
	if err == nil {
		tools[0], err = os.ReadFile(filepath.Join(dir, "1.2.0", "packlift-import"))
	}
	if err == nil {
		tools[1], err = os.ReadFile(crashSite.fresh)
	}
	return tools, err
})

// holds tells which tool the pack has, and wants the log to agree.
func (c *crash) holds(t *testing.T, what, dir string) string {
	t.Helper()
	held, err := os.ReadFile(filepath.Join(dir, "pack/bin/packlift-import"))
	tools, err2 := oldAndNew()
	log, err3 := os.ReadFile(filepath.Join(dir, "pack/updates/packlift/audit.log"))
	if err := errors.Join(err, err2, err3); err != nil {
		t.Errorf("%s: %v", what, err)
		return ""
	}
	told := 0
	for line := range bytes.Lines(log) {
		if json.Valid(line) && bytes.Contains(line, []byte(`"event":"self-update"`)) {
			told++
		}
	}
	switch {
	case bytes.Equal(held, tools[1]) && told == 1:
		return "new tool"
	case bytes.Equal(held, tools[0]) && told == 0:
		return "old tool"
	}
	t.Errorf("%s: a tool of %d bytes, and the log tells of a new one %d times", what, len(held), told)
	return "neither"
}
