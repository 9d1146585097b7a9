//go:build failpoint && linux

package apply

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"packlift/internal/pack"
)

// explorer goes through the states of the disk that deaths lead to. A state is
// looked into once: where two deaths leave the same, what follows is the same.
type explorer struct {
	s      *scene
	work   string
	mu     sync.Mutex
	seen   map[string]bool
	todo   []state
	number atomic.Int64

	deaths atomic.Int64 // of recoveries
	same   atomic.Int64 // deaths left out: see state.rest
	states [5]int       // new ones after that many deaths in a row

	// The most deaths in a row. Without it states that differ in nothing but how
	// often the audit log's end was torn would go on for ever.
	deepest int
}

// state is a pack as a death left it. Where that was the death of a recovery,
// rest is what that recovery had still to do: one that goes on with just that
// can die at no state that the first one could not die at too.
type state struct {
	top, what string
	depth     int
	rest      []string
}

func newExplorer(t *testing.T, s *scene, deepest int) *explorer {
	return &explorer{s: s, work: s.work(t), seen: map[string]bool{}, deepest: deepest}
}

func (x *explorer) place() string { return filepath.Join(x.work, fmt.Sprint(x.number.Add(1))) }

// add keeps the state in top if it is a new one, else it removes it.
func (x *explorer) add(t *testing.T, st state) {
	print := fingerprint(t, st.top)
	x.mu.Lock()
	fresh := !x.seen[print]
	x.seen[print] = true
	if fresh {
		x.todo = append(x.todo, st)
		x.states[st.depth]++
	}
	x.mu.Unlock()
	if !fresh {
		x.s.remove(st.top)
	}
}

// killedFirst adds the states that the deaths of the scene's run lead to.
func (x *explorer) killedFirst(t *testing.T) (deaths int) {
	probe := x.place()
	x.s.fresh(t, probe)
	points := x.s.count(t, x.s.job, probe)
	x.s.remove(probe)
	each(len(points), func(n int) {
		top := x.place()
		x.s.fresh(t, top)
		what := fmt.Sprintf("killed at %d (%s)", n, points[n-1])
		if !x.s.kill(t, x.s.job, top, n) {
			t.Errorf("%s: it was not", what)
		}
		x.add(t, state{top: top, what: what, depth: 1})
	})
	return len(points)
}

// explore lets the recovery of each state die before each of its effects, and
// that of each new state that comes of it, until there are no new ones. Every
// state has to recover to the old or the new.
func (x *explorer) explore(t *testing.T) {
	for len(x.todo) > 0 && !t.Failed() {
		round := x.todo
		x.todo = nil
		each(len(round), func(i int) { x.recoveries(t, round[i-1], i) })
	}
}

func (x *explorer) recoveries(t *testing.T, st state, i int) {
	whole := x.place()
	x.s.copy(t, st.top, whole)
	points := x.s.count(t, "recover", whole)
	x.s.recovered(t, st.what, whole)
	x.s.remove(whole)
	if st.rest != nil && slices.Equal(points, st.rest) {
		x.same.Add(int64(len(points)))
		points = nil
	}
	if st.depth == x.deepest {
		points = nil
	}
	for k := range points {
		if !allDeaths() && (i+k)%3 != 0 {
			continue
		}
		top := x.place()
		x.s.copy(t, st.top, top)
		what := fmt.Sprintf("%s, its recovery at %d (%s)", st.what, k+1, points[k])
		if !x.s.kill(t, "recover", top, k+1) {
			t.Errorf("%s: it was not killed", what)
		}
		x.deaths.Add(1)
		x.add(t, state{top, what, st.depth + 1, points[k:]})
	}
	x.s.remove(st.top)
}

// Killed before every effect, and then again before each third effect of the
// recovery, and so on until no death leads to anything new; PACKLIFT_DEATHS=all takes
// every effect.
func TestKilledAgainAndAgain(t *testing.T) {
	scenes(t, func(t *testing.T, s *scene) {
		x := newExplorer(t, s, 4)
		first := x.killedFirst(t)
		x.explore(t)
		t.Logf("%d first deaths, %d deaths of recoveries (and %d more that are the same): %v different states after 1, 2, … deaths in a row",
			first, x.deaths.Load(), x.same.Load(), x.states[1:])
	}, "apply", "revert", "full")
}

// turnBack has effect at of the run fail, and ends it before each effect that
// follows, or before one in so many.
func (x *explorer) turnBack(t *testing.T, at, oneIn int) (deaths int64) {
	top, what := x.place(), fmt.Sprintf("EIO at %d", at)
	x.s.fresh(t, top)
	list := top + ".count"
	x.s.spawn(x.s.job, top, fmt.Sprintf("count:%s,errno:%d:EIO", list, at))
	after := effects(t, list, top)
	x.s.remove(top)
	if len(after) < at || ofChangelog(after[at-1]) {
		return 0 // what a run only warns of, it does not turn back for
	}
	for last := at + 1; last <= len(after); last++ {
		if !allDeaths() && (at+last)%oneIn != 0 {
			continue
		}
		top := x.place()
		x.s.fresh(t, top)
		what := fmt.Sprintf("%s, killed at %d (%s)", what, last, after[last-1])
		if out, err := x.s.spawn(x.s.job, top, fmt.Sprintf("errno:%d:EIO,kill:%d", at, last)); !errors.Is(err, errKilled) {
			t.Errorf("%s: it was not killed: %v %s", what, err, out)
		}
		deaths++
		x.add(t, state{top: top, what: what, depth: 1, rest: after[last-1:]})
	}
	return deaths
}

// renameTo is the number of the effect that puts a file of the pack in place.
func renameTo(points []string, name string) int {
	return 1 + slices.Index(points, fmt.Sprintf("rename %q", "/pack/"+name))
}

// ofChangelog: the changelog's effects are the only ones in updates itself.
func ofChangelog(point string) bool {
	_, name, _ := strings.Cut(point, " ")
	name = strings.Trim(name, `"`)
	return name == "/pack/"+pack.Updates || filepath.Dir(name) == "/pack/"+pack.Updates && name != "/pack/"+dataDir
}

// An error at every effect of the commit, and then killed before each third effect of
// what the run does about it, or every one. Where all has to be put back, also before those of
// the recovery.
func TestKilledWhileTurningBack(t *testing.T) {
	scenes(t, func(t *testing.T, s *scene) {
		x := newExplorer(t, s, 1)
		probe := x.place()
		s.fresh(t, probe)
		points := s.count(t, s.job, probe)
		s.remove(probe)
		first := renameTo(points, journalName) - 8 // before it a run that fails does what a sweep does
		var deaths atomic.Int64
		each(len(points)-first, func(i int) { deaths.Add(x.turnBack(t, first+i, 3)) })
		x.explore(t)
		t.Logf("%d errors, %d deaths after them: %d different states", len(points)-first, deaths.Load(), x.states[1])
		x = newExplorer(t, s, 2)
		d := x.turnBack(t, renameTo(points, pack.StateFile), 1)
		x.explore(t)
		t.Logf("all moved back: %d deaths, %d of recoveries (and %d more that are the same): %v different states after 1, 2 deaths in a row",
			d, x.deaths.Load(), x.same.Load(), x.states[1:3])
		if d < 30 || x.deaths.Load() < 200 {
			t.Error("these are too few")
		}
	}, "apply", "revert")
}
