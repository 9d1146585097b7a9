package site

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/diff"
	"github.com/spf13/cobra"

	"packlift/apply"
	"packlift/internal/cli"
	"packlift/internal/pack"
)

const conflictsLong = `List the customized files that an update or a hotfix waits for, each with two
differences: what this site changed since the original, and what the update changes. Those that
are decided already, by F.final or by apply-update --ours and --theirs, come last, with what
decides them. Nothing is changed.`

func conflicts(c *cli.Console) *cobra.Command {
	var here packFlag
	names := false
	cmd := &cobra.Command{
		Use: "conflicts", Short: "List the files that an update or a hotfix waits for", Long: conflictsLong, Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			p, err := here.open()
			if err != nil {
				return err
			}
			defer p.Close()
			return sayConflicts(c, p, names)
		},
	}
	here.Flags(cmd.Flags())
	cmd.Flags().BoolVar(&names, "names", false, "list the names and reasons alone")
	return cmd
}

func sayConflicts(c *cli.Console, p *pack.Pack, names bool) error {
	w, err := apply.ReadPending(p)
	if err != nil {
		return err
	}
	if w == nil {
		c.Note("no update waits for decisions")
		return nil
	}
	var open, decided []waiting
	for i := range w.Conflicts {
		v, err := w.Versions(p, &w.Conflicts[i])
		if err != nil {
			return err
		}
		if one := newConflict(w.Conflicts[i].Conflict, v); one.Decided == "" {
			open = append(open, one)
		} else {
			decided = append(decided, one)
		}
	}
	for _, one := range slices.Concat(open, decided) {
		text := one.text(w)
		if names {
			one.Ours, one.Theirs, text = "", "", one.head()
		}
		c.Data("conflict", one, text)
	}
	sayOpen(c, w, len(open))
	return nil
}

// sayOpen tells what is to be done next.
func sayOpen(c *cli.Console, w *apply.Pending, open int) {
	if open == 0 {
		c.Note("all is decided; go on: %s", w.Command("--continue"))
		return
	}
	c.Note("open: %d of %d; when they are decided: %s", open, len(w.Conflicts), w.Command("--continue"))
}

// waiting is a conflict as it is printed. Ours and Theirs are unified differences
// from the original; they are empty where a version is no text, or is not there.
type waiting struct {
	apply.Conflict
	Files   []string `json:"files"` // of F.original, F.new and F.final those that are there
	Final   bool     `json:"final"`
	Decided string   `json:"decided"` // what decides it: final, ours, theirs, merged or gone; empty while it is open
	Ours    string   `json:"ours,omitempty"`
	Theirs  string   `json:"theirs,omitempty"`
	marker  int
}

func newConflict(x apply.Conflict, v *apply.Versions) waiting {
	out := waiting{Conflict: x, Files: v.Files, Final: v.Final, Decided: v.Decided, marker: v.Marker}
	if v.Original != nil && v.Ours != nil {
		out.Ours = string(diff.Diff(x.Path+".original", v.Original, x.Path, v.Ours))
	}
	if v.Original != nil && v.New != nil {
		out.Theirs = string(diff.Diff(x.Path+".original", v.Original, x.Path+".new", v.New))
	}
	return out
}

var decidedBy = map[string]string{
	apply.ByFinal: "decided: F.final is taken", apply.ByOurs: "decided: stays as it is here", apply.ByTheirs: "decided: the new version is taken",
	apply.ByMerge: "decided: merges now", apply.Gone: "decided: is the original again",
}

func (w *waiting) head() string {
	text := cli.Clean(w.Path) + ": "
	switch {
	case w.Decided != "":
		return text + decidedBy[w.Decided]
	case w.marker > 0:
		return text + fmt.Sprintf("%s (F.final is there, with a conflict marker in line %d)", w.Reason, w.marker)
	case w.Final:
		return text + w.Reason + " (F.final is there)"
	}
	return text + w.Reason
}

// text has the differences of what is open.
func (w *waiting) text(of *apply.Pending) string {
	if w.Decided != "" {
		return w.head()
	}
	what := "the update's change"
	if of.Hotfix > 0 {
		what = "the hotfix's change"
	}
	var b strings.Builder
	b.WriteString(w.head() + "\n")
	for _, d := range []struct{ title, text string }{{"this site's change", w.Ours}, {what, w.Theirs}} {
		if d.text == "" {
			continue
		}
		fmt.Fprintf(&b, "  %s:\n", d.title)
		for line := range strings.Lines(d.text) {
			if !strings.HasPrefix(line, "diff ") {
				fmt.Fprintf(&b, "    %s\n", cli.Clean(strings.TrimRight(line, "\r\n")))
			}
		}
	}
	return strings.TrimSuffix(b.String(), "\n")
}
