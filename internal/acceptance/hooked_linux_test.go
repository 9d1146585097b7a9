//go:build failpoint

package acceptance

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"

	"packlift/internal/disktest"
)

// The tests that need this file run importers as they are released, but with the
// hook before each file effect: their locks, logs and messages too.

// hookedTools is the folder of such importers, by version.
var hookedTools = sync.OnceValues(func() (string, error) {
	dir := filepath.Join(scratch, "hooked")
	for _, v := range []string{"1.2.0", "1.3.0"} {
		out := filepath.Join(dir, v)
		cmd := exec.Command("make", "--no-print-directory", "build", "TAGS=failpoint", "VERSION="+v, "BIN="+out)
		cmd.Dir = "../.."
		if b, err := cmd.CombinedOutput(); err != nil {
			return dir, fmt.Errorf("%w\n%s", err, b)
		}
	}
	return dir, nil
})

func hookedTool(t *testing.T, version string) string {
	t.Helper()
	dir, err := hookedTools()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, version, "packlift-import")
}

// act is one run that the tests disturb. It works on the folder "pack" of a folder.
type act struct {
	name    string
	version string // of the tool
	program string // packlift-import where it is empty
	code    int    // where nothing disturbs it
	args    []string
	lay     func(t *testing.T, dir string)              // what is there before
	settle  func(t *testing.T, what, dir string) string // the next run, and what it has to bring; tells what that is
	from    string                                      // what lay made
}

// crash is a site with two trees, and a bundle that brings a small importer.
type crash struct {
	*site
	bundle string
	trees  map[int]map[string]string
	old    string // the tree at level 0
	fresh  string // the importer that the bundle brings
}

// crashTrees are the trees at levels 0 and 10. A name that ends in a slash is a folder,
// a content that begins with "-> " a link's target.
var crashTrees = map[string]map[string]string{
	"from": {"bin/run.sh": "old", "conf/a.conf": "a=1", "gone/deep/old.txt": "old", "empty/": "", "same": "same", "link": "-> same", "lib": "-> conf"},
	"to":   {"bin/run.sh": "new", "conf/a.conf": "a=2", "new/deep/new.txt": "new", "other/": "", "same": "same", "link": "-> bin/run.sh", "lib/a": "a", "copy": "new"},
}

func plant(t *testing.T, top string, tree map[string]string) {
	t.Helper()
	for name, text := range tree {
		full := filepath.Join(top, name)
		err := os.MkdirAll(filepath.Dir(full), 0o755)
		if target, link := strings.CutPrefix(text, "-> "); err == nil && link {
			err = os.Symlink(target, full)
		} else if err == nil && strings.HasSuffix(name, "/") {
			err = os.MkdirAll(full, 0o755)
		} else if err == nil {
			err = os.WriteFile(full, []byte(text), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

var crashSite = struct {
	sync.Once
	crash
}{}

func newCrash(t *testing.T) *crash {
	t.Helper()
	crashSite.Do(func() {
		dir := filepath.Join(scratch, "crash")
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		for name, tree := range crashTrees {
			plant(t, filepath.Join(dir, name), tree)
		}
		c := crash{site: siteIn(t, dir), old: filepath.Join(dir, "from")}
		c.trees = map[int]map[string]string{0: list(t, c.old), 10: list(t, filepath.Join(dir, "to"))}
		c.smallTool()
		c.bundle = c.update("demo-1.0.0", c.old, filepath.Join(dir, "to"))
		crashSite.crash = c
	})
	if crashSite.bundle == "" {
		t.Fatal("the site could not be made")
	}
	mine, s := crashSite.crash, *crashSite.site
	s.t, mine.site = t, &s
	return &mine
}

// smallTool puts in the place of the importer one that only says its version: it is
// written in few effects.
func (c *crash) smallTool() {
	c.t.Helper()
	c.fresh = filepath.Join(c.tools, "packlift-import_"+platform())
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w -X 'main.marker=packlift-tool-version:1.3.0;'", "-o", c.fresh, "../probe/testdata/tool")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		c.t.Fatalf("%v\n%s", err, out)
	}
}

// before makes what an act begins with, once.
func (a *act) before(t *testing.T) {
	t.Helper()
	a.from = filepath.Join(disktest.Scratch(t), "before")
	if err := os.Mkdir(a.from, 0o755); err != nil {
		t.Fatal(err)
	}
	a.lay(t, a.from)
}

// copied is a copy of a folder that an act works on, in memory where there is such a place.
func copied(t *testing.T, from string) string {
	t.Helper()
	dir, err := os.MkdirTemp(filepath.Dir(from), "")
	if err == nil {
		err = os.Remove(dir)
	}
	if err != nil {
		t.Fatal(err)
	}
	copyTo(t, from, dir)
	return dir
}

var errKilled = errors.New("killed")

// command is what the act runs on a folder.
func (a *act) command(t *testing.T, dir string) (program string, args []string) {
	t.Helper()
	program = hookedTool(t, a.version)
	if a.program != "" {
		program = filepath.Join(filepath.Dir(program), a.program)
	}
	if a.name == "self-update" {
		program = filepath.Join(dir, "pack/bin/packlift-import")
	}
	for _, arg := range a.args {
		args = append(args, strings.ReplaceAll(arg, "DIR", dir))
	}
	return program, args
}

// on runs the act on a folder.
func (a *act) on(t *testing.T, dir, failpoint string) (result, error) {
	t.Helper()
	program, args := a.command(t, dir)
	cmd := exec.Command(program, args...)
	cmd.Dir = dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "TMPDIR=" + os.TempDir(), "PACKLIFT_FAILPOINT=" + failpoint}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	var ended *exec.ExitError
	if err != nil && !errors.As(err, &ended) {
		t.Fatal(err)
	}
	if ended != nil && ended.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL {
		return result{-1, out.String()}, errKilled
	}
	return result{cmd.ProcessState.ExitCode(), out.String()}, nil
}

// effects are those of an undisturbed run on a copy of dir, "OP PATH" each, with DIR for
// the copy's name.
func (a *act) effects(t *testing.T, dir string) []string {
	t.Helper()
	dir = copied(t, dir)
	file := dir + ".count"
	if r, err := a.on(t, dir, "count:"+file); err != nil || r.code != a.code && dir != a.from {
		t.Fatalf("%s: exit code %d, want %d\n%s", a.name, r.code, a.code, r.out)
	}
	return counted(t, file, dir)
}

var countLine = regexp.MustCompile(`^\d+ (\w+) "(.*)"$`)

func counted(t *testing.T, file, dir string) (effects []string) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		f := countLine.FindStringSubmatch(strings.TrimSpace(line))
		if f == nil {
			t.Fatalf("what is %q", line)
		}
		if dir != "" {
			f[2] = strings.ReplaceAll(f[2], dir, "DIR")
		}
		effects = append(effects, f[1]+" "+f[2])
	}
	return effects
}

// each calls f for 1 to n, on all cores.
func each(n int, f func(int)) {
	var wg sync.WaitGroup
	next := make(chan int)
	for range runtime.NumCPU() + 1 {
		wg.Go(func() {
			for i := range next {
				f(i)
			}
		})
	}
	for i := 1; i <= n; i++ {
		next <- i
	}
	close(next)
	wg.Wait()
}
