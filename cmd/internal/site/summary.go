package site

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"packlift/cmd/internal/common"
	"packlift/internal/cli"
	"packlift/internal/fault"
	"packlift/internal/pack"
	"packlift/internal/summary"
	"packlift/verify"
)

const getSummaryLong = `Write what the levels of a bundle say of themselves into the pack's
updates/update-summary-000A-000B.md: those above A, up to B (default: from the pack's level to the bundle's end).`

func getSummary(c *cli.Console) *cobra.Command {
	a := new(reading)
	cmd := &cobra.Command{
		Use: "get-summary BUNDLE [A B]", Short: "Write a summary of a bundle's levels", Long: getSummaryLong,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 && len(args) != 3 {
				return fmt.Errorf("give a bundle, and two levels or none")
			}
			return nil
		},
		ValidArgsFunction: common.CompleteBundle,
		Example:           "  packlift-import get-summary /media/stick/wso2am-4.2.0-0003-0010.packlift 3 10",
		RunE:              func(cmd *cobra.Command, args []string) error { return a.summary(cmd.Context(), c, args) },
	}
	a.flags(cmd)
	return cmd
}

func (a *reading) summary(ctx context.Context, c *cli.Console, args []string) error {
	return a.with(ctx, c, args[0], func(p *pack.Pack, b *verify.Bundle, l *verify.Levels) error {
		s, err := p.State()
		if err != nil {
			return err
		}
		_, version := p.Product()
		from, to := s.Level, b.Info().End
		if len(args) == 3 {
			if from, to, err = common.LevelRange(version, args[1], args[2]); err != nil {
				return err
			}
		}
		return writeSummary(c, p, from, to, l)
	})
}

// writeSummary puts the text into the pack's updates folder.
func writeSummary(c *cli.Console, p *pack.Pack, from, to int, l *verify.Levels) error {
	product, version := p.Product()
	name := pack.Updates + "/" + summary.Name(from, to)
	if err := p.Root().WriteFile(name, summary.Text(product, version, from, to, l.Advisories), 0o644); err != nil {
		return fault.New(fault.General, "the summary cannot be written: %w", err)
	}
	full := p.Root().Full(name)
	c.Result("summary", map[string]any{"path": full, "from": from, "to": to}, "summary:   "+full)
	return nil
}
