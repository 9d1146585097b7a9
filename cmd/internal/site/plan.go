package site

import (
	"fmt"
	"strings"

	"packlift/apply"
	"packlift/internal/cli"
	"packlift/internal/count"
	"packlift/internal/pack"
)

// sayPlan prints what a run would do: counts, with -v each path, and space.
func sayPlan(c *cli.Console, pl *apply.Plan) {
	var b strings.Builder
	fmt.Fprintf(&b, "%s-%s: %s from level %s to %s", pl.Product, pl.Version, pl.Kind, pack.LevelName(pl.From), pack.LevelName(pl.To))
	if pl.Hotfix() > 0 {
		fmt.Fprintf(&b, ", hotfix %d", pl.Hotfix())
	}
	b.WriteByte('\n')
	for i, l := range []struct {
		name  string
		paths []string
	}{{"added", pl.Added}, {"updated", pl.Modified}, {"removed", pl.Removed}, {"merged", pl.Merged}, {"ours", pl.Ours}, {"preserved", pl.Preserved}, {"folders kept", pl.Kept}} {
		if i > 2 && len(l.paths) == 0 {
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

// maxNamed caps the paths that a warning names; the log has them all.
const maxNamed = 5

// sayDifferent warns where a tree that was never updated is not the level that
// it is said to hold. A plan printed as JSON has the list already.
func sayDifferent(s *session, pl *apply.Plan) {
	if len(pl.Different) == 0 {
		return
	}
	var named []string
	for i, x := range pl.Different {
		s.log.Info("differs from the level", "path", x.Path, "how", x.Reason)
		if i < maxNamed {
			named = append(named, cli.Clean(x.Path)+" ("+x.Reason+")")
		}
	}
	if len(pl.Different) > maxNamed {
		named = append(named, "…")
	}
	level := fmt.Sprintf("%s-%s level %s", pl.Product, pl.Version, pack.LevelName(pl.From))
	if s.c.JSON() {
		s.c.Data("different", map[string]any{"level": level, "entries": pl.Different}, "")
		return
	}
	s.c.Warn("%s of %s %s missing or different here: %s", count.Of(len(pl.Different), "path"), level, count.Verb(len(pl.Different), "is", "are"), strings.Join(named, ", "))
}

// refuseConflicts lists customized files, each with its reason, and ends the
// run; the pack is untouched.
func refuseConflicts(c *cli.Console, pl *apply.Plan) error {
	if len(pl.Conflicts) == 0 {
		return nil
	}
	sayConflictsOf(c, pl)
	return undecidable(pl)
}
