package site

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"packlift/internal/cli"
	"packlift/internal/fault"
	"packlift/internal/pack"
	"packlift/internal/typed"
)

const preserveLong = `Patterns of paths that no update may touch, written as in a .gitignore at the pack's
top: what this site keeps of its own among the product's files. Products of WSO2 have
patterns by default; they stand until the list is changed. What an update changes under a
preserved path is told, and left alone; what it adds comes in.`

func preserve(c *cli.Console) *cobra.Command {
	cmd := &cobra.Command{
		Use: "preserve", Short: "List or change the paths that no update may touch", Long: preserveLong,
		Example: "  packlift-import preserve list\n  packlift-import preserve add '/conf/keys/' '*.local'",
	}
	cmd.AddCommand(preserveList(c), preserveEdit(c, "add", "Preserve paths that match PATTERN", addPatterns), preserveEdit(c, "remove", "Take PATTERN off the list", removePatterns))
	return cmd
}

type patterns struct {
	Patterns []string `json:"patterns"`
	Default  bool     `json:"default"`
}

func preserveList(c *cli.Console) *cobra.Command {
	var here packFlag
	cmd := &cobra.Command{
		Use: "list", Short: "List the patterns", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			p, err := here.open()
			if err != nil {
				return err
			}
			defer p.Close()
			l, err := p.Preserve()
			if err != nil {
				return err
			}
			return sayPatterns(c, l)
		},
	}
	here.Flags(cmd.Flags())
	return cmd
}

func sayPatterns(c *cli.Console, l *pack.Preserve) error {
	if l.Default && len(l.Lines) > 0 {
		c.Note("the product's default patterns:")
	}
	if len(l.Lines) == 0 {
		c.Note("no path is preserved")
	}
	if len(l.Lines) > 0 || c.JSON() {
		c.Data("preserve", patterns{append([]string{}, l.Lines...), l.Default}, strings.Join(l.Lines, "\n"))
	}
	return nil
}

// edit changes a list of lines; missing names a pattern that is not in it.
type edit func(lines, words []string) (out []string, missing string)

func addPatterns(lines, words []string) ([]string, string) { return merged(lines, words), "" }

func removePatterns(lines, words []string) ([]string, string) {
	for _, w := range words {
		i := slices.Index(lines, w)
		if i < 0 {
			return nil, w
		}
		lines = slices.Delete(lines, i, i+1)
	}
	return lines, ""
}

func preserveEdit(c *cli.Console, name, short string, change edit) *cobra.Command {
	var w writeFlags
	cmd := &cobra.Command{
		Use: name + " PATTERN…", Short: short, Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return editPreserve(cmd.Context(), c, &w, change, args) },
	}
	w.Flags(cmd.Flags())
	return cmd
}

func editPreserve(ctx context.Context, c *cli.Console, w *writeFlags, change edit, words []string) (err error) {
	s, err := w.begin(ctx, c, "preserve")
	if err != nil {
		return err
	}
	defer s.closing(&err)
	before, err := s.Preserve()
	if err != nil {
		return err
	}
	patterns := make([]string, len(words))
	for i, w := range words {
		patterns[i] = slashed(w)
	}
	lines, missing := change(slices.Clone(before.Lines), patterns)
	if missing != "" {
		return fault.New(fault.Usage, "%q is not on the list", missing).WithHint("see %s", typed.Import("preserve list"))
	}
	if _, err := pack.ParsePreserve(strings.Join(lines, "\n")); err != nil {
		return fault.New(fault.Usage, "%w", err).WithHint("write a pattern as in .gitignore")
	}
	if err := s.SavePreserve(lines); err != nil {
		return err
	}
	s.c.Changed()
	after, err := s.Preserve()
	if err != nil {
		return err
	}
	return sayPatterns(c, after)
}
