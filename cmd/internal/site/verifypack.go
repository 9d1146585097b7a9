package site

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"packlift/apply"
	"packlift/internal/cli"
)

const verifyPackLong = `Read the whole pack and compare it with the signed manifest of its level. Missing
and changed files end with exit code 17; files of the site's own are listed with -v and are no fault.`

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
	p, err := f.open()
	if err != nil {
		return err
	}
	defer p.Close()
	if err := warnInterrupted(c, p); err != nil {
		return err
	}
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
	if c.Verbose() {
		for _, name := range r.Extra {
			c.Data("", nil, "extra    "+cli.Clean(name))
		}
	}
	c.Result("", nil, fmt.Sprintf("%d entries of level %d checked: %d missing, %d changed; %d are the site's own",
		r.Checked, r.Level, len(r.Missing), len(r.Changed), len(r.Extra)))
}
