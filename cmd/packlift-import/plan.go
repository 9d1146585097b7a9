package main

import (
	"fmt"
	"strings"

	"packlift/apply"
	"packlift/internal/cli"
	"packlift/internal/fault"
	"packlift/internal/pack"
)

// sayPlan prints what a run would do: counts, with -v each path, and space.
func sayPlan(c *cli.Console, pl *apply.Plan) {
	var b strings.Builder
	fmt.Fprintf(&b, "%s-%s: %s from level %s to %s\n", pl.Product, pl.Version, pl.Kind, pack.LevelName(pl.From), pack.LevelName(pl.To))
	for _, l := range []struct {
		name  string
		paths []string
	}{{"added", pl.Added}, {"updated", pl.Modified}, {"removed", pl.Removed}, {"folders kept", pl.Kept}} {
		if l.name == "folders kept" && len(l.paths) == 0 {
			continue
		}
		fmt.Fprintf(&b, "%-10s %d\n", l.name, len(l.paths))
		if c.Verbose() {
			for _, p := range l.paths {
				fmt.Fprintf(&b, "  %s\n", cli.Clean(p))
			}
		}
	}
	for _, s := range pl.Space {
		fmt.Fprintf(&b, "space      %s: %s needed, %s free\n", s.Dir, cli.Bytes(int64(s.Need)), cli.Bytes(int64(s.Free)))
	}
	if pl.Backup != "" {
		fmt.Fprintf(&b, "backup     %s\n", pl.Backup)
	}
	c.Data("plan", pl, strings.TrimSuffix(b.String(), "\n"))
}

// refuseConflicts lists customized files, each with its reason, and ends the
// run; the pack is untouched.
func refuseConflicts(c *cli.Console, pl *apply.Plan) error {
	if len(pl.Conflicts) == 0 {
		return nil
	}
	for _, x := range pl.Conflicts {
		c.Data("conflict", x, fmt.Sprintf("conflict: %s: %s", cli.Clean(x.Path), x.Reason))
	}
	noun := "file of this site is"
	if len(pl.Conflicts) > 1 {
		noun = "files of this site are"
	}
	return fault.New(fault.Conflict, "%d %s in the way; the pack is untouched, at level %s", len(pl.Conflicts), noun, pack.LevelName(pl.From)).
		WithHint("move each listed file aside, or put the original back, and run the same command again")
}
