package main

import (
	"context"
	"path/filepath"

	"github.com/spf13/cobra"

	"packlift/cmd/internal/common"
	"packlift/internal/cli"
	"packlift/internal/export"
	"packlift/internal/summary"
)

const getSummaryLong = `Write what the levels above A, up to B, say of themselves, as a depot has it, into
update-summary-000A-000B.md: in the updates folder of --pack, or where --output says; - is standard output.`

func getSummary(c *cli.Console) *cobra.Command {
	a := new(asking)
	var packDir, output string
	cmd := &cobra.Command{
		Use: "get-summary A B", Short: "Write a readable summary of a depot's levels", Long: getSummaryLong, Args: cobra.ExactArgs(2),
		Example: "  packlift-export get-summary 3 10 --depot depot --product wso2am-4.2.0 --trust trust",
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.summary(cmd.Context(), c, packDir, output, args)
		},
	}
	a.flags(cmd.Flags())
	common.Require(cmd, "depot")
	cmd.Flags().StringVar(&packDir, "pack", "", "the connected pack in `DIR`")
	cmd.Flags().StringVarP(&output, "output", "o", "", "write to `FILE`, or into a folder under the usual name")
	return cmd
}

func (a *asking) summary(ctx context.Context, c *cli.Console, packDir, output string, args []string) error {
	o, err := a.open(ctx, c, packDir)
	if err != nil {
		return err
	}
	defer o.Close()
	x := &o.View.Index
	from, to, err := common.LevelRange(x.Version, args[0], args[1])
	if err != nil {
		return err
	}
	if _, ok := x.Find(to); !ok {
		return export.NoLevel(o.View, a.channel, to)
	}
	list, err := advisories(ctx, o.View)
	if err != nil {
		return err
	}
	text := summary.Text(x.Product, x.Version, from, to, list)
	if output == "-" {
		_, err := c.Stdout().Write(text)
		return err
	}
	switch name := summary.Name(from, to); {
	case output == "" && packDir != "":
		output = filepath.Join(packDir, "updates", name)
	case output == "" || isDir(output):
		output = filepath.Join(output, name)
	}
	if err := common.WriteFile(output, text, 0o644); err != nil {
		return cli.OnFullDisk(err, output)
	}
	c.Changed()
	c.Result("summary", map[string]any{"path": output, "from": from, "to": to}, output)
	return nil
}
