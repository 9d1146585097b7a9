package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"packlift/bundle"
	"packlift/cmd/internal/common"
	"packlift/internal/cli"
	"packlift/internal/export"
	"packlift/internal/fault"
	"packlift/internal/keys"
	"packlift/internal/sigfiles"
)

const signLong = `Add signatures to a bundle, after reading it whole: by a key that is here, or with --signature one that
was made elsewhere, with stock tools alone, and is proved against the bundle before it is added:

  tar -xOf BUNDLE SHA256SUMS >SHA256SUMS
  ssh-keygen -Y sign -n packlift-bundle@v1 -f KEY SHA256SUMS

makes SHA256SUMS.sig. Signatures go into BUNDLE.sigs/,
which has to travel beside the bundle, or with --embed into the bundle itself, which is rewritten with its .sha256.`

type signFlags struct {
	keys  common.SignKeys
	given []string
	embed bool
	jobs  int
}

func sign(c *cli.Console) *cobra.Command {
	a := new(signFlags)
	cmd := &cobra.Command{
		Use: "sign BUNDLE", Short: "Countersign a bundle", Long: signLong, Args: cobra.ExactArgs(1),
		Example: "  packlift-export sign --sign-key keys/site stick/wso2am-4.2.0-0003-0010.packlift\n" +
			"  packlift-export sign --signature SHA256SUMS.sig stick/wso2am-4.2.0-0003-0010.packlift",
		ValidArgsFunction: common.CompleteBundle,
		RunE:              func(cmd *cobra.Command, args []string) error { return a.run(cmd.Context(), c, args[0]) },
	}
	a.keys.Flags(cmd.Flags())
	cmd.Flags().StringArrayVar(&a.given, "signature", nil, "add the signature in `FILE`, which ssh-keygen made over the bundle's SHA256SUMS (repeatable)")
	cmd.MarkFlagsOneRequired("sign-key", "signature")
	cmd.Flags().BoolVar(&a.embed, "embed", false, "put the signatures into the bundle itself")
	cmd.Flags().IntVar(&a.jobs, "jobs", 0, "work on `N` cores (default: all)")
	return cmd
}

func (a *signFlags) run(ctx context.Context, c *cli.Console, name string) error {
	info, err := os.Stat(name)
	if err != nil {
		return common.Missing("bundle", name, err)
	}
	if !info.Mode().IsRegular() {
		return fault.New(fault.Usage, "%s is not a regular file", name).WithHint("give the bundle's own file: the signatures go beside it or into it")
	}
	given, err := a.readGiven(ctx, c)
	if err != nil {
		return err
	}
	var signers []keys.Signer
	if a.keys.Given() || len(given) == 0 {
		if signers, err = a.keys.Load(ctx, c); err != nil {
			return err
		}
	}
	defer common.CloseSigners(signers)
	show := c.Progress("verify", -1)
	written, err := export.Sign(ctx, export.SignOptions{Bundle: name, Signers: signers, Signatures: given, Embed: a.embed, Jobs: a.jobs, Progress: show.Add})
	show.Done()
	if err != nil {
		return cli.OnFullDisk(common.WithHint(name, err), name)
	}
	c.Changed()
	text := "signed: " + strings.Join(written, "\nsigned: ")
	if !a.embed {
		text += fmt.Sprintf("\ncarry the folder %s along, beside the bundle", sigfiles.Dir(name))
	}
	c.Result("signed", map[string]any{"bundle": name, "written": written}, text)
	return nil
}

// readGiven reads the signatures that were made elsewhere.
func (a *signFlags) readGiven(ctx context.Context, c *cli.Console) (out []export.GivenSignature, err error) {
	for _, name := range a.given {
		text, err := common.ReadSmall(ctx, c, "signature", name, bundle.MaxSignature)
		if err != nil {
			return nil, err
		}
		out = append(out, export.GivenSignature{Name: name, Text: text})
	}
	return out, nil
}
