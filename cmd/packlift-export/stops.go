package main

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"packlift/bundle"
	"packlift/cmd/internal/common"
	"packlift/internal/cli"
	"packlift/internal/export"
	"packlift/internal/fault"
)

// stops reads --between, given in any order.
func (a *createFlags) stops(version string) ([]export.Stop, error) {
	var out []export.Stop
	for _, s := range a.between {
		level, tree, ok := strings.Cut(s, "=")
		var l cli.Level
		err := l.Set(level)
		n, verr := l.For(cmp.Or(version, l.Version()))
		if !ok || tree == "" || err != nil || verr != nil {
			return nil, fault.New(fault.Usage, "--between %s is not LEVEL=TREE of this product", s).WithHint("write it as --between 5=TREE")
		}
		out = append(out, export.Stop{Level: n, Tree: tree})
	}
	slices.SortStableFunc(out, func(x, y export.Stop) int { return cmp.Compare(x.Level, y.Level) })
	return out, nil
}

// readAdvisories reads the files of --advisory, given in any order.
func (a *createFlags) readAdvisories(ctx context.Context, c *cli.Console) ([]*bundle.Advisory, error) {
	var out []*bundle.Advisory
	for _, name := range a.advisories {
		text, err := common.ReadSmall(ctx, c, "advisory", name, bundle.MaxAdvisory)
		if err != nil {
			return nil, err
		}
		x, err := bundle.ParseAdvisory(text)
		if err != nil {
			return nil, fault.New(fault.Usage, "%s: %w", name, err).WithHint("docs/format.md, \"levels.tar\", says how an advisory is written")
		}
		out = append(out, x)
	}
	slices.SortStableFunc(out, func(x, y *bundle.Advisory) int { return cmp.Compare(x.Level, y.Level) })
	return out, nil
}
