package site

import (
	"fmt"
	"strings"

	"packlift/apply"
	"packlift/internal/cli"
	"packlift/internal/count"
	"packlift/internal/fault"
	"packlift/internal/pack"
	"packlift/internal/typed"
)

// What is said of customized files that a decision is wanted for.

// howToDecide is what to type next; F stands for each file named.
func (a *applyFlags) howToDecide(pl *apply.Plan, w *apply.Pending) string {
	words := []string{"see " + typed.Import("conflicts"), waysToDecide(pl, besideText(pl, w))}
	if text := pl.RemedyElse(); text != "" { // has to be put right first
		words = append(words, text)
	}
	next := a.typed("--continue")
	if a.stage {
		next = typed.Import("stage --continue")
	}
	words = append(words, "then: "+next+typed.Keys(), "or give up: "+a.typed("--revert"))
	return strings.Join(words, "; ")
}

// sayIdle warns of patterns of this run that decide nothing, mistyped ones, say.
func (a *applyFlags) sayIdle(s *session, pl *apply.Plan) {
	for _, f := range []struct {
		flag  string
		globs []string
	}{{"--ours", a.ours}, {"--theirs", a.theirs}} {
		for _, g := range pl.Idle(f.globs) {
			if g.Preserved != "" {
				s.log.Warn(f.flag+" decides nothing of what is preserved ("+typed.Import("preserve list")+")", "glob", typed.Word(g.Glob), "path", g.Preserved)
				continue
			}
			s.log.Warn(f.flag+" decides nothing: no customized file that the "+wordOf(pl)+" changes matches", "glob", typed.Word(g.Glob))
		}
	}
}

// waysToDecide names the decisions that help, and the bundle to ask for where the
// update's version is not to be had.
func waysToDecide(pl *apply.Plan, beside string) string {
	told := pl.ToldFromOriginal()
	text := "for each file F write F.final" + beside + ", or add --ours GLOB"
	switch len(told) {
	case 0:
		return text + " or --theirs GLOB"
	case len(pl.Conflicts):
		return text + "; to take the update's version instead, " + pl.AskFor()
	}
	return text + " or --theirs GLOB; to take the new " + named(told) + ", " + pl.AskFor()
}

// besideText says which versions lie beside the files.
func besideText(pl *apply.Plan, w *apply.Pending) string {
	n := 0
	for _, x := range pl.Conflicts {
		for _, h := range w.Helpers {
			if h.Path == x.Path+".original" || h.Path == x.Path+".new" {
				n++
			}
		}
	}
	switch n {
	case 0:
		return ""
	case 2 * len(pl.Conflicts):
		return " (F.original and F.new lie beside it)"
	}
	return " (what the bundle has of F.original and F.new lies beside it)"
}

// named lists paths, as far as a message has room.
func named(paths []string) string {
	text := strings.Join(paths[:min(len(paths), maxNamed)], ", ")
	if len(paths) > maxNamed {
		text += ", …"
	}
	return cli.Clean(text)
}

// sayConflictsOf prints each conflict of a plan.
func sayConflictsOf(c *cli.Console, pl *apply.Plan) {
	for _, x := range pl.Conflicts {
		c.Data("conflict", x, fmt.Sprintf("conflict: %s: %s", cli.Clean(x.Path), x.Reason))
	}
}

// undecided is the error of a run whose conflicts can be decided here.
func undecided(pl *apply.Plan, still bool) *fault.Error {
	noun := count.Verb(len(pl.Conflicts), "file of this site needs", "files of this site need")
	more := ""
	if still {
		more = " still"
	}
	return fault.New(fault.Conflict, "%d %s a decision%s; the pack is whole, at level %s", len(pl.Conflicts), noun, more, pack.LevelName(pl.From))
}

// foretell ends a dry run that met conflicts: it says what the run itself would do.
func (a *applyFlags) foretell(c *cli.Console, pl *apply.Plan) error {
	sayConflictsOf(c, pl)
	if !pl.Suspends() {
		return undecidable(pl)
	}
	text := waysToDecide(pl, "") + ", at once or after a run without --dry-run, which waits for that and lays F.original and F.new beside each F, as far as the bundle has them"
	if other := pl.RemedyElse(); other != "" {
		text = other + "; " + text
	}
	return undecided(pl, a.goOn).WithHint("%s", text)
}

// undecidable is the error of a run that no decision helps: nothing waits.
func undecidable(pl *apply.Plan) error {
	hint := pl.Remedy() + "; then type: " + cli.Again()
	if pl.WantsOther() {
		hint = pl.AskFor() + "; or " + pl.PutBack() + ", then type: " + cli.Again()
		if other := pl.RemedyElse(); other != "" {
			hint = other + "; " + hint
		}
	}
	return fault.New(fault.Conflict, "%d %s in the way; the pack is untouched, at level %s", len(pl.Conflicts), count.Verb(len(pl.Conflicts), "file of this site is", "files of this site are"), pack.LevelName(pl.From)).WithHint("%s", hint)
}
