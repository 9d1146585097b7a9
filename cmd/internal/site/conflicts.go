package site

import (
	"fmt"
	"strings"

	"github.com/rogpeppe/go-internal/diff"
	"github.com/spf13/cobra"

	"packlift/apply"
	"packlift/internal/cli"
	"packlift/internal/pack"
)

const conflictsLong = `List the customized files that an update waits for, each with two differences: what
this site changed since the original, and what the update changes. Nothing is changed.`

func conflicts(c *cli.Console) *cobra.Command {
	var here packFlag
	names := false
	cmd := &cobra.Command{
		Use: "conflicts", Short: "List the files that an update waits for", Long: conflictsLong, Args: cobra.NoArgs,
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
	for _, x := range w.Conflicts {
		v, err := w.Versions(p, x.Path)
		if err != nil {
			return err
		}
		one := newConflict(x, v)
		text := one.text()
		if names {
			one.Ours, one.Theirs, text = "", "", one.head()
		}
		c.Data("conflict", one, text)
	}
	return nil
}

// waiting is a conflict as it is printed. Ours and Theirs are unified differences
// from the original; they are empty where a version is no text, or is not there.
type waiting struct {
	apply.Conflict
	Files  []string `json:"files"` // of F.original, F.new and F.final those that are there
	Final  bool     `json:"final"`
	Ours   string   `json:"ours,omitempty"`
	Theirs string   `json:"theirs,omitempty"`
}

func newConflict(x apply.Conflict, v *apply.Versions) waiting {
	out := waiting{Conflict: x, Files: v.Files, Final: v.Final}
	if v.Original != nil && v.Ours != nil {
		out.Ours = string(diff.Diff(x.Path+".original", v.Original, x.Path, v.Ours))
	}
	if v.Original != nil && v.New != nil {
		out.Theirs = string(diff.Diff(x.Path+".original", v.Original, x.Path+".new", v.New))
	}
	return out
}

func (w *waiting) head() string {
	text := fmt.Sprintf("%s: %s", cli.Clean(w.Path), w.Reason)
	if w.Final {
		text += " (F.final is there)"
	}
	return text
}

func (w *waiting) text() string {
	var b strings.Builder
	b.WriteString(w.head() + "\n")
	for _, d := range []struct{ title, text string }{{"this site's change", w.Ours}, {"the update's change", w.Theirs}} {
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
