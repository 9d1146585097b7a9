//go:build failpoint && linux

package apply

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// ends counts how runs ended.
type ends struct {
	sync.Mutex
	of map[string]int
}

func (c *ends) add(end string) {
	c.Lock()
	defer c.Unlock()
	if c.of == nil {
		c.of = map[string]int{}
	}
	c.of[end]++
}

// twice is a death and what comes after it: another death, or an error.
type twice struct {
	first, second int
	what          string
}

// seconds gives effects of job as it comes after deaths of the errand: each kind of
// effect once, and about so many others.
func (e *errand) seconds(t *testing.T, work, job string, deaths []int, others int) (out []twice, points []string) {
	probe := filepath.Join(work, "probe")
	e.fresh(t, probe)
	points = e.count(t, e.job, probe)
	e.remove(probe)
	lists := make([][]string, len(deaths))
	each(len(deaths), func(i int) {
		top := filepath.Join(work, fmt.Sprint("probe", i))
		e.fresh(t, top)
		if !e.kill(t, e.job, top, deaths[i-1]) {
			t.Errorf("%s: not killed at %d", e.name, deaths[i-1])
		}
		lists[i-1] = e.count(t, job, top)
		e.remove(top)
	})
	taken := sampler{oneIn: 1 + len(slices.Concat(lists...))/others, met: map[string]bool{}}
	for i, list := range lists {
		for n, p := range list {
			if taken.takes(p) {
				what := fmt.Sprintf("%s killed at %d (%s), %s at %d (%s)", e.name, deaths[i], points[deaths[i]-1], job, n+1, p)
				out = append(out, twice{deaths[i], n + 1, what})
			}
		}
	}
	return out, points
}

// effectsOf is how many effects the errand has.
func (e *errand) effectsOf(t *testing.T, work string) int {
	probe := filepath.Join(work, "number")
	defer e.remove(probe)
	e.fresh(t, probe)
	return len(e.count(t, e.job, probe))
}

// TestErrandsKilledTwice kills each errand, and then the same command again, which
// recovers first: the run after that finds old or new, and goes on.
func TestErrandsKilledTwice(t *testing.T) {
	forErrands(t, func(t *testing.T, e *errand) {
		work := e.work(t)
		n := e.effectsOf(t, work)
		again := "then " + e.repeated()
		second, points := e.seconds(t, work, again, spread(n, 4), 60)
		var c ends
		each(len(second), func(i int) {
			d, top := second[i-1], filepath.Join(work, fmt.Sprint(i))
			e.fresh(t, top)
			e.kill(t, e.job, top, d.first)
			e.kill(t, again, top, d.second)
			c.add(e.settle(t, d.what, top, i%3 == 0))
			e.remove(top)
		})
		t.Logf("%d effects, %d second deaths: %v", len(points), len(second), c.of)
		if len(points) < 8 || len(second) < len(points)/4 || len(c.of) < len(e.pictures) {
			t.Error("these are too few")
		}
	})
}

// failed wants a run in which an effect failed to have said so, and gives whether it did
// without nothing that shows.
func (e *errand) failed(t *testing.T, f failure) (comparable bool) {
	t.Helper()
	ok, warned := e.tolerated(f)
	if e.job == "keep" && (strings.Contains(f.path, "/"+backupTop) || strings.HasSuffix(f.path, "/audit.log")) {
		ok, warned = true, true // the update is complete without pruning
	}
	back := errnos[f.errno].name == "ENOSPC" && strings.Contains(f.out, "the disk is full; going back")
	switch {
	case f.failed || warned:
		f.checkMessage(t)
	case !ok && !back:
		t.Errorf("%s: the run went on: %s", f.what, f.out)
	}
	least := f.op == "chown" || f.op == "setxattr" || strings.HasPrefix(f.path, "/backups/") || ofChangelog(f.op+" "+f.path)
	return f.failed || !least
}

// atOnce wants the pack to be one that it may be before any recovery. Where the stage
// itself could not be removed the next run does that.
func (e *errand) atOnce(t *testing.T, f failure, top string) {
	t.Helper()
	got := e.picture(t, top)
	if f.op == "remove" && strings.Contains(f.path, "/"+stageRoot+"/") {
		got = ofStage.ReplaceAllString(got, "")
	}
	if e.known(got) == "" {
		t.Errorf("%s: at once neither old nor new: %s\n%s", f.what, f.out, e.nearest(got))
	}
}

var ofStage = regexp.MustCompile(`(?m)^pack ` + stageRoot + `/.*\n`)

// TestErrandsErrors has effects of each errand fail, each effect with another of the
// errors: the run ends with cause and path, and the pack is old or new at once.
// PACKLIFT_DEATHS=all takes each effect with each error.
func TestErrandsErrors(t *testing.T) {
	forErrands(t, func(t *testing.T, e *errand) {
		work := e.work(t)
		n, kinds := e.effectsOf(t, work), 1
		if allDeaths() {
			kinds = len(errnos)
		}
		var c ends
		var ended atomic.Int64
		each(n*kinds, func(i int) {
			top := filepath.Join(work, fmt.Sprint(i))
			e.fresh(t, top)
			f := e.fail(t, e.job, top, (i-1)/kinds+1, (i-1+i/len(errnos))%len(errnos))
			if f.failed {
				ended.Add(1)
			}
			comparable := e.failed(t, f)
			unfinished := strings.Contains(f.out, "but the run is not finished: ") // the level is the new one
			if comparable && !e.inPart && !unfinished {
				e.atOnce(t, f, top)
			}
			if !comparable {
				c.add("new, less that")
			} else if end := e.settle(t, f.what, top, i%3 == 0); unfinished && (end == "old" || !strings.Contains(f.out, e.says)) {
				t.Errorf("%s: the message does not say that it is done, or recovery changes that: %s", f.what, f.out)
			} else {
				c.add(end)
			}
			e.remove(top)
		})
		t.Logf("%d effects, %d errors, %d runs ended with the cause: %v", n, n*kinds, ended.Load(), c.of)
	})
}

// TestErrandsErrorsInRecovery has effects of the recoveries from deaths of each errand
// fail: each kind of effect, with errors in turn.
func TestErrandsErrorsInRecovery(t *testing.T) {
	forErrands(t, func(t *testing.T, e *errand) {
		work := e.work(t)
		n := e.effectsOf(t, work)
		second, _ := e.seconds(t, work, "recover", spread(n, 4), 30)
		var ended atomic.Int64
		each(len(second), func(i int) {
			d, top := second[i-1], filepath.Join(work, fmt.Sprint(i))
			e.fresh(t, top)
			e.kill(t, e.job, top, d.first)
			f := e.fail(t, "recover", top, d.second, i%len(errnos))
			f.what = d.what + ", then recover: " + f.what
			if f.failed {
				ended.Add(1)
			}
			if f.none || e.failed(t, f) {
				e.settle(t, f.what, top, i%3 == 0)
			}
			e.remove(top)
		})
		t.Logf("%d errors, %d recoveries ended with the cause", len(second), ended.Load())
	})
}
