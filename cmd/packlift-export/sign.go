package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"packlift/cmd/internal/common"
	"packlift/internal/cli"
	"packlift/internal/export"
	"packlift/internal/fault"
	"packlift/internal/sigfiles"
)

const signLong = `Add signatures to a bundle, after reading it whole. They go into BUNDLE.sigs/,
which has to travel beside the bundle, or with --embed into the bundle itself, which is rewritten with its .sha256.`

type signFlags struct {
	keys  common.SignKeys
	embed bool
	jobs  int
}

func sign(c *cli.Console) *cobra.Command {
	a := new(signFlags)
	cmd := &cobra.Command{
		Use: "sign BUNDLE", Short: "Countersign a bundle", Long: signLong, Args: cobra.ExactArgs(1),
		Example:           "  packlift-export sign --sign-key keys/site stick/wso2am-4.2.0-0003-0010.packlift",
		ValidArgsFunction: common.CompleteBundle,
		RunE:              func(cmd *cobra.Command, args []string) error { return a.run(cmd.Context(), c, args[0]) },
	}
	a.keys.Flags(cmd.Flags())
	cmd.Flags().BoolVar(&a.embed, "embed", false, "put the signatures into the bundle itself")
	cmd.Flags().IntVar(&a.jobs, "jobs", 0, "work on `N` cores (default: all)")
	return cmd
}

func (a *signFlags) run(ctx context.Context, c *cli.Console, bundle string) error {
	info, err := os.Stat(bundle)
	if err != nil {
		return common.Missing("bundle", bundle, err)
	}
	if !info.Mode().IsRegular() {
		return fault.New(fault.Usage, "%s is not a regular file", bundle).WithHint("give the bundle's own file: the signatures go beside it or into it")
	}
	signers, err := a.keys.Load(ctx, c)
	if err != nil {
		return err
	}
	defer common.CloseSigners(signers)
	show := c.Progress("verify", -1)
	written, err := export.Sign(ctx, export.SignOptions{Bundle: bundle, Signers: signers, Embed: a.embed, Jobs: a.jobs, Progress: show.Add})
	show.Done()
	if err != nil {
		return cli.OnFullDisk(common.WithHint(bundle, err), bundle)
	}
	c.Changed()
	text := "signed: " + strings.Join(written, "\nsigned: ")
	if !a.embed {
		text += fmt.Sprintf("\ncarry the folder %s along, beside the bundle", sigfiles.Dir(bundle))
	}
	c.Result("signed", map[string]any{"bundle": bundle, "written": written}, text)
	return nil
}
