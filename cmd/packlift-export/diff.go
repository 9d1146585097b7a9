package main

import (
	"context"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"packlift/cmd/internal/common"
	"packlift/internal/cli"
	"packlift/internal/export"
	"packlift/internal/fault"
	"packlift/internal/manifest"
	"packlift/internal/pack"
	"packlift/verify"
)

const diffLong = `List what leads from A to B, as a changelog does. Each is a tree (folder or archive), a level of
a depot (10 or 4.2.0.10, with --depot), or a bundle (NAME.packlift, with --trust and an identity), which stands for the level that it leads to.`

type diffFlags struct {
	asking
	identities []string
	opened     *opened
}

func diff(c *cli.Console) *cobra.Command {
	a := new(diffFlags)
	cmd := &cobra.Command{
		Use: "diff A B", Short: "Compare two trees, levels or bundles", Long: diffLong, Args: cobra.ExactArgs(2),
		Example: "  packlift-export diff 3 10 --depot depot --product wso2am-4.2.0 --trust trust",
		RunE:    func(cmd *cobra.Command, args []string) error { return a.run(cmd.Context(), c, args) },
	}
	f := cmd.Flags()
	a.depot.Flags(f)
	f.Var(&a.product, "product", "the product of the depot's levels")
	f.StringVar(&a.trust, "trust", "", "the trust set in `DIR` says whose levels and bundles count")
	f.StringArrayVarP(&a.identities, "identity", "i", nil, "open a bundle with this `FILE` (repeatable; default: ~/.packlift/identity)")
	return cmd
}

func (a *diffFlags) run(ctx context.Context, c *cli.Console, args []string) error {
	defer func() { a.opened.Close() }()
	old, err := a.side(ctx, c, args[0])
	if err != nil {
		return err
	}
	new, err := a.side(ctx, c, args[1])
	if err != nil {
		return err
	}
	d := export.Diff(old.Manifest, new.Manifest)
	text := pack.Comparison(old.name, new.name, d.Added, d.Modified, d.Removed)
	if !old.tree && !new.tree {
		text = pack.Changelog(new.Product, new.Version, old.Level, new.Level, d.Added, d.Modified, d.Removed)
	}
	c.Data("diff", difference{old.name, new.name, d}, string(text))
	return nil
}

// difference is a line of JSON.
type difference struct {
	From string `json:"from"`
	To   string `json:"to"`
	*export.Difference
}

// side is one of the two that are compared. What a tree is of is not known, so it goes by its name.
type side struct {
	*manifest.Manifest
	name string
	tree bool
}

// side reads what one of the arguments names.
func (a *diffFlags) side(ctx context.Context, c *cli.Console, name string) (side, error) {
	out, l := side{name: name}, cli.Level{}
	var err error
	switch {
	case a.depot.location != "" && l.Set(name) == nil:
		out.name = "level " + name
		out.Manifest, err = a.level(ctx, c, &l)
	case strings.HasSuffix(name, common.Suffix):
		out.Manifest, err = a.bundle(ctx, c, name)
	default:
		out.tree, out.name = true, filepath.Clean(name)
		out.Manifest, err = export.ManifestOf(ctx, name, "tree", "0", runtime.GOMAXPROCS(0))
	}
	return out, err
}

func (a *diffFlags) level(ctx context.Context, c *cli.Console, l *cli.Level) (*manifest.Manifest, error) {
	if a.opened == nil {
		o, err := a.open(ctx, c, "")
		if err != nil {
			return nil, err
		}
		a.opened = o
	}
	n, err := level(l, a.product.Version)
	if err != nil {
		return nil, err
	}
	record, ok := a.opened.Index.Find(n)
	if !ok {
		return nil, export.NoLevel(a.opened.View, a.channel, n)
	}
	return a.opened.Manifest(ctx, record)
}

func (a *diffFlags) bundle(ctx context.Context, c *cli.Console, name string) (*manifest.Manifest, error) {
	if a.trust == "" {
		return nil, fault.New(fault.Usage, "whose bundles are trusted?").WithHint("give the trust set with --trust DIR")
	}
	trust, err := common.ReadTrust(c, a.trust)
	if err != nil {
		return nil, err
	}
	in, err := common.OpenBundle(ctx, c, name)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	b, _, err := common.Open(ctx, c, in, verify.Options{Trust: trust, Now: time.Now()})
	if err != nil {
		return nil, err
	}
	ids, err := common.Identities(ctx, c, a.identities)
	if err != nil {
		return nil, err
	}
	l, err := b.Levels(ids)
	if err != nil {
		return nil, common.WithHint(name, err)
	}
	return l.Target, nil
}
