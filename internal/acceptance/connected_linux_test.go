//go:build failpoint

package acceptance

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// updateAct is what brings a connected pack up from a depot of the two levels, by the built exporter.
func (c *crash) updateAct(t *testing.T) *act {
	t.Helper()
	depot := filepath.Join(t.TempDir(), "depot")
	c.publish(depot, c.old, "0")
	c.publish(depot, filepath.Join(filepath.Dir(c.old), "to"), "10")
	return &act{name: "update", version: "1.3.0", program: "packlift-export", args: []string{"update", "DIR/pack", "--depot", depot}, lay: c.layOld, settle: c.recovers}
}

func (c *crash) publish(depot, tree, level string) {
	c.t.Helper()
	c.want(0, "packlift-export", "publish", tree, "--depot", depot, "--product", "demo-1.0.0", "--level", level,
		"--sign-key", c.key("alice"), "--sign-key", c.key("bob"), "--trust", c.trust, "--tools", c.tools)
}

// oneErrorIn is how many effects there are to each that fails: what is applied is the importer's code, which meets them all.
const oneErrorIn = 5

// TestHookedUpdate kills an update in place before each of its file effects, and has some fail: the pack is
// found old or new, and whole; where it is old the same command brings it to the new level.
func TestHookedUpdate(t *testing.T) {
	c := newCrash(t)
	a := c.updateAct(t)
	a.before(t)
	points := a.effects(t, a.from)
	for how, step := range map[string]int{"kill:%d": 1, "errno:%d:ENOSPC": oneErrorIn} {
		var ends tally
		each(len(points)/step, func(n int) {
			n *= step
			dir := copied(t, a.from)
			defer os.RemoveAll(dir)
			failpoint := fmt.Sprintf(how, n)
			what := fmt.Sprintf("update, %s, %s", failpoint, points[n-1])
			r, err := a.on(t, dir, failpoint)
			if strings.HasPrefix(how, "kill") != (err == errKilled) {
				t.Errorf("%s: exit code %d\n%s", what, r.code, r.out)
			}
			end := a.settle(t, what, dir)
			ends.add(end)
			if end != "level 10" {
				if r, err := a.on(t, dir, ""); err != nil || r.code != 0 || c.whole(t, what+", again", dir) != "level 10" {
					t.Errorf("%s: again: exit code %d\n%s", what, r.code, r.out)
				}
			}
		})
		t.Logf("%s: %d effects: %v", how, len(points), ends.ends)
		if len(points) < 40 || len(ends.ends) != 2 {
			t.Error("that is not what such a run does")
		}
	}
}
