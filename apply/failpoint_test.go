//go:build failpoint && linux

package apply

import (
	"fmt"
	"path/filepath"
	"sync"
	"testing"
)

// Killed before every effect: the next run brings exactly the old or the new.
func TestKilledAnywhere(t *testing.T) {
	scenes(t, killedAnywhere)
}

func killedAnywhere(t *testing.T, s *scene) {
	work := s.work(t)
	probe := filepath.Join(work, "probe")
	s.fresh(t, probe)
	points := s.count(t, s.job, probe)
	var mu sync.Mutex
	ends := map[bool]int{}
	each(len(points), func(n int) {
		top := filepath.Join(work, fmt.Sprint(n))
		s.fresh(t, top)
		what := fmt.Sprintf("killed before %d, %s", n, points[n-1])
		if !s.kill(t, s.job, top, n) {
			t.Errorf("%s: it was not", what)
		}
		onNew := s.recovered(t, what, top)
		if onNew {
			s.andBack(t, what, top)
		}
		mu.Lock()
		ends[onNew]++
		mu.Unlock()
		s.remove(top)
	})
	s.remove(probe)
	t.Logf("%d points, %d deaths: old %d times, new %d times", len(points), len(points), ends[false], ends[true])
	if least := map[bool]int{true: 70, false: 100}[s.job == "heal"]; len(points) < least || ends[false] == 0 || ends[true] == 0 {
		t.Error("these are too few, or recovery never goes both ways")
	}
}
