package site

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"packlift/apply"
	"packlift/cmd/internal/common"
	"packlift/internal/cli"
	"packlift/internal/pack"
	"packlift/internal/summary"
	"packlift/verify"
)

const checkLong = `Verify a bundle and list what is new in it for this pack: the levels above the pack's, with
their summaries and what they mend. Nothing is changed.`

// reading are the flags of commands that read a bundle for a pack.
type reading struct {
	pack       packFlag
	identities []string
}

func (a *reading) flags(cmd *cobra.Command) {
	a.pack.Flags(cmd.Flags())
	cmd.Flags().StringArrayVarP(&a.identities, "identity", "i", nil, "open the bundle with this `FILE` (repeatable; default: ~/.packlift/identity)")
}

func checkBundle(c *cli.Console) *cobra.Command {
	a := new(reading)
	cmd := &cobra.Command{
		Use: "check BUNDLE", Short: "List what is new in a bundle", Long: checkLong, Args: cobra.ExactArgs(1),
		ValidArgsFunction: common.CompleteBundle,
		Example:           "  packlift-import check /media/stick/wso2am-4.2.0-0003-0010.packlift",
		RunE:              func(cmd *cobra.Command, args []string) error { return a.check(cmd.Context(), c, args[0]) },
	}
	a.flags(cmd)
	return cmd
}

type news struct {
	Pack string          `json:"pack"`
	From int             `json:"from"`
	To   int             `json:"to"`
	Fits bool            `json:"fits"`
	Told []summary.Entry `json:"levels"`
}

func (a *reading) check(ctx context.Context, c *cli.Console, name string) error {
	return a.with(ctx, c, name, func(p *pack.Pack, b *verify.Bundle, l *verify.Levels) error {
		s, err := p.State()
		if err != nil {
			return err
		}
		info := b.Info()
		_, unfit := apply.Fit(p, b, 0)
		out := news{Pack: p.Dir(), From: s.Level, To: info.End, Fits: unfit == nil, Told: []summary.Entry{}}
		text := fmt.Sprintf("the pack is at level %s, the bundle is of %s", pack.LevelName(s.Level), common.Levels(info))
		for _, x := range summary.Between(l.Advisories, s.Level, info.End) {
			out.Told = append(out.Told, summary.EntryOf(x))
			text += "\n" + summary.Line(x)
		}
		if s.Level >= info.End {
			text += "\nnothing in it is new here"
		} else if len(out.Told) == 0 {
			text += "\nits levels say nothing of themselves"
		}
		c.Data("check_bundle", out, text)
		if s.Level >= info.End {
			return nil
		}
		return unfit
	})
}

// with verifies the bundle by the pack's trust set, and opens its levels.
func (a *reading) with(ctx context.Context, c *cli.Console, name string, do func(*pack.Pack, *verify.Bundle, *verify.Levels) error) error {
	cli.LimitMemory(memory)
	p, err := a.pack.open()
	if err != nil {
		return err
	}
	defer p.Close()
	trust, err := packTrust(p)
	if err != nil {
		return err
	}
	in, err := common.OpenBundle(ctx, c, name)
	if err != nil {
		return err
	}
	defer in.Close()
	b, _, err := common.Open(ctx, c, in, verify.Options{Trust: trust, Now: time.Now()})
	if err != nil {
		return err
	}
	ids, err := common.Identities(ctx, c, a.identities)
	if err != nil {
		return err
	}
	l, err := b.Levels(ids)
	if err != nil {
		return (&applyFlags{identities: a.identities}).explain(common.WithHint(name, err))
	}
	return do(p, b, l)
}
