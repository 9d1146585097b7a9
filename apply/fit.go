package apply

import (
	"fmt"
	"slices"

	"packlift/bundle"
	"packlift/internal/fault"
	"packlift/internal/manifest"
	"packlift/internal/pack"
	"packlift/internal/typed"
	"packlift/verify"
)

// FitResult is the way that a bundle goes with a pack.
type FitResult struct {
	AlreadyThere bool `json:"already_there"`
	From         int  `json:"from"` // -1: the pack holds nothing yet
	To           int  `json:"to"`
}

// Fit tells whether b fits p: product (13), then level (13), then the site's
// floor (14). level is 0 or the level asked for. Of a bundle of a later format
// only the product is judged. It writes nothing.
func Fit(p *pack.Pack, b *verify.Bundle, level int) (FitResult, error) {
	if b.LaterFormat() {
		name, version := p.Product()
		return FitResult{}, fitFrozen(name+"-"+version, name, b.Frozen().Product)
	}
	info := b.Info()
	if info == nil {
		return FitResult{}, fault.New(fault.Untrusted, "this bundle was not verified")
	}
	return fitInfo(p, info, level)
}

func fitInfo(p *pack.Pack, info *bundle.Info, level int) (FitResult, error) {
	name, version := p.Product()
	if info.Product != name || info.Version != version {
		return FitResult{}, otherProduct(info, name, version)
	}
	s, err := p.State()
	if err != nil {
		return FitResult{}, err
	}
	if info.Kind == bundle.Hotfix {
		return FitResult{}, fault.New(fault.WrongLevel, "the bundle is hotfix %d of level %d; apply-update takes updates", info.Sequence.Hotfix, info.End).
			WithHint("%s", typed.ImportBundle("apply-hotfix"))
	}
	to, err := goal(info, level)
	if err != nil {
		return FitResult{}, err
	}
	fit := FitResult{From: s.Level, To: to.Level, AlreadyThere: s.Level == to.Level}
	if fit.AlreadyThere {
		return fit, nil
	}
	if err := fitLevel(info, s, to); err != nil {
		return fit, err
	}
	return fit, fitFloor(p, info, to)
}

// goal is the stop that the run is to reach.
func goal(info *bundle.Info, level int) (bundle.Stop, error) {
	stops := info.Stops()
	end := stops[len(stops)-1]
	if level == 0 || level == end.Level {
		return end, nil
	}
	if s, ok := stopAt(info, level); ok && level > info.Start {
		return s, nil
	}
	return end, fault.New(fault.WrongLevel, "the bundle leads %s; it cannot stop at level %d", levels(info), level).
		WithHint("leave --level out, or fetch a bundle that ends at level %d, or has it between (packlift-export create-update --between %d=TREE)", level, level)
}

func stopAt(info *bundle.Info, level int) (bundle.Stop, bool) {
	stops := info.Stops()
	for i := range stops { // from the end: a hotfix leads from a level to itself
		if s := stops[len(stops)-1-i]; s.Level == level {
			return s, true
		}
	}
	return bundle.Stop{}, false
}

func otherProduct(info *bundle.Info, name, version string) error {
	return fault.New(fault.WrongProduct, "the bundle is for %s-%s, the pack is %s-%s", info.Product, info.Version, name, version).
		WithHint("give the pack's folder with --pack, or fetch the bundle of %s-%s", name, version)
}

// fitFrozen allows both spellings of a product, with and without its version:
// a later format may hold either.
func fitFrozen(whole, name, got string) error {
	if got == name || got == whole {
		return nil
	}
	return fault.New(fault.WrongProduct, "the bundle is for %s, the pack is %s", got, whole).
		WithHint("give the pack's folder with --pack")
}

func fitLevel(info *bundle.Info, s pack.State, to bundle.Stop) error {
	if err := noHotfixes(s, info); err != nil {
		return err
	}
	if info.Kind == bundle.Full {
		return fitFull(info, s)
	}
	from, ok := stopAt(info, s.Level)
	switch {
	case ok && from.Level > to.Level:
		return fault.New(fault.WrongLevel, "the pack is at level %d, above level %d", from.Level, to.Level).
			WithHint("leave --level out, or go back with %s", typed.Import("revert"))
	case !ok:
		return fault.New(fault.WrongLevel, "the bundle leads %s, the pack is at level %s", levels(info), levelName(s.Level)).
			WithHint("fetch %s%s", startsAt(s.Level), orBetween(info, s.Level))
	case !s.Manifest.IsZero() && s.Manifest != from.Manifest:
		return fault.New(fault.WrongLevel, "the bundle starts from another level %d than the pack holds (manifest %.12s, here %.12s)",
			from.Level, from.Manifest, s.Manifest).WithHint("fetch a bundle made from the same level %d", from.Level)
	}
	return nil
}

// orBetween names the range that is missing, and the command that makes a bundle of it.
func orBetween(info *bundle.Info, level int) string {
	from := fmt.Sprintf("packlift-export create-update --depot DEPOT --product %s-%s -s %d", info.Product, info.Version, level)
	switch {
	case level < 0:
		return fmt.Sprintf(" (packlift-export create-update --depot DEPOT --product %s-%s -e %d)", info.Product, info.Version, info.End)
	case level < info.Start:
		return fmt.Sprintf(" (levels %d to %d are missing: %s -e %d), or one over the whole range (-e %d)", level, info.Start, from, info.Start, info.End)
	case level > info.End:
		return fmt.Sprintf(" (what is above level %d is missing: %s)", info.End, from)
	}
	return fmt.Sprintf(" (%s -e %d), or one that has it between (--between %d=TREE, --every-level)", from, info.End, level)
}

// startsAt names the bundle that a pack on level can take.
func startsAt(level int) string {
	if level < 0 {
		return "a full bundle: this pack holds nothing yet"
	}
	return "a bundle that starts at level " + levelName(level)
}

func fitFull(info *bundle.Info, s pack.State) error {
	switch {
	case s.Level > info.End:
		return fault.New(fault.WrongLevel, "the full bundle brings level %d, the pack is at level %d already", info.End, s.Level).
			WithHint("fetch a newer bundle")
	case s.Level >= 0 && s.Manifest.IsZero():
		return fault.New(fault.WrongLevel, "a full bundle needs an empty pack or one that an update brought to its level; level %d is only what init was told", s.Level).
			WithHint("for the whole product make a new pack in an empty folder: %s; or fetch an update bundle that starts at level %d",
				typed.ImportAnywhere(fmt.Sprintf("init --empty --pack DIR --product %s-%s --trust TRUST", info.Product, info.Version)), s.Level)
	}
	return nil
}

// sequenceAt is the sequence of a stop.
func sequenceAt(info *bundle.Info, to bundle.Stop) manifest.Sequence {
	out := info.Sequence
	out.Level = to.Level
	return out
}

// fitFloor refuses what lies below the floor that the site keeps, and a stop
// below the one that the bundle itself brings.
func fitFloor(p *pack.Pack, info *bundle.Info, to bundle.Stop) error {
	floor, ok, err := p.Floor()
	if err != nil {
		return err
	}
	at := sequenceAt(info, to)
	if ok && info.Sequence.Compare(floor) < 0 {
		return fault.New(fault.Rollback, "the bundle's sequence %v is below this site's floor %v", info.Sequence, floor).
			WithHint("fetch a newer bundle")
	}
	if !ok || floor.Compare(info.MinSequence) < 0 {
		floor = info.MinSequence
	}
	if at.Compare(floor) < 0 {
		return fault.New(fault.Rollback, "level %d (sequence %v) is below the floor %v", to.Level, at, floor).
			WithHint("leave --level out, or name a later level")
	}
	return nil
}

func levels(info *bundle.Info) string {
	if info.Kind == bundle.Full {
		return "to level " + levelName(info.End)
	}
	by := ""
	for _, s := range info.Between {
		by += ", " + levelName(s.Level)
	}
	if by != "" {
		by = " by way of " + by[2:]
	}
	return "from level " + levelName(info.Start) + by + " to " + levelName(info.End)
}

func newPlan(p *pack.Pack, s pack.State, info *bundle.Info, fit FitResult, target *manifest.Manifest) *Plan {
	name, version := p.Product()
	kind := kindUpdate
	switch info.Kind {
	case bundle.Full:
		kind = kindFull
	case bundle.Hotfix:
		kind = kindHotfix
	}
	to, _ := stopAt(info, fit.To)
	pl := &Plan{Product: name, Version: version, Kind: kind, From: fit.From, To: fit.To, before: s, target: target}
	pl.head.Bundle, pl.head.Floor = info.ID, &info.MinSequence
	pl.after = s
	pl.after.Level, pl.after.Hotfixes, pl.after.Sequence = to.Level, nil, sequenceAt(info, to)
	pl.after.Manifest = to.Manifest
	if kind == kindHotfix {
		pl.head.Hotfix = info.Sequence.Hotfix
		pl.after.Hotfixes = append(slices.Clone(s.Hotfixes), info.Sequence.Hotfix)
	}
	return pl
}
