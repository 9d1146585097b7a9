package bundle

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"packlift/internal/manifest"
	"packlift/internal/version"
)

const (
	lower    = "abcdefghijklmnopqrstuvwxyz"
	letters  = lower + "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	numerals = "0123456789"
)

// isWord: least to most bytes, all of them among chars.
func isWord(s string, least, most int, chars string) bool {
	return len(s) >= least && len(s) <= most && strings.Trim(s, chars) == ""
}

func isPlatformWord(s string) bool { return isWord(s, 1, 32, lower+numerals) }

func isChannel(s string) bool {
	return isWord(s, 1, 64, letters+numerals+"._-") && isWord(s[:1], 1, 1, letters+numerals)
}

// Check returns the first rule of docs/format.md, "MANIFEST.json", that i breaks.
func (i *Info) Check() error {
	for _, check := range []func() error{i.checkHead, i.checkLevels, i.checkBetween, i.checkSequences, i.checkParts, i.checkCritical, i.checkID} {
		if err := check(); err != nil {
			return err
		}
	}
	return checkTools(i.Tools)
}

func (i *Info) checkHead() error {
	if err := manifest.CheckProduct(i.Product, i.Version); err != nil {
		return err
	}
	switch {
	case i.Format < 1 || i.Format > FormatVersion:
		return fmt.Errorf("format %d is unknown", i.Format)
	case i.Channel != "" && !isChannel(i.Channel):
		return fmt.Errorf("channel %.80q is not 1 to 64 of A-Z a-z 0-9 . _ -", i.Channel)
	case !version.Valid(i.MinimumTool):
		return fmt.Errorf("minimum_tool %.80q is not a version", i.MinimumTool)
	case i.Recipients < 1 || i.Recipients > MaxRecipients:
		return fmt.Errorf("recipients %d is not 1 to %d", i.Recipients, MaxRecipients)
	case !isWord(i.TrustSet, 0, 128, letters+numerals+":+/=_-"):
		return fmt.Errorf("trust_set %.80q is not a fingerprint", i.TrustSet)
	case i.Created.IsZero() || i.Created.Location() != time.UTC:
		return fmt.Errorf("created is missing")
	}
	return nil
}

func (i *Info) checkLevels() error {
	if i.Start < 0 || i.End < i.Start || i.End > manifest.MaxLevel {
		return fmt.Errorf("levels %d to %d are not a range within 0 to %d", i.Start, i.End, manifest.MaxLevel)
	}
	switch {
	case i.Kind != Full && i.Kind != Update && i.Kind != Hotfix:
		return fmt.Errorf("kind %.80q is unknown", i.Kind)
	case i.Kind == Update && i.Start == i.End:
		return fmt.Errorf("an update leads from level %d to itself", i.Start)
	case i.Kind == Hotfix && i.Start != i.End:
		return fmt.Errorf("a hotfix stays on one level, not %d to %d", i.Start, i.End)
	case i.BaseManifest.IsZero() != (i.Kind == Full):
		return fmt.Errorf("a %s bundle has a base manifest or not: wrong here", i.Kind)
	case i.TargetManifest.IsZero():
		return fmt.Errorf("target_manifest is missing")
	}
	return nil
}

func (i *Info) checkBetween() error {
	if len(i.Between) > 0 && i.Kind != Update {
		return fmt.Errorf("a %s bundle has no levels between", i.Kind)
	}
	if len(i.Between) > MaxBetween {
		return fmt.Errorf("%d levels between, the most is %d", len(i.Between), MaxBetween)
	}
	last := i.Start
	for _, s := range i.Between {
		if s.Level <= last || s.Level >= i.End {
			return fmt.Errorf("level %d is not between %d and %d", s.Level, last, i.End)
		}
		if s.Manifest.IsZero() {
			return fmt.Errorf("the manifest of level %d is missing", s.Level)
		}
		last = s.Level
	}
	return nil
}

func (i *Info) checkSequences() error {
	for _, s := range []manifest.Sequence{i.Sequence, i.MinSequence} {
		if err := s.Check(); err != nil {
			return err
		}
	}
	switch {
	case i.Sequence.Level != i.End:
		return fmt.Errorf("sequence has level %d, the range ends at %d", i.Sequence.Level, i.End)
	case (i.Sequence.Hotfix > 0) != (i.Kind == Hotfix):
		return fmt.Errorf("sequence has hotfix %d in a bundle of kind %s", i.Sequence.Hotfix, i.Kind)
	case i.Sequence.Compare(i.MinSequence) < 0:
		return fmt.Errorf("min_sequence is above the bundle's own sequence")
	}
	return nil
}

func (i *Info) checkParts() error {
	for _, name := range PartNames {
		p := i.Part(name)
		if p.Stored.Size < 1 || p.Stored.Size > MaxPart {
			return fmt.Errorf("%s has %d bytes, the most is %d", name, p.Stored.Size, int64(MaxPart))
		}
		if p.Plain.Size < 1024 || p.Plain.Size > maxPlain(name) || p.Plain.Size%512 != 0 {
			return fmt.Errorf("%s has %d plain bytes: not a tar, or more than %d", name, p.Plain.Size, maxPlain(name))
		}
	}
	return nil
}

func (i *Info) checkCritical() error {
	if !slices.IsSorted(i.Critical) || len(slices.Compact(slices.Clone(i.Critical))) != len(i.Critical) {
		return fmt.Errorf("critical keys are not sorted, or stand twice")
	}
	return nil
}

func (i *Info) checkID() error {
	want, err := i.DeriveID()
	if err != nil {
		return err
	}
	if !isWord(i.ID, 32, 32, numerals+"abcdef") || i.ID != want {
		return fmt.Errorf("id %.40q is not what the rest derives, %s", i.ID, want)
	}
	return nil
}

func (f *Frozen) check() error {
	if len(f.Product) == 0 || len(f.Product) > 64 {
		return fmt.Errorf("product %.80q has not 1 to 64 characters", f.Product)
	}
	if !version.Valid(f.MinimumTool) {
		return fmt.Errorf("minimum_tool %.80q is not a version", f.MinimumTool)
	}
	return checkTools(f.Tools)
}

func checkTools(tools []Tool) error {
	if len(tools) > MaxTools {
		return fmt.Errorf("%d tools, the most is %d", len(tools), MaxTools)
	}
	for n, t := range tools {
		if err := t.check(); err != nil {
			return err
		}
		if n > 0 && platform(tools[n-1]) >= platform(t) {
			return fmt.Errorf("tools are not sorted by os and arch, or one stands twice")
		}
	}
	return nil
}

func platform(t Tool) string { return t.OS + "_" + t.Arch }

// Check returns an error where platform, version or size cannot be a tool's.
func (t *Tool) Check() error { return t.check() }

func (t *Tool) check() error {
	switch {
	case !isPlatformWord(t.OS) || !isPlatformWord(t.Arch):
		return fmt.Errorf("tool platform %.40q/%.40q is not 1 to 32 of a-z 0-9 each", t.OS, t.Arch)
	case !version.Valid(t.Version):
		return fmt.Errorf("tool version %.80q is not a version", t.Version)
	case t.Size < 1 || t.Size > MaxTool:
		return fmt.Errorf("tool for %s/%s has %d bytes, the most is %d", t.OS, t.Arch, t.Size, MaxTool)
	}
	return nil
}
