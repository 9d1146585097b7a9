//go:build failpoint && linux

package apply

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"packlift/internal/pack"
)

// windowKinds are the scenes of hotfixes, healing, and updates whose contents were
// staged before.
var windowKinds = []scene{
	{name: "hotfix", job: "hotfix"}, {name: "heal", job: "heal"}, {name: "staged", job: "staged"},
	{name: "staged outside", job: "staged", outside: true}, {name: "staged across mounts", job: "staged", mount: true},
}

func windowScenes(t *testing.T, f func(*testing.T, *scene)) {
	for _, k := range windowKinds {
		t.Run(k.name, func(t *testing.T) { k.lay(t); f(t, &k) })
	}
}

func TestWindowKilledAnywhere(t *testing.T) { windowScenes(t, killedAnywhere) }

func TestWindowErrnoAnywhere(t *testing.T) { windowScenes(t, errnoAnywhere) }

// damage does to the updated template what heal has to put right, and works out
// what comes of it.
func (s *scene) damage(t *testing.T) {
	dir := s.dir(s.template)
	must(t, os.WriteFile(filepath.Join(dir, "run.sh"), []byte("damaged"), 0o644))
	must(t, os.WriteFile(filepath.Join(dir, "same"), []byte("damaged as well"), 0o644))
	must(t, os.RemoveAll(filepath.Join(dir, "new/sub")))
	facts, err := treeFacts(dir)
	must(t, err)
	s.from.facts, s.from.damaged = factsText(facts), true
	target := crashNew.with(crashOwn).with(tree{"linked": file("two names")}).whole()
	s.to.facts = factsText(updated(facts, target))
}

// Killed before every effect, staging leaves a pack that is as it was, and the
// update after it comes to the new level, whatever was staged.
func TestStageKilledAnywhere(t *testing.T) {
	s := scene{name: "stage", job: "apply"}
	s.lay(t)
	work := s.work(t)
	probe := filepath.Join(work, "probe")
	s.fresh(t, probe)
	points := s.count(t, "stage", probe)
	if len(points) < 20 {
		t.Errorf("%d points are too few", len(points))
	}
	var whole atomic.Int64
	each(len(points), func(n int) {
		top := filepath.Join(work, fmt.Sprint(n))
		s.fresh(t, top)
		what := fmt.Sprintf("staging killed before %d, %s", n, points[n-1])
		if !s.kill(t, "stage", top, n) {
			t.Errorf("%s: it was not", what)
		}
		if s.recovered(t, what, top) {
			t.Errorf("%s: the pack is on the new level", what)
		}
		if n%2 == 0 { // once more, over what is there: then nothing is taken from the bundle
			for _, job := range []string{"stage", "staged"} {
				if out, err := s.spawn(job, top, ""); err != nil {
					t.Errorf("%s, then %s: %v %s", what, job, err, out)
				}
			}
			whole.Add(1)
		} else if out, err := s.spawn("apply", top, ""); err != nil {
			t.Errorf("%s, then the update: %v %s", what, err, out)
		}
		if !s.recovered(t, what+", then the update", top) {
			t.Errorf("%s, then the update: it is not on the new level", what)
		}
		s.remove(top)
	})
	t.Logf("%d deaths, staged again after %d", len(points), whole.Load())
}

// Killed before every effect, pruning leaves complete backups and nothing else, and
// what it removed it removed outside the pack as well.
func TestPruneKilledAnywhere(t *testing.T) {
	for _, outside := range []bool{false, true} {
		t.Run(fmt.Sprintf("outside %v", outside), func(t *testing.T) { pruneKilledAnywhere(t, outside) })
	}
}

func pruneKilledAnywhere(t *testing.T, outside bool) {
	s := &scene{name: "prune", job: "prune", outside: outside}
	top := s.work(t)
	s.template, s.tool = filepath.Join(top, "template"), filepath.Join(top, "helper")
	b, err := os.ReadFile(os.Args[0])
	must(t, err)
	must(t, os.WriteFile(s.tool, b, 0o755))
	must(t, os.MkdirAll(s.template, 0o755))
	must(t, initPack(t, s.dir(s.template), tree{"level": file("3"), "of3": file("x"), "same": file("same")}, 3).Close())
	work := s.work(t)
	probe := filepath.Join(work, "probe")
	prepare := func(top string) {
		s.fresh(t, top)
		for range 4 {
			if out, err := s.spawn("again", top, ""); err != nil {
				t.Error(err, out)
			}
		}
	}
	prepare(probe)
	points := s.count(t, "prune", probe)
	left := map[int]int{}
	counts := make([]int, len(points)+1)
	each(len(points), func(n int) {
		at := filepath.Join(work, fmt.Sprint(n))
		prepare(at)
		what := fmt.Sprintf("pruning killed before %d, %s", n, points[n-1])
		if !s.kill(t, "prune", at, n) {
			t.Errorf("%s: it was not", what)
		}
		counts[n] = s.completeBackups(t, what, at)
		if out, err := s.spawn("prune", at, ""); err != nil {
			t.Errorf("%s, then again: %v %s", what, err, out)
		}
		if s.completeBackups(t, what+", then again", at) != 1 {
			t.Errorf("%s, then again: not one backup is left", what)
		}
		s.remove(at)
	})
	for _, n := range counts[1:] {
		left[n]++
	}
	t.Logf("%d deaths; backups left: %v", len(points), left)
	for n := 1; n <= 4; n++ {
		if left[n] == 0 && n > 1 {
			t.Errorf("no death leaves %d backups", n)
		}
	}
}

// completeBackups recovers, wants every backup to be complete, in the pack and
// outside, and gives their number.
func (s *scene) completeBackups(t *testing.T, what, top string) int {
	p, err := pack.Open(s.dir(top))
	must(t, err)
	defer p.Close()
	if _, err := Recover(context.Background(), p, nil); err != nil {
		t.Errorf("%s: %v", what, err)
	}
	list, err := Generations(context.Background(), p)
	if err != nil {
		t.Errorf("%s: %v", what, err)
	}
	there := slices.DeleteFunc(list, func(g Generation) bool { return g.Fault != "" || g.Pruned })
	steps, err := StepsTo(p, Goal{Generation: there[len(there)-1].Number})
	if err == nil {
		_, err = CheckSteps(context.Background(), p, steps, s.options(top))
	}
	if err != nil || len(steps) != len(there) {
		t.Errorf("%s: a revert through %d backups: %v", what, len(there), err)
	}
	names, err := os.ReadDir(filepath.Join(p.Dir(), backupTop))
	away, _ := filepath.Glob(filepath.Join(top, "backups", "*", "*"))
	if err != nil || len(names) != len(there) || s.outside && len(away) != len(there) {
		t.Errorf("%s: %d backups, and there lie %v and %v", what, len(there), names, strings.Join(away, " "))
	}
	return len(there)
}
