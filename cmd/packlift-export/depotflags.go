package main

import (
	"context"
	"os"
	"path/filepath"

	"github.com/spf13/pflag"

	"packlift/cmd/internal/common"
	"packlift/internal/cli"
	"packlift/internal/depot"
	"packlift/internal/export"
	"packlift/internal/fault"
	"packlift/internal/pack"
	"packlift/verify"
)

// depotFlags say where a depot is and what is wanted of it.
type depotFlags struct {
	location string
	reach    reach
}

// Flags adds them.
func (d *depotFlags) Flags(f *pflag.FlagSet) {
	f.StringVar(&d.location, "depot", "", "the depot: a folder, or an http(s) `URL`")
	d.reach.Flags(f)
}

// opened is a depot's product, verified.
type opened struct {
	*depot.View
	ends []func() error
}

// Close lets go of what was opened.
func (o *opened) Close() {
	if o == nil {
		return
	}
	for _, end := range o.ends {
		end()
	}
	o.ends = nil
}

// open verifies the depot's index for a product. What was seen of it before is
// kept for the user, and in the pack, where one is given.
func (d *depotFlags) open(ctx context.Context, c *cli.Console, product, version, packDir string, trust *verify.TrustSet) (*opened, error) {
	if trust == nil {
		return nil, fault.New(fault.Usage, "whose levels are trusted?").WithHint("give the trust set of the depot's publisher with --trust DIR")
	}
	show := &common.Stages{Console: c}
	src, err := d.reach.Open(ctx, c, d.location, func(done, total int64) { show.At("fetch", done, total) })
	if err != nil {
		return nil, err
	}
	out := &opened{ends: []func() error{func() error { show.Done(); return nil }}}
	seen, err := out.seen(packDir)
	if err == nil {
		out.View, err = depot.Open(ctx, depot.Options{Source: src, Product: product, Version: version, Trust: trust, Seen: seen})
	}
	if err != nil {
		out.Close()
		return nil, err
	}
	return out, nil
}

// seenDir keeps what this user saw of depots; "" where there is no home.
func seenDir() string {
	home, err := os.UserHomeDir()
	if err != nil {
		return ""
	}
	return filepath.Join(home, ".packlift", "depots")
}

func (o *opened) seen(packDir string) ([]*depot.Seen, error) {
	var dirs []string
	if dir := seenDir(); dir != "" {
		dirs = append(dirs, dir)
	}
	if packDir != "" {
		if isDir(filepath.Join(packDir, filepath.FromSlash(pack.Dir))) {
			dirs = append(dirs, filepath.Join(packDir, filepath.FromSlash(pack.DepotsDir)))
		}
	}
	var out []*depot.Seen
	for _, dir := range dirs {
		s, err := depot.OpenSeen(dir)
		if err != nil {
			return nil, err
		}
		o.ends = append(o.ends, s.Close)
		out = append(out, s)
	}
	return out, nil
}

func isDir(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.IsDir()
}

// productOf is what --product says, or the pack.
func productOf(p cli.Product, packDir string) (name, version string, err error) {
	o := export.CreateOptions{Product: p.Name, Version: p.Version, Pack: packDir}
	err = o.SetProduct()
	return o.Product, o.Version, err
}

// level reads a level for a product of the version.
func level(l *cli.Level, version string) (int, error) {
	n, err := l.For(version)
	if err != nil {
		return 0, fault.New(fault.Usage, "%w", err)
	}
	return n, nil
}
