package main

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"packlift/cmd/internal/common"
	"packlift/internal/cli"
	"packlift/internal/depot"
	"packlift/internal/fault"
	"packlift/internal/fetch"
	"packlift/verify"
)

func depotCommand(c *cli.Console) *cobra.Command {
	cmd := &cobra.Command{Use: "depot", Short: "Check a depot, or remove what it does not need"}
	cmd.AddCommand(depotCheck(c), depotPrune(c))
	return cmd
}

const depotCheckLong = `Read all that a depot's signed index leads to, and compare it with what is stated of it:
signatures, lists, every content and delta as stored and unpacked, advisories, tools with their
statements. Names each file that is not as it should be (exit code 10).`

// depotOne are the flags of the commands that work on one product of a depot.
type depotOne struct {
	depot   depotFlags
	product cli.Product
	trust   string
}

func (a *depotOne) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.Var(&a.product, "product", "the product")
	f.StringVar(&a.trust, "trust", "", "the trust set in `DIR` says who may publish")
	common.Require(cmd, "depot", "product", "trust")
}

func (a *depotOne) open(ctx context.Context, c *cli.Console) (*opened, *verify.TrustSet, error) {
	trust, err := common.ReadTrust(c, a.trust)
	if err != nil {
		return nil, nil, err
	}
	o, err := a.depot.open(ctx, c, a.product.Name, a.product.Version, "", trust)
	return o, trust, err
}

func depotCheck(c *cli.Console) *cobra.Command {
	a := new(depotOne)
	jobs := 0
	cmd := &cobra.Command{
		Use: "check", Short: "Compare every file of a depot with what is signed", Long: depotCheckLong, Args: cobra.NoArgs,
		Example: "  packlift-export depot check --depot depot --product wso2am-4.2.0 --trust trust",
		RunE: func(cmd *cobra.Command, _ []string) error {
			o, _, err := a.open(cmd.Context(), c)
			if err != nil {
				return err
			}
			defer o.Close()
			return runDepotCheck(cmd.Context(), c, o.View, jobs)
		},
	}
	a.depot.Flags(cmd.Flags())
	a.flags(cmd)
	cmd.Flags().IntVar(&jobs, "jobs", 0, "work on `N` cores (default: all)")
	return cmd
}

func runDepotCheck(ctx context.Context, c *cli.Console, v *depot.View, jobs int) error {
	if jobs <= 0 {
		jobs = runtime.GOMAXPROCS(0)
	}
	show := common.Stages{Console: c}
	out, err := v.Check(ctx, jobs, func(done, total int64) { show.At("check", done, total) })
	show.Done()
	if err != nil {
		return err
	}
	for _, f := range out.Faults {
		c.Data("fault", f, fmt.Sprintf("%-12s %s", f.Class, f.Reason))
	}
	x := &v.Index
	if len(out.Faults) > 0 {
		return fault.New(fault.Tampered, "the depot of %s-%s is not whole: %s", x.Product, x.Version, cli.Count(len(out.Faults), "fault")).
			WithHint("bring the files named back from a mirror or a copy; contents that are gone are published with a later level")
	}
	c.Result("depot", out, fmt.Sprintf("%s-%s: index %d of %s, signed by %s; %s, %s of %s, %s: all as stated",
		x.Product, x.Version, x.Serial, x.Date.Format(time.DateOnly), signerNames(v.Signers), cli.Count(out.Levels, "level"),
		cli.Count(out.Files, "file"), cli.Bytes(out.Bytes), cli.Count(out.Tools, "tool")))
	return nil
}

func signerNames(list []verify.Signer) string {
	var names []string
	for _, s := range list {
		names = append(names, s.Principal)
	}
	return strings.Join(names, ", ")
}

const depotPruneLong = `Remove files of a depot that its signed index does not lead to: what publishers left that
were killed, and tools that newer ones replaced. Levels stay. While it runs nobody publishes.`

func depotPrune(c *cli.Console) *cobra.Command {
	a := new(depotOne)
	var wait cli.Duration
	var dry bool
	cmd := &cobra.Command{
		Use: "prune", Short: "Remove files of a depot that nothing needs", Long: depotPruneLong, Args: cobra.NoArgs,
		Example: "  packlift-export depot prune --depot depot --product wso2am-4.2.0 --trust trust --dry-run",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.prune(cmd.Context(), c, time.Duration(wait), dry)
		},
	}
	cmd.Flags().StringVar(&a.depot.location, "depot", "", "the depot's `DIR`: it is pruned where it lies")
	a.flags(cmd)
	cmd.Flags().Var(&wait, "lock-timeout", "wait this long while another run works on the depot")
	cmd.Flags().BoolVar(&dry, "dry-run", false, "print what would be removed, and remove nothing")
	return cmd
}

func (a *depotOne) prune(ctx context.Context, c *cli.Console, wait time.Duration, dry bool) error {
	if fetch.Remote(a.depot.location) {
		return fault.New(fault.Usage, "a depot is pruned where it lies, not over HTTP").WithHint("give its folder with --depot DIR")
	}
	there, _, err := a.open(ctx, c) // before anything is made
	if err != nil {
		return err
	}
	there.Close()
	store, err := depot.OpenStore(ctx, a.depot.location, a.product.Name, a.product.Version, wait)
	if err != nil {
		return err
	}
	defer store.Close()
	o, _, err := a.open(ctx, c) // as it is under the lock
	if err != nil {
		return err
	}
	defer o.Close()
	out, err := store.Prune(ctx, o.View, dry)
	if err != nil {
		return err
	}
	for _, name := range out.Files {
		c.Detail("%s", name)
	}
	done := "removed"
	if dry {
		done = "would be removed"
	} else {
		c.Changed()
	}
	c.Result("pruned", out, fmt.Sprintf("%s of %s %s", cli.Count(len(out.Files), "file"), cli.Bytes(out.Bytes), done))
	return nil
}
