package apply

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"packlift/bundle"
	"packlift/internal/fault"
	"packlift/internal/manifest"
	"packlift/internal/pack"
	"packlift/internal/typed"
	"packlift/verify"
)

// Hotfix is the number of the hotfix that the plan puts on or takes off, 0 for none.
func (pl *Plan) Hotfix() int { return pl.head.Hotfix }

// FitHotfix tells whether the hotfix b fits p: product, level and number in the
// sequence (13), the level's content (13), then the site's floor (14). It writes
// nothing.
func FitHotfix(p *pack.Pack, b *verify.Bundle) (FitResult, error) {
	if b.LaterFormat() {
		return Fit(p, b, 0)
	}
	info := b.Info()
	if info == nil {
		return FitResult{}, fault.New(fault.Untrusted, "this bundle was not verified")
	}
	return fitHotfix(p, info)
}

func fitHotfix(p *pack.Pack, info *bundle.Info) (FitResult, error) {
	name, version := p.Product()
	if info.Product != name || info.Version != version {
		return FitResult{}, otherProduct(info, name, version)
	}
	if info.Kind != bundle.Hotfix {
		return FitResult{}, fault.New(fault.WrongLevel, "the bundle leads %s; apply-hotfix takes hotfixes", levels(info)).
			WithHint("%s", typed.ImportBundle("apply-update"))
	}
	s, err := p.State()
	if err != nil {
		return FitResult{}, err
	}
	fit := FitResult{From: s.Level, To: info.End}
	if err := hotfixFits(info, s, &fit); err != nil || fit.AlreadyThere {
		return fit, err
	}
	return fit, fitFloor(p, info, bundle.Stop{Level: info.End, Manifest: info.TargetManifest})
}

func hotfixFits(info *bundle.Info, s pack.State, fit *FitResult) error {
	n := info.Sequence.Hotfix
	if s.Level < info.End {
		return fault.New(fault.WrongLevel, "hotfix %d is for level %d, the pack is at level %s", n, info.End, levelName(s.Level)).
			WithHint("bring the pack to level %d first, or fetch a hotfix for level %s", info.End, levelName(s.Level))
	}
	if s.Level > info.End {
		return fault.New(fault.WrongLevel, "hotfix %d is for level %d, the pack is at level %s", n, info.End, levelName(s.Level)).
			WithHint("fetch a hotfix for level %s, if that level needs one: what its levels say of themselves tells whether they contain this one (get-summary)", levelName(s.Level))
	}
	if slices.Contains(s.Hotfixes, n) {
		fit.AlreadyThere = true
		return nil
	}
	next := 1
	if len(s.Hotfixes) > 0 {
		next = s.Hotfixes[len(s.Hotfixes)-1] + 1
	}
	if n != next {
		return fault.New(fault.WrongLevel, "hotfix %d of level %d cannot go on: the next one is hotfix %d", n, info.End, next).
			WithHint("put hotfix %d on first", next)
	}
	if !s.Manifest.IsZero() && s.Manifest != info.BaseManifest {
		return fault.New(fault.WrongLevel, "hotfix %d was made for another level %d than the pack holds (manifest %.12s, here %.12s)",
			n, info.End, info.BaseManifest, s.Manifest).WithHint("fetch a hotfix made on the same level %d", info.End)
	}
	return nil
}

// NewHotfixPlan is NewPlan of a hotfix.
func NewHotfixPlan(ctx context.Context, p *pack.Pack, b *verify.Bundle, o Options) (*Plan, error) {
	fit, err := FitHotfix(p, b)
	if err != nil {
		return nil, err
	}
	l, err := b.Levels(o.Identities)
	if err != nil {
		return nil, err
	}
	o.open = payloadOf(b, o)
	return planUpdate(ctx, p, b.Info(), fit, l, o)
}

// noHotfixes refuses an update of a pack that has hotfixes on.
func noHotfixes(s pack.State, info *bundle.Info) error {
	if len(s.Hotfixes) == 0 {
		return nil
	}
	text := fmt.Sprintf("%s on: an update starts from the level as it came", hotfixList(s))
	if missing := notContained(s, info); info != nil && len(missing) == 0 {
		text += fmt.Sprintf(", and level %d contains what they fix", info.End)
	}
	return fault.New(fault.WrongLevel, "%s", text).WithHint("take them off, the newest first: %s", strings.Join(RevertHotfixes(s), "; "))
}

func hotfixList(s pack.State) string {
	if len(s.Hotfixes) == 1 {
		return fmt.Sprintf("hotfix %d of level %s is", s.Hotfixes[0], levelName(s.Level))
	}
	return fmt.Sprintf("hotfixes %s of level %s are", strings.Trim(fmt.Sprint(s.Hotfixes), "[]"), levelName(s.Level))
}

// RevertHotfixes are the commands that take the pack's hotfixes off.
func RevertHotfixes(s pack.State) (out []string) {
	for _, n := range slices.Backward(s.Hotfixes) {
		out = append(out, typed.Import(fmt.Sprintf("revert-hotfix %d", n)))
	}
	return out
}

// notContained are the pack's hotfixes that the bundle does not say it contains.
func notContained(s pack.State, info *bundle.Info) (out []int) {
	if info == nil {
		return s.Hotfixes
	}
	has := info.Contains()
	for _, n := range s.Hotfixes {
		if !slices.ContainsFunc(has, func(c manifest.Sequence) bool { return c.Level == s.Level && c.Hotfix == n }) {
			out = append(out, n)
		}
	}
	return out
}

// NewRevertHotfix plans to take the newest hotfix off; number is 0 or the one that
// is meant, which has to be the newest. See NewRevert.
func NewRevertHotfix(ctx context.Context, p *pack.Pack, number int, o Options) (*Plan, error) {
	s, err := p.State()
	if err != nil {
		return nil, err
	}
	if len(s.Hotfixes) == 0 {
		return nil, fault.New(fault.General, "there is %w: no hotfix is on level %s", ErrNothingToRevert, levelName(s.Level))
	}
	newestOn := s.Hotfixes[len(s.Hotfixes)-1]
	if number != 0 && number != newestOn {
		return nil, notTheNewest(s, number, newestOn)
	}
	return NewRevert(ctx, p, o)
}

func notTheNewest(s pack.State, number, newestOn int) error {
	if !slices.Contains(s.Hotfixes, number) {
		return fault.New(fault.WrongLevel, "hotfix %d is not on; %s", number, hotfixList(s))
	}
	return fault.New(fault.WrongLevel, "hotfix %d lies under hotfix %d: the newest goes first", number, newestOn).
		WithHint("%s", strings.Join(RevertHotfixes(s)[:len(s.Hotfixes)-slices.Index(s.Hotfixes, number)], "; "))
}
