package site

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"packlift/apply"
	"packlift/internal/cli"
	"packlift/internal/count"
)

const verifyPackLong = `Read the whole pack and compare it with the signed manifest of its level. Missing
and changed files end with exit code 17. What differs and is known is listed and is no fault: files that an update
merged, or left by a decision (F.final, apply-update --ours), while they are as it left them, and preserved ones. Nor are files of
the site's own, which -v lists.`

func verifyPack(c *cli.Console) *cobra.Command {
	var f packFlag
	var jobs int
	cmd := &cobra.Command{
		Use: "verify-pack", Short: "Compare the installed tree with its manifest", Long: verifyPackLong, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runVerifyPack(cmd.Context(), c, &f, jobs) },
	}
	f.Flags(cmd.Flags())
	cmd.Flags().IntVar(&jobs, "jobs", 0, "work on `N` cores (default: all)")
	return cmd
}

func runVerifyPack(ctx context.Context, c *cli.Console, f *packFlag, jobs int) error {
	p, err := f.openToRead(c)
	if err != nil {
		return err
	}
	defer p.Close()
	r, err := apply.VerifyPack(ctx, p, jobs)
	if err != nil {
		return err
	}
	sayPackReport(c, r)
	return r.Err()
}

func sayPackReport(c *cli.Console, r *apply.PackReport) {
	if c.JSON() {
		c.Data("pack_report", r, "")
		return
	}
	for _, name := range r.Missing {
		c.Data("", nil, "missing  "+cli.Clean(name))
	}
	for _, x := range r.Changed {
		c.Data("", nil, fmt.Sprintf("changed  %s: %s", cli.Clean(x.Path), x.Reason))
	}
	how := map[string]int{}
	for _, x := range r.Known {
		how[x.As]++
		c.Data("", nil, fmt.Sprintf("%-8s %s: %s", x.As, cli.Clean(x.Path), x.Reason))
	}
	if c.Verbose() {
		for _, name := range r.Extra {
			c.Data("", nil, "extra    "+cli.Clean(name))
		}
	}
	text := fmt.Sprintf("%s of level %d checked: %d missing, %d changed", cli.Count(r.Checked, "entry"), r.Level, len(r.Missing), len(r.Changed))
	if len(r.Known) > 0 {
		text += fmt.Sprintf("; %d known to differ (%d merged, %d decided, %d preserved)", len(r.Known), how[apply.AsMerged], how[apply.AsDecided], how[apply.AsPreserved])
	}
	c.Result("", nil, text+fmt.Sprintf("; %s the site's own", count.Are(len(r.Extra), "entry")))
}
