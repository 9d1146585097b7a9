//go:build failpoint

package acceptance

import (
	"bytes"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// tally counts how runs ended.
type tally struct {
	sync.Mutex
	ends map[string]int
}

func (c *tally) add(end string) {
	c.Lock()
	defer c.Unlock()
	if c.ends == nil {
		c.ends = map[string]int{}
	}
	c.ends[end]++
}

// TestHookedNotReleased: the hook is in the builds of tests alone.
func TestHookedNotReleased(t *testing.T) {
	hook := []byte("PACKLIFT_FAILPOINT")
	for program, has := range map[string]bool{tool(t, "packlift-import"): false, tool(t, "packlift-export"): false, hookedTool(t, "1.3.0"): true} {
		if b, err := os.ReadFile(program); err != nil || bytes.Contains(b, hook) != has {
			t.Errorf("%s has the hook: %v, want %v (%v)", program, !has, has, err)
		}
	}
	c := newCrash(t)
	a := c.act(t, "init")
	a.before(t)
	program, args := a.command(t, a.from)
	for program, code := range map[string]int{tool(t, "packlift-import"): 0, program: -1} {
		dir := copied(t, a.from)
		cmd := exec.Command(program, args...)
		for i := range cmd.Args {
			cmd.Args[i] = strings.ReplaceAll(cmd.Args[i], a.from, dir)
		}
		cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "PACKLIFT_FAILPOINT=kill:1"}
		if out, _ := cmd.CombinedOutput(); cmd.ProcessState.ExitCode() != code {
			t.Errorf("%s with a failpoint: exit code %d, want %d\n%s", program, cmd.ProcessState.ExitCode(), code, out)
		}
	}
}

// TestHookedKilled kills the built importer before each file effect of each act;
// the next run finds old or new, or brings the pack there.
func TestHookedKilled(t *testing.T) {
	c := newCrash(t)
	for _, a := range c.acts() {
		t.Run(a.name, func(t *testing.T) {
			a.before(t)
			points := a.effects(t, a.from)
			var ends tally
			each(len(points), func(n int) {
				dir := copied(t, a.from)
				defer os.RemoveAll(dir)
				what := fmt.Sprintf("%s killed at %d, %s", a.name, n, points[n-1])
				if r, err := a.on(t, dir, fmt.Sprint("kill:", n)); err != errKilled {
					t.Errorf("%s: exit code %d\n%s", what, r.code, r.out)
				}
				ends.add(a.settle(t, what, dir))
			})
			t.Logf("%d deaths: %v", len(points), ends.ends)
			if len(points) < 15 || strings.HasPrefix(a.name, "recover") != (len(ends.ends) == 1) {
				t.Error("that is not what such a run does")
			}
		})
	}
}

// TestHookedKilledAgain kills the run after a killed one as well: a second init; the
// same self-update, or a recovery in its place. Of the second runs from all states that
// first deaths leave, each different effect is met, and one in so many others;
// PACKLIFT_DEATHS=all takes each, 2/5 the second of five parts of them.
func TestHookedKilledAgain(t *testing.T) {
	c := newCrash(t)
	for _, name := range []string{"init", "init --empty", "self-update"} {
		t.Run(name, func(t *testing.T) {
			a := c.act(t, name)
			a.before(t)
			var mu sync.Mutex
			states := map[string]string{} // what a first death left, each once
			points := a.effects(t, a.from)
			each(len(points), func(n int) {
				dir := copied(t, a.from)
				if _, err := a.on(t, dir, fmt.Sprint("kill:", n)); err != errKilled {
					t.Errorf("%d: not killed", n)
				}
				mu.Lock()
				defer mu.Unlock()
				states[outline(t, dir)] = dir
			})
			var second seconds
			for _, outlined := range slices.Sorted(maps.Keys(states)) {
				from := states[outlined]
				for _, next := range c.after(a, from) {
					second.add(t, next, from)
				}
			}
			second.points = part(t, second.points)
			deaths := len(second.points)
			each(deaths, func(i int) { second.points[i-1].kill(t, c, a) })
			t.Logf("%d first deaths left %d different states; %d second deaths, before %d different effects", len(points), len(states), deaths, len(second.met))
			if deaths < 100 {
				t.Error("that is too few")
			}
		})
	}
}

// after are the runs that may come after an act that was killed.
func (c *crash) after(a *act, dir string) []*act {
	if a.name != "self-update" {
		return []*act{a}
	}
	recovery := &act{name: "recover", version: "1.3.0", args: []string{"recover", "--pack", "DIR/pack"}}
	held, err := os.Stat(filepath.Join(dir, "pack/bin/packlift-import"))
	if fresh, err2 := os.Stat(c.fresh); err != nil || err2 != nil || held.Size() == fresh.Size() {
		return []*act{recovery} // the new one knows nothing but its version
	}
	return []*act{recovery, a}
}

// secondPoint is an effect of a run that comes after a death.
type secondPoint struct {
	next *act
	from string
	n    int
	what string
}

// seconds are those that are tried.
type seconds struct {
	points []secondPoint
	met    map[string]bool
	passed int
}

const oneIn = 24

// part gives all points, or the part of them that PACKLIFT_DEATHS names.
func part(t *testing.T, points []secondPoint) []secondPoint {
	var k, n int
	switch asked := os.Getenv("PACKLIFT_DEATHS"); asked {
	case "", "all":
		return points
	default:
		if _, err := fmt.Sscanf(asked, "%d/%d", &k, &n); err != nil || k < 1 || k > n {
			t.Fatalf("PACKLIFT_DEATHS=%s is neither all nor a part such as 2/5", asked)
		}
	}
	var out []secondPoint
	for i := k - 1; i < len(points); i += n {
		out = append(out, points[i])
	}
	return out
}

// add takes effects of next on a copy of from: those not met yet, and one in so many.
func (s *seconds) add(t *testing.T, next *act, from string) {
	probe := copied(t, from)
	defer os.RemoveAll(probe)
	file := probe + ".count"
	if _, err := next.on(t, probe, "count:"+file); err != nil {
		t.Fatal(err)
	}
	if s.met == nil {
		s.met = map[string]bool{}
	}
	for i, p := range counted(t, file, probe) {
		s.passed++
		key := next.name + passing.ReplaceAllString(p, "X")
		if !s.met[key] || s.passed%oneIn == 0 || os.Getenv("PACKLIFT_DEATHS") != "" {
			s.points = append(s.points, secondPoint{next, from, i + 1, p})
		}
		s.met[key] = true
	}
}

func (p *secondPoint) kill(t *testing.T, c *crash, first *act) {
	dir := copied(t, p.from)
	defer os.RemoveAll(dir)
	what := fmt.Sprintf("%s killed, then %s killed at %d, %s", first.name, p.next.name, p.n, p.what)
	if r, err := p.next.on(t, dir, fmt.Sprint("kill:", p.n)); err != errKilled {
		t.Errorf("%s: exit code %d\n%s", what, r.code, r.out)
	}
	first.settle(t, what, dir)
}

var passing = regexp.MustCompile(`[A-Z2-7]{26}|\d{4}-\d\d-\d\dT[\d:]+Z|\d{8}T\d{6}Z|[0-9a-f]{64}|"pid":\d+|"run":"\w+"`)

// outline tells of all names and small contents of a folder, without what differs
// from run to run.
func outline(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(full string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		fmt.Fprint(&b, strings.TrimPrefix(full, dir), " ", info.Mode(), " ")
		switch {
		case info.Mode().IsRegular() && info.Size() < 1<<16 && !strings.Contains(full, "/updates/logs/"):
			content, err := os.ReadFile(full)
			fmt.Fprintf(&b, "%q\n", strings.TrimSpace(strings.ReplaceAll(string(content), dir, "")))
			return err
		case info.Mode().IsRegular():
			fmt.Fprint(&b, info.Size() > 0)
		}
		fmt.Fprintln(&b)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return passing.ReplaceAllString(b.String(), "X")
}

// errnos are the errors that effects return, and what a message has to say.
var errnos = []struct{ name, text string }{
	{"ENOSPC", "no space left on device"}, {"EIO", "input/output error"}, {"EACCES", "permission denied"},
	{"EROFS", "read-only file system"}, {"EXDEV", "invalid cross-device link"}, {"ENAMETOOLONG", "file name too long"},
}

// TestHookedErrors has each effect of the built importer fail with an error: the
// run ends with that error's code and names path and cause, or goes on to its end and
// warns of it; and what it leaves is old or new. Effects of init and self-update meet two
// of the six, PACKLIFT_DEATHS=all has them meet each; the others, which the tests of
// package apply put through all, one each.
func TestHookedErrors(t *testing.T) {
	c := newCrash(t)
	for _, a := range c.acts() {
		t.Run(a.name, func(t *testing.T) {
			a.before(t)
			points := a.effects(t, a.from)
			kinds := 1
			if strings.HasPrefix(a.name, "init") || a.name == "self-update" {
				kinds = 2
			}
			if os.Getenv("PACKLIFT_DEATHS") == "all" {
				kinds = len(errnos)
			}
			var ends tally
			each(len(points)*kinds, func(i int) {
				n, e := (i-1)/kinds+1, errnos[(i-1)%len(errnos)]
				dir := copied(t, a.from)
				defer os.RemoveAll(dir)
				f := a.fail(t, dir, n, e.name)
				what := fmt.Sprintf("%s: %s at %d, %s %s", a.name, e.name, n, f.op, f.path)
				ends.add(a.told(t, what, e.text, dir, f))
				a.settle(t, what, dir)
			})
			t.Logf("%d errors: %v", len(points)*kinds, ends.ends)
		})
	}
}

// failure is a run in which an effect failed.
type failure struct {
	result
	op, path, errno string
}

// fail runs the act with its effect n failing.
func (a *act) fail(t *testing.T, dir string, n int, errno string) failure {
	t.Helper()
	file := dir + ".count"
	defer os.Remove(file)
	r, err := a.on(t, dir, fmt.Sprintf("count:%s,errno:%d:%s", file, n, errno))
	points := counted(t, file, "")
	if err != nil || len(points) < n {
		t.Errorf("%s: %v, and only %d effects", a.name, err, len(points))
		return failure{}
	}
	op, path, _ := strings.Cut(points[n-1], " ")
	return failure{r, op, path, errno}
}

// told wants a run to have said what failed, and to have ended by it or warned of it.
func (a *act) told(t *testing.T, what, text, dir string, f failure) string {
	t.Helper()
	want := 1
	if f.errno == "ENOSPC" {
		want = 16
	}
	if f.code == a.code && f.mayPass() {
		return "went on, as it may"
	}
	named := strings.Contains(f.out, f.path) || f.op == "rename" && strings.Contains(f.out, "rename "+dir) // from where
	if !named || !strings.Contains(f.out, text) {
		t.Errorf("%s: the message names no cause or path\n%s", what, f.out)
	}
	switch {
	case f.code == want:
		return "ended with it"
	case f.code == a.code && strings.Contains(f.out, "warning: "):
		return "warned of it"
	case f.code == 18 && strings.HasPrefix(a.name, "recover"):
		return "stays interrupted"
	}
	t.Errorf("%s: exit code %d, want %d\n%s", what, f.code, want, f.out)
	return "neither"
}

// mayPass tells of the effects that a run may go without, silently.
func (f *failure) mayPass() bool {
	switch {
	case (f.op == "chown" || f.op == "setxattr") && f.errno == "EACCES":
		return true // as far as the process may
	case f.op == "link" && strings.HasSuffix(f.path, "packlift-import.old"):
		return true // then it is a copy
	}
	return false
}
