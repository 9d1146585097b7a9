package main

import (
	"context"
	"path/filepath"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"packlift/apply"
	"packlift/cmd/internal/common"
	"packlift/cmd/internal/site"
	"packlift/internal/cli"
	"packlift/internal/export"
	"packlift/internal/fault"
	"packlift/internal/fetch"
	"packlift/internal/pack"
	"packlift/internal/rootfs"
)

func update(c *cli.Console) *cobra.Command { return site.Update(c, &updateOrigin{}) }

// updateOrigin is a depot as update wants it.
type updateOrigin struct{ asking }

// Flags adds those that say which depot, and who is trusted.
func (a *updateOrigin) Flags(f *pflag.FlagSet) {
	a.flags(f)
	f.Lookup("channel").Usage = "`CHANNEL` that offers the levels; remembered (default: the pack's, or full)"
}

// Open opens the depot that is given, or else the one of the update that waits.
func (a *updateOrigin) Open(ctx context.Context, c *cli.Console, p *pack.Pack, waiting *apply.Pending) (site.Depot, error) {
	if waiting != nil && a.depot.location == "" {
		a.depot.location = waiting.Depot
	}
	if waiting != nil && a.channel == "" {
		a.channel = waiting.Channel
	}
	if a.depot.location == "" {
		return nil, fault.New(fault.Usage, "no depot").WithHint("name it with --depot DIR or URL")
	}
	o, err := a.open(ctx, c, p.Dir())
	if err != nil {
		return nil, err
	}
	from := apply.Source{Depot: a.depot.location, Channel: a.channel}
	if !fetch.Remote(from.Depot) {
		from.Depot, err = filepath.Abs(from.Depot)
	}
	return &updateDepot{opened: o, c: c, held: p.Root(), from: from, once: a.depot.reach.once}, err
}

// updateDepot is the depot, open.
type updateDepot struct {
	*opened
	c    *cli.Console
	held *rootfs.Root // the pack
	from apply.Source
	once bool
}

// Renew brings this tool up first; a dry run only says so.
func (d *updateDepot) Renew(ctx context.Context, mode string, dry bool, end func()) (bool, error) {
	if dry {
		return false, mention(ctx, d.c, d.View)
	}
	return renew(ctx, d.c, d.View, renewal{mode, d.once, end})
}

// Target is the level asked for, or the newest that the channel offers.
func (d *updateDepot) Target(asked int) (int, apply.Source, error) {
	list := d.Index.Offered(d.from.Channel)
	for i := len(list) - 1; i >= 0; i-- {
		if asked == 0 || list[i].Level == asked {
			return list[i].Level, d.from, nil
		}
	}
	return 0, d.from, export.NoLevel(d.View, d.from.Channel, asked)
}

// Make makes a bundle for this pack alone.
func (d *updateDepot) Make(ctx context.Context, from, to, jobs int) (*site.Made, error) {
	show := common.Stages{Console: d.c}
	defer show.Done()
	made, err := export.ForPack(ctx, d.View, d.held, d.from.Channel, from, to, jobs, func(stage export.Stage, done, total int64) { show.At(string(stage), done, total) })
	if err != nil {
		return nil, err
	}
	return &site.Made{Bundle: made.Bundle, Identity: made.Identity, Remove: made.Close}, nil
}
