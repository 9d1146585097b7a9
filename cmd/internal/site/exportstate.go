package site

import (
	"context"
	"fmt"

	"packlift/apply"
	"packlift/cmd/internal/common"
	"packlift/internal/cli"
	"packlift/internal/pack"
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
		return err
	}
	if err := common.WriteFile(file, s.Marshal(), 0o644); err != nil {
		return err
	}
	c.Changed()
	c.Result("exported_state", map[string]any{"path": file, "level": s.Level, "differs": len(s.Differs)},
		fmt.Sprintf("%s: %s-%s at level %s, %s differ; give it to the maker of your bundles", file, s.Product, s.Version, pack.LevelName(s.Level), cli.Count(len(s.Differs), "file")))
	return nil
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
