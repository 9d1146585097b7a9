package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"packlift/bundle"
	"packlift/cmd/internal/common"
	"packlift/internal/cli"
	"packlift/internal/depot"
	"packlift/internal/fault"
	"packlift/internal/pack"
	"packlift/internal/summary"
	"packlift/internal/typed"
	"packlift/verify"
)

// asking are the flags of commands that ask a depot about levels.
type asking struct {
	depot   depotFlags
	product cli.Product
	channel string
	trust   string
}

func (a *asking) flags(f *pflag.FlagSet) {
	a.depot.Flags(f)
	f.Var(&a.product, "product", "the product (default: PACK's)")
	f.StringVarP(&a.channel, "channel", "c", "", "`CHANNEL` that offers the levels (default: the pack's, or full)")
	f.StringVar(&a.trust, "trust", "", "the trust set in `DIR` says who may publish (default: PACK's)")
}

// open reads the depot as the pack, where one is given, trusts it.
func (a *asking) open(ctx context.Context, c *cli.Console, packDir string) (*opened, error) {
	name, version, err := productOf(a.product, packDir)
	if err != nil {
		return nil, err
	}
	var trust *verify.TrustSet
	if a.trust != "" {
		trust, err = common.ReadTrust(c, a.trust)
	} else if packDir != "" {
		trust, err = trustOf(packDir)
	}
	if err == nil && a.channel == "" {
		a.channel, err = channelOf(packDir)
	}
	if err != nil {
		return nil, err
	}
	return a.depot.open(ctx, c, name, version, packDir, trust)
}

func trustOf(packDir string) (*verify.TrustSet, error) {
	p, err := pack.Open(packDir)
	if err != nil {
		return nil, fault.New(fault.Usage, "by whose trust set? %w", err).WithHint("give it with --trust DIR")
	}
	defer p.Close()
	files, _, err := p.TrustFS()
	if err != nil {
		return nil, err
	}
	return verify.ParseTrustSet(files)
}

// channelOf is the one that the pack remembers.
func channelOf(packDir string) (string, error) {
	if packDir != "" && isDir(filepath.Join(packDir, filepath.FromSlash(pack.Dir))) {
		p, err := pack.Open(packDir)
		if err != nil {
			return "", err
		}
		defer p.Close()
		if config, err := p.Config(); err != nil || config.Channel != "" {
			return config.Channel, err
		}
	}
	return depot.FullChannel, nil
}

const checkLong = `List the levels that a depot offers above a connected pack's, with their summaries and what
they mend. Without PACK, above --start-level, or all.`

func check(c *cli.Console) *cobra.Command {
	a := new(asking)
	var from cli.Level
	cmd := &cobra.Command{
		Use: "check [PACK]", Short: "List new levels of a depot", Long: checkLong, Args: cobra.MaximumNArgs(1),
		Example: "  packlift-export check /opt/wso2am --depot https://updates.example.com/depot",
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.check(cmd.Context(), c, strings.Join(args, ""), &from)
		},
	}
	a.flags(cmd.Flags())
	common.Require(cmd, "depot")
	cmd.Flags().VarP(&from, "start-level", "s", "list levels above this one (default: the pack's)")
	return cmd
}

type offer struct {
	Product  string          `json:"product"`
	From     int             `json:"from"` // -1: none
	Newest   int             `json:"newest"`
	Channel  string          `json:"channel"`
	Serial   int64           `json:"serial"`
	Location string          `json:"depot"`
	Levels   []summary.Entry `json:"levels"`
}

func (a *asking) check(ctx context.Context, c *cli.Console, packDir string, start *cli.Level) error {
	o, err := a.open(ctx, c, packDir)
	if err != nil {
		return err
	}
	defer o.Close()
	if err := mention(ctx, c, o.View); err != nil {
		return err
	}
	from, err := a.start(o.View, packDir, start)
	if err != nil {
		return err
	}
	x := &o.View.Index
	out := offer{Product: x.Product + "-" + x.Version, From: from, Newest: from, Channel: a.channel, Serial: x.Serial, Location: a.depot.location, Levels: []summary.Entry{}}
	var lines []string
	for _, l := range x.Offered(a.channel) {
		if l.Level <= from {
			continue
		}
		told, err := o.View.Advisory(ctx, l)
		if err != nil {
			return err
		}
		out.Newest = l.Level
		out.Levels = append(out.Levels, summary.EntryOf(told))
		lines = append(lines, summary.Line(told))
	}
	if len(lines) == 0 {
		c.Data("check", out, fmt.Sprintf("%s: nothing newer than level %s in channel %s", out.Product, pack.LevelName(from), a.channel))
		return nil
	}
	c.Data("check", out, fmt.Sprintf("%s: %s newer than level %s in channel %s\n%s",
		out.Product, cli.Count(len(lines), "level"), pack.LevelName(from), a.channel, strings.Join(lines, "\n")))
	return nil
}

// start is the level to look above.
func (a *asking) start(v *depot.View, packDir string, l *cli.Level) (int, error) {
	if l.Given() || packDir == "" {
		if !l.Given() {
			return pack.NoLevel, nil
		}
		return level(l, v.Index.Version)
	}
	p, err := pack.Open(packDir)
	if err != nil {
		return 0, fault.New(fault.Usage, "%w", err).WithHint("the pack does not know its level: give it with --start-level N, or make it a pack with %s", typed.ImportAnywhere("init --pack "+typed.Word(packDir)))
	}
	defer p.Close()
	s, err := p.State()
	return s.Level, err
}

// advisories reads what all levels of a depot say of themselves.
func advisories(ctx context.Context, v *depot.View) (out []*bundle.Advisory, err error) {
	for _, l := range v.Index.Levels {
		x, err := v.Advisory(ctx, l)
		if err != nil {
			return nil, err
		}
		out = append(out, x)
	}
	return out, nil
}
