//go:build failpoint && linux

package apply

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sort"
	"strings"
	"sync/atomic"
	"testing"

	"packlift/internal/fault"
	"packlift/internal/pack"
)

// errnos are the errors that each effect returns in turn, and what a message
// has to say of them.
var errnos = []struct{ name, text string }{
	{"ENOSPC", "no space left on device"}, {"EIO", "input/output error"}, {"EACCES", "permission denied"},
	{"EROFS", "read-only file system"}, {"EXDEV", "invalid cross-device link"}, {"ENAMETOOLONG", "file name too long"},
}

// failure is a run in which one effect failed.
type failure struct {
	what     string
	op, path string // of the effect
	errno    int    // of errnos
	out      string
	failed   bool
	none     bool // there was no such effect, and the run ended well
}

// fail runs job with its effect n failing.
func (s *scene) fail(t *testing.T, job, top string, n, errno int) failure {
	list := top + ".count"
	must(t, os.WriteFile(list, nil, 0o666))
	must(t, os.Chmod(list, 0o666))
	out, err := s.spawn(job, top, fmt.Sprintf("count:%s,errno:%d:%s", list, n, errnos[errno].name))
	points := effects(t, list, top)
	if len(points) < n {
		if job != "recover" || err != nil { // contents are staged side by side: what a death leaves to recover differs a little
			t.Errorf("%s has no effect %d: %s", job, n, out)
		}
		return failure{none: true}
	}
	f := failure{errno: errno, out: normal(strings.ReplaceAll(out, top, "")), failed: err != nil}
	f.op, f.path, _ = strings.Cut(points[n-1], " ")
	f.path = strings.Trim(f.path, `"`)
	f.what = fmt.Sprintf("%s: %s at %d, %s %s", job, errnos[errno].name, n, f.op, f.path)
	return f
}

// tolerated says what a run does not end for, and whether it warns of it.
func (s *scene) tolerated(f failure) (ok, warned bool) {
	switch {
	case (f.op == "chown" || f.op == "setxattr") && errnos[f.errno].name == "EACCES":
		return true, false // as far as the process may
	case s.job == "staged" && f.op == "rename" && errnos[f.errno].name == "EXDEV" && strings.Contains(f.path, "/stage/TXN/new/"):
		return true, false // what is staged on another volume is copied
	case strings.Contains(f.path, "/packlift/staged"):
		return true, true // the update is complete without its removal
	case ofChangelog(f.op + " " + f.path):
		return true, true
	case s.outside && strings.HasPrefix(f.path, "/backups/") && slices.Contains([]string{"remove", "chmod", "syncdir"}, f.op):
		return true, true // a backup that is not needed any more
	}
	return false, false
}

// checkMessage wants the documented class, the cause and the path.
func (f failure) checkMessage(t *testing.T) {
	t.Helper()
	class := fault.General
	if errnos[f.errno].name == "ENOSPC" {
		class = fault.NoSpace
	}
	stuck := strings.Contains(f.what, "then recover") && strings.HasPrefix(lastLine(f.out), fault.Unrecoverable.String()+": ")
	if f.failed && !stuck && !strings.HasPrefix(lastLine(f.out), class.String()+": ") {
		t.Errorf("%s: the class is wrong: %s", f.what, f.out)
	}
	if !strings.Contains(f.out, errnos[f.errno].text) || !(strings.Contains(f.out, f.path) || f.op == "rename" && strings.Contains(f.out, "rename /") /* from where */) {
		t.Errorf("%s: the message names no cause or path: %s", f.what, f.out)
	}
}

// lastLine is what follows the warnings.
func lastLine(s string) string {
	for strings.HasPrefix(s, "time=") {
		_, s, _ = strings.Cut(s, "\n")
	}
	return s
}

// errnosOf gives those errors that an effect meets in this run: two of them, other ones
// than the next effect; with PACKLIFT_DEATHS=all each.
func errnosOf(effect int) (out []int) {
	for i := range errnos {
		if allDeaths() || (i+effect)%3 == 0 {
			out = append(out, i)
		}
	}
	return out
}

// Each effect fails with two of the errors, or all: the run ends with its cause,
// and the tree is old and tidy at once, or new.
func TestErrnoAnywhere(t *testing.T) {
	scenes(t, errnoAnywhere)
}

func errnoAnywhere(t *testing.T, s *scene) {
	work := s.work(t)
	probe := filepath.Join(work, "probe")
	s.fresh(t, probe)
	points := len(s.count(t, s.job, probe))
	s.remove(probe)
	var ended, went atomic.Int64
	each(points, func(n int) {
		for _, errno := range errnosOf(n) {
			top := filepath.Join(work, fmt.Sprint(n, "-", errno))
			s.fresh(t, top)
			f := s.fail(t, s.job, top, n, errno)
			if f.failed {
				ended.Add(1)
			} else {
				went.Add(1)
			}
			s.checkFailed(t, f, top)
			s.remove(top)
		}
	})
	t.Logf("%d points, %d errors: %d runs ended with the cause, %d went on as they may", points, ended.Load()+went.Load(), ended.Load(), went.Load())
}

func (s *scene) checkFailed(t *testing.T, f failure, top string) {
	t.Helper()
	ok, warned := s.tolerated(f)
	if f.failed || warned {
		f.checkMessage(t)
	}
	switch {
	case !f.failed && !ok:
		t.Errorf("%s: the run went on: %s", f.what, f.out)
	case !f.failed:
		s.wentOn(t, f, top)
		return
	}
	facts, err := survey(s.dir(top), func(rel string) bool { // what is staged on other mounts may be left for recovery
		return rel == "updates" || strings.HasPrefix(filepath.Base(rel), ".packlift-")
	})
	if err != nil {
		t.Errorf("%s: %v", f.what, err)
	}
	onNew := factsText(facts) == s.to.facts
	if !onNew { // at once, before any recovery
		s.agrees(t, f.what, top)
	} else if !strings.Contains(f.out, fmt.Sprintf("the pack is on level %s", levelName(s.to.level))) {
		t.Errorf("%s: the message does not say that the pack is on the new level: %s", f.what, f.out)
	}
	if s.recovered(t, f.what, top) != onNew {
		t.Errorf("%s: recovery changes the level: %s", f.what, f.out)
	}
}

// wentOn wants the new level, less the one thing that failed.
func (s *scene) wentOn(t *testing.T, f failure, top string) {
	t.Helper()
	facts, err := treeFacts(s.dir(top))
	if err != nil {
		t.Errorf("%s: %v", f.what, err)
	}
	if f.op == "chown" || f.op == "setxattr" {
		if unowned(factsText(facts)) != unowned(s.to.facts) {
			t.Errorf("%s: the tree is not new:\n%s", f.what, difference(factsText(facts), s.to.facts, s.to.facts))
		}
		return
	}
	want := *s.to
	if strings.HasPrefix(f.path, "/backups/") {
		left, _ := filepath.Glob(filepath.Join(s.backup(top), "*", "*"))
		want.outside = len(left) // of one that is half removed, or not durably
	} else if _, err := os.Stat(filepath.Join(s.dir(top), s.to.changelog)); err != nil {
		want.changelog = ""
	}
	if factsText(facts) != want.facts {
		t.Errorf("%s: the tree is not new:\n%s", f.what, difference(factsText(facts), want.facts, want.facts))
	}
	want.whole(t, f.what, s, top)
}

var ownership = regexp.MustCompile(`(?m) \d+:\d+ ".*?"`)

func unowned(facts string) string { return ownership.ReplaceAllString(facts, "") }

// recoveryPoint is an effect of the recovery from a state.
type recoveryPoint struct {
	st state
	n  int
}

// cover gives each different effect that the recoveries from the states have once.
func (x *explorer) cover(t *testing.T) (points []recoveryPoint) {
	sort.Slice(x.todo, func(i, j int) bool { return x.todo[i].what < x.todo[j].what })
	lists := make([][]string, len(x.todo))
	each(len(lists), func(i int) {
		whole := x.place()
		x.s.copy(t, x.todo[i-1].top, whole)
		lists[i-1] = x.s.count(t, "recover", whole)
		x.s.remove(whole)
	})
	met := map[string]bool{}
	for i, list := range lists {
		for n, p := range list {
			if !met[p] {
				met[p] = true
				points = append(points, recoveryPoint{x.todo[i], n + 1})
			}
		}
	}
	return points
}

// Each effect that a recovery can have fails with two of the errors, or all: the
// recovery says so, and the next one brings the old or the new. The states are
// those of all first deaths, and of deaths where all is moved back.
func TestErrnoInRecovery(t *testing.T) {
	scenes(t, func(t *testing.T, s *scene) {
		x := newExplorer(t, s, 1)
		x.killedFirst(t)
		probe := x.place()
		s.fresh(t, probe)
		x.turnBack(t, renameTo(s.count(t, s.job, probe), pack.StateFile), 1)
		s.remove(probe)
		points := x.cover(t)
		var errors, ended atomic.Int64
		each(len(points), func(i int) {
			p := points[i-1]
			for _, errno := range errnosOf(i) {
				top := x.place()
				s.copy(t, p.st.top, top)
				f := s.fail(t, "recover", top, p.n, errno)
				f.what = p.st.what + ", then " + f.what
				if errors.Add(1); f.failed {
					ended.Add(1)
				}
				s.checkRecovery(t, f, top)
				s.remove(top)
			}
		})
		t.Logf("%d states, %d different effects of their recoveries, %d errors: %d recoveries ended with the cause",
			len(x.todo), len(points), errors.Load(), ended.Load())
	}, "apply", "revert", "apply across mounts")
}

func (s *scene) checkRecovery(t *testing.T, f failure, top string) {
	t.Helper()
	ok, warned := s.tolerated(f)
	back := errnos[f.errno].name == "ENOSPC" && strings.Contains(f.out, "the disk is full; going back")
	switch {
	case f.failed || warned:
		f.checkMessage(t)
	case !ok && !back:
		t.Errorf("%s: it went on: %s", f.what, f.out)
	}
	if !f.failed && ok {
		facts, err := treeFacts(s.dir(top))
		if got := unowned(factsText(facts)); err != nil || got != unowned(s.from.facts) && got != unowned(s.to.facts) {
			t.Errorf("%s: neither old nor new (%v): %s", f.what, err, f.out)
		}
		return
	}
	s.recovered(t, f.what, top)
}

// From one effect on all fail (a disk that is gone): the next run brings the
// old or the new.
func TestDiskGone(t *testing.T) {
	scenes(t, func(t *testing.T, s *scene) {
		work := s.work(t)
		probe := filepath.Join(work, "probe")
		s.fresh(t, probe)
		points := s.count(t, s.job, probe)
		s.remove(probe)
		each(len(points), func(n int) {
			top := filepath.Join(work, fmt.Sprint(n))
			s.fresh(t, top)
			what := fmt.Sprintf("disk gone at %d, %s", n, points[n-1])
			if out, err := s.spawn(s.job, top, fmt.Sprintf("errno:%d+:EIO", n)); err == nil {
				t.Errorf("%s: the run went on: %s", what, out)
			}
			s.recovered(t, what, top)
			s.remove(top)
		})
		t.Logf("%d times gone", len(points))
	}, "apply", "revert", "apply outside", "revert outside", "apply across mounts")
}
