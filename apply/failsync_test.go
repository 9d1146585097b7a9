//go:build failpoint && linux

package apply

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A stage is synced as a whole: before the first syncfs only its note is synced, and
// the folders that lead to it, however many files there are.
func TestStageIsSyncedAtOnce(t *testing.T) {
	scenes(t, func(t *testing.T, s *scene) {
		top := filepath.Join(s.work(t), "probe")
		s.fresh(t, top)
		var syncs []string
		for _, effect := range s.count(t, s.job, top) {
			op, name, _ := strings.Cut(effect, " ")
			if op == "syncfs" {
				break
			}
			if strings.HasPrefix(op, "sync") {
				syncs = append(syncs, op+" "+name)
			}
		}
		t.Logf("%q", syncs)
		if len(syncs) != 4 || slices.IndexFunc(syncs, func(e string) bool { return strings.HasPrefix(e, "sync ") }) != 0 {
			t.Errorf("before the first syncfs: %q", syncs)
		}
	}, "apply", "full", "chain", "apply across mounts", "revert")
}
