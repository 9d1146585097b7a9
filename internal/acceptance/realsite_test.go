//go:build realpacks && linux

package acceptance

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
)

const realProduct = "typescript-5.9.2"

// realSite is a pack of a real product, as init leaves it, and an update of it
// from level 0 to 10. The tests copy the pack.
type realSite struct {
	s        *site
	bundle   string
	pack     string
	old, new string                    // product trees
	trees    map[int]map[string]string // by level: what a product tree has to be

}

var realOnce struct {
	sync.Once
	realSite
}

// newRealSite makes it in the first test that asks for it.
func newRealSite(t *testing.T) *realSite {
	t.Helper()
	old, fresh := lay(t, "typescript", "5.9.2"), lay(t, "typescript", "5.9.3")
	realOnce.Do(func() {
		dir := filepath.Join(scratch, "real")
		r := realSite{old: filepath.Join(dir, "old"), new: filepath.Join(dir, "new"), pack: filepath.Join(dir, "pack")}
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		copyPack(t, old, r.old)
		copyPack(t, fresh, r.new)
		copyPack(t, old, r.pack)
		r.trees = map[int]map[string]string{0: list(t, r.old), 10: list(t, r.new)}
		r.s = siteIn(t, dir)
		r.bundle = r.s.update(realProduct, r.old, r.new)
		r.s.want(0, "packlift-import", "init", "--pack", r.pack, "--product", realProduct, "--level", "0", "--trust", r.s.trust, "--yes")
		realOnce.realSite = r
	})
	if realOnce.s == nil {
		t.Fatal("the real site could not be made")
	}
	mine, s := realOnce.realSite, *realOnce.s
	s.t, mine.s = t, &s
	return &mine
}

func number(t *testing.T, variable string, otherwise uint64) uint64 {
	text := os.Getenv(variable)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", variable, err)
	}
	return n
}

// leftover is what a kill left.
type leftover struct {
	to             int // where the journal leads
	stage, journal bool
	state          int
}

// level is where the next run has to bring the pack: with a journal forward.
func (l leftover) level() int {
	if l.journal {
		return l.to
	}
	return l.state
}

func (l leftover) String() string {
	switch {
	case l.journal && l.state != l.to:
		return "between, journal there"
	case l.journal:
		return "state is new, journal there"
	case l.stage:
		return "stage alone"
	}
	return "neither stage nor journal"
}

// state is what the tests want to know of state.json.
type state struct {
	Level    int    `json:"level"`
	Manifest string `json:"manifest"`
}

func readState(t *testing.T, pack string) (s state) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(pack, "updates", "packlift", "state.json"))
	if err == nil {
		err = json.Unmarshal(b, &s)
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func found(t *testing.T, pack string) leftover {
	t.Helper()
	own := filepath.Join(pack, "updates", "packlift")
	stages, _ := os.ReadDir(filepath.Join(own, "stage"))
	l := leftover{stage: len(stages) > 0, state: readState(t, pack).Level}
	if _, err := os.Lstat(filepath.Join(own, "journal.undo")); err == nil {
		t.Errorf("%s: nothing failed, and it goes back", pack)
	}
	journal, err := os.ReadFile(filepath.Join(own, "journal"))
	l.journal = err == nil
	if strings.Contains(string(journal), `"from":0,"to":10`) {
		l.to = 10
	}
	return l
}

// whole wants the pack to be on a level: all of it, and nothing besides.
func (k *realSite) whole(t *testing.T, what, pack string, level int) {
	t.Helper()
	got := list(t, pack)
	for name, content := range k.trees[level] {
		if got[name] != content {
			t.Errorf("%s: %s is not that of level %d", what, name, level)
		}
	}
	for name := range got {
		if _, ok := k.trees[level][name]; !ok {
			t.Errorf("%s: %s is not of level %d", what, name, level)
		}
	}
	if left := found(t, pack); left.state != level || left.journal || left.stage {
		t.Errorf("%s: the state is %+v, want level %d", what, left, level)
	}
	for _, args := range [][]string{{"log", "verify"}, {"verify-pack"}} {
		if args[0] == "verify-pack" && readState(t, pack).Manifest == "" {
			continue // init found it so, and no signed manifest says what it should be
		}
		if r := run(t, k.s.dir, tool(t, "packlift-import"), append(args, "--pack", pack)...); r.code != 0 {
			t.Errorf("%s: %v: exit code %d\n%s", what, args, r.code, r.out)
		}
	}
	strangers(t, what, pack, level)
}

// strangers wants nothing temporary anywhere, and the backup of a level that has one.
func strangers(t *testing.T, what, pack string, level int) {
	t.Helper()
	err := filepath.WalkDir(pack, func(full string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasPrefix(d.Name(), ".packlift-") {
			t.Errorf("%s: %s is left", what, full)
		}
		return err
	})
	backups, readErr := os.ReadDir(filepath.Join(pack, "updates", "packlift", "backup"))
	if err != nil || readErr != nil && !errors.Is(readErr, fs.ErrNotExist) {
		t.Fatal(err, readErr)
	}
	if len(backups) != level/10 {
		t.Errorf("%s: %d backups on level %d", what, len(backups), level)
	}
}

func copyPack(t *testing.T, from, to string) {
	t.Helper()
	if out, err := exec.Command("cp", "-a", "--reflink=auto", from, to).CombinedOutput(); err != nil {
		t.Fatalf("cp: %v: %s", err, out)
	}
}
