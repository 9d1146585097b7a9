//go:build disks

package acceptance

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// foreseen runs a command with --dry-run and gives the bytes and inodes that it says
// the command needs, on the one file system that there is.
func (s *site) foreseen(args ...string) (bytes, inodes int64) {
	s.t.Helper()
	out := s.want(0, "packlift-import", append(args, "--dry-run", "--json", "-q")...)
	for line := range strings.Lines(out) {
		var plan struct {
			Kind  string `json:"message_type"`
			Space []struct {
				Need   int64 `json:"need"`
				Inodes int64 `json:"need_inodes"`
			} `json:"space"`
		}
		if json.Unmarshal([]byte(line), &plan) == nil && plan.Kind == "plan" && len(plan.Space) == 1 {
			return plan.Space[0].Need, plan.Space[0].Inodes
		}
	}
	s.t.Fatalf("no plan on one file system in:\n%s", out)
	return 0, 0
}

// TestDiskDryRun: with just what a dry run asks for the run goes through, the log that
// the dry run does not write among it; with a block less it is refused, or has
// two blocks at most to spare.
func TestDiskDryRun(t *testing.T) {
	bothDisks(t, 24, func(t *testing.T, d *fullDisk) {
		s, bundle, from, to := sharedSite(t)
		pack := filepath.Join(d.dir, "pack")
		copyTo(t, from, pack)
		s.want(0, "packlift-import", "init", "--pack", pack, "--product", "demo-1.0.0", "--level", "0", "--trust", s.trust, "--yes")
		apply := []string{"apply-update", "--pack", pack, "-i", s.identity, bundle}
		revert := []string{"revert", "--pack", pack}
		for _, logs := range []string{"no log yet", "logs there"} {
			if logs == "no log yet" { // what init and the others wrote
				if err := os.RemoveAll(filepath.Join(pack, "updates/logs")); err != nil {
					t.Fatal(err)
				}
			}
			d.exactly(t, s, logs+", apply", apply, 0)
			s.wholeAt(logs, pack, to, "10")
			d.exactly(t, s, logs+", revert", revert, 4)
			s.wholeAt(logs, pack, from, "0")
		}
	})
}

// exactly runs a command with ever more room from a few blocks below what its dry
// run asks for.
func (d *fullDisk) exactly(t *testing.T, s *site, what string, args []string, code int) {
	t.Helper()
	d.room(t)
	need, _ := s.foreseen(args...)
	log := filepath.Join(args[2], "updates/logs")
	_, before := os.Stat(log)
	for free := need - 3*block; free <= need; free += block {
		if before != nil { // a refused run makes the folder of the logs
			if err := os.RemoveAll(log); err != nil {
				t.Fatal(err)
			}
		}
		d.leave(t, free)
		r := run(t, s.dir, tool(t, "packlift-import"), args...)
		short := (need - free) / block
		if r.code == code {
			t.Logf("%s: %d bytes are foreseen, done with %d blocks less", what, need, short)
			if short > 2 {
				t.Errorf("%s: done with %d blocks less than was foreseen", what, short)
			}
			d.room(t)
			return
		}
		if r.code != 16 || short == 0 {
			t.Fatalf("%s: %d bytes are foreseen and %d free: exit code %d\n%s", what, need, free, r.code, r.out)
		}
	}
	t.Fatal(fmt.Sprint(what, ": never done"))
}
