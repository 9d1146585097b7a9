package site

import (
	"context"
	"fmt"

	"packlift/apply"
	"packlift/cmd/internal/common"
	"packlift/internal/cli"
	"packlift/internal/count"
	"packlift/internal/pack"
	"packlift/internal/typed"
	"packlift/internal/version"
)

// exportState writes what the makers of bundles want to know of this site.
func exportState(ctx context.Context, c *cli.Console, p *pack.Pack, file string) error {
	s, err := siteState(ctx, p)
	if err != nil {
		return err
	}
	if file == "-" {
		_, err := c.Stdout().Write(s.Marshal())
		warnUnknown(c, s)
		return err
	}
	if err := common.WriteFile(file, s.Marshal(), 0o644); err != nil {
		return err
	}
	c.Changed()
	sayExported(c, file, s)
	return nil
}

// sayExported tells what the makers of bundles will know by it.
func sayExported(c *cli.Console, file string, s *pack.SiteState) {
	known := !s.Manifest.IsZero()
	differ := cli.Count(len(s.Differs), "file") + count.Verb(len(s.Differs), " differs", " differ")
	if !known {
		differ = "which of its files differ is not known"
	}
	c.Result("exported_state", map[string]any{"path": file, "level": s.Level, "differs": len(s.Differs), "differs_known": known},
		fmt.Sprintf("%s: %s-%s at level %s, %s; give it to the maker of your bundles", file, s.Product, s.Version, pack.LevelName(s.Level), differ))
	warnUnknown(c, s)
}

// warnUnknown: nothing is known of the files of a pack that has no signed manifest.
func warnUnknown(c *cli.Console, s *pack.SiteState) {
	if !s.Manifest.IsZero() || s.Level == pack.NoLevel {
		return
	}
	level := pack.LevelName(s.Level)
	c.Warn("no signed manifest of level %s is known here: create-update --for takes every file to be as the level has it, and one that is not may be a conflict", level)
	c.Hint("%s brings the manifest, with a bundle of level %s; then export once more", typed.Import("heal BUNDLE"), level)
}

func siteState(ctx context.Context, p *pack.Pack) (*pack.SiteState, error) {
	s, err := p.State()
	if err != nil {
		return nil, err
	}
	trust, err := packTrust(p)
	if err != nil {
		return nil, err
	}
	floor, _, err := p.Floor()
	if err != nil {
		return nil, err
	}
	this := version.Get()
	out := &pack.SiteState{Product: s.Product, Version: s.Version, Level: s.Level, Hotfixes: s.Hotfixes, Manifest: s.Manifest, Floor: floor,
		TrustSet: trust.Fingerprint(), Tool: this.Version, OS: this.OS, Arch: this.Arch}
	if s.Manifest.IsZero() {
		return out, nil
	}
	r, err := apply.VerifyPack(ctx, p, 0)
	if err != nil {
		return nil, err
	}
	out.Differs = r.Differing()
	return out, nil
}
