package verify

import (
	"errors"
	"io"
	"slices"
	"strings"

	"filippo.io/age"

	"packlift/bundle"
	"packlift/bundle/tarball"
	"packlift/internal/manifest"
)

// MaxChangelog caps the changelog text inside a bundle, in bytes.
const MaxChangelog = 16 << 20

// Levels is what a bundle brings of its levels: the manifest that it starts
// from (nil for a full bundle), the one that it leads to, what the payload holds,
// in its order, the text of changes, if there is one, and what published levels say
// of themselves. The digests of all manifests are those that MANIFEST.json states.
type Levels struct {
	Base, Target *manifest.Manifest
	Contents     []manifest.Content // of all steps, one after the other
	Changelog    []byte
	Advisories   []*bundle.Advisory         // ascending
	Between      map[int]*manifest.Manifest // those that were asked for

	entries []int // of each stop
}

// At is the manifest of a stop: that of start, end, or a level that Levels was
// asked to keep; else nil.
func (l *Levels) At(level int) *manifest.Manifest {
	switch {
	case l.Target.Level == level:
		return l.Target
	case l.Base != nil && l.Base.Level == level:
		return l.Base
	}
	return l.Between[level]
}

// Levels reads and checks the levels part whole. Of the levels between start and
// end it keeps the manifests of those in keep. The result is shared: treat it as
// read-only.
func (b *Bundle) Levels(ids []age.Identity, keep ...int) (*Levels, error) {
	if err := b.ready(true); err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.levels.holds(b.info, keep) {
		return b.levels, nil
	}
	part, err := b.openPart(bundle.LevelsName, ids, bundle.ReadOptions{})
	if err != nil {
		return nil, err
	}
	defer part.Close()
	most := 2*len(b.info.Stops()) + 2 + manifest.MaxLevel // documents of steps, changelog, advisories
	r := &levelsReader{b: b, tr: newArchive(part, tarball.Limits{MaxEntries: most, MaxSize: bundle.MaxPlainLevels}), keep: keep, out: &Levels{Between: map[int]*manifest.Manifest{}}}
	if err := r.read(); err != nil {
		return nil, bundle.At(bundle.LayerLevels, err)
	}
	b.levels = r.out
	return b.levels, nil
}

// holds: the levels between that are asked for were kept.
func (l *Levels) holds(info *bundle.Info, keep []int) bool {
	return l != nil && !slices.ContainsFunc(info.Between, func(s bundle.Stop) bool {
		return slices.Contains(keep, s.Level) && l.Between[s.Level] == nil
	})
}

// levelsReader goes through levels.tar from front to end.
type levelsReader struct {
	b     *Bundle
	tr    *archive
	keep  []int
	out   *Levels
	steps *manifest.Steps
}

func (r *levelsReader) read() error {
	first, err := r.first()
	if err != nil {
		return err
	}
	stops := r.b.info.Stops()
	if r.b.info.Kind == bundle.Full {
		r.steps = manifest.NewSteps(nil)
		if err := r.contents(r.b.info.Start, first); err != nil {
			return err
		}
	} else {
		r.out.Base, r.steps = first, manifest.NewSteps(first)
	}
	at := first
	for _, to := range stops[1:] {
		if at, err = r.step(at, to); err != nil {
			return err
		}
	}
	r.out.Target = at
	return r.texts()
}

// first reads the one manifest that travels whole: a full bundle's
// target, any other's base.
func (r *levelsReader) first() (*manifest.Manifest, error) {
	stop := r.b.info.Stops()[0]
	if err := expect(r.tr, bundle.LevelName(stop.Level)); err != nil {
		return nil, err
	}
	m, err := manifest.Parse(r.tr)
	if err != nil {
		return nil, r.tr.fault(bundle.LayerLevels, bundle.LevelName(stop.Level), err)
	}
	r.out.entries = append(r.out.entries, len(m.Entries))
	return m, r.b.checkLevel(m, stop)
}

// step reads the difference that leads from at to a stop, and its contents.
func (r *levelsReader) step(at *manifest.Manifest, to bundle.Stop) (*manifest.Manifest, error) {
	name := bundle.DifferenceName(at.Level, to.Level)
	if err := expect(r.tr, name); err != nil {
		return nil, err
	}
	next, err := manifest.ApplyDifference(at, r.tr)
	if err != nil {
		return nil, r.tr.fault(bundle.LayerLevels, name, err)
	}
	if err := r.b.checkLevel(next, to); err != nil {
		return nil, err
	}
	r.out.entries = append(r.out.entries, len(next.Entries))
	if to.Level != r.b.info.End && slices.Contains(r.keep, to.Level) {
		r.out.Between[to.Level] = next
	}
	return next, r.contents(at.Level, next)
}

func (r *levelsReader) contents(from int, next *manifest.Manifest) error {
	name := bundle.ContentsName(from, next.Level)
	if err := expect(r.tr, name); err != nil {
		return err
	}
	list, err := manifest.ParseContents(r.tr, r.steps.Needed(next), r.steps.Originals(next), r.steps.Has)
	if err == nil {
		err = r.steps.Go(next, list)
	}
	if err != nil {
		return r.tr.fault(bundle.LayerLevels, name, err)
	}
	r.out.Contents = append(r.out.Contents, list...)
	return nil
}

// expect goes to the next entry, which must have this name.
func expect(tr *archive, name string) error {
	e, err := tr.Next()
	if err != nil {
		return atEnd(err)
	}
	if e.Name != name {
		return tampered("%s: %s stands where %s should", bundle.LevelsName, e.Name, name)
	}
	return nil
}

func (b *Bundle) checkLevel(m *manifest.Manifest, want bundle.Stop) error {
	i := b.info
	if m.Product != i.Product || m.Version != i.Version || m.Level != want.Level {
		return tampered("a manifest inside is of %s-%s level %d, the bundle of %s-%s level %d", m.Product, m.Version, m.Level, i.Product, i.Version, want.Level)
	}
	if got := m.Digest(); got != want.Manifest {
		return tampered("the manifest of level %d has SHA-256 %s, %s says %s", want.Level, got, bundle.ManifestName, want.Manifest)
	}
	return nil
}

// texts reads what is for people: a changelog, advisories, or neither.
func (r *levelsReader) texts() error {
	total := int64(0)
	for n := 0; ; n++ {
		e, err := r.tr.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if n == 0 && e.Name == bundle.ChangelogName(r.b.info.Start, r.b.info.End) {
			if r.out.Changelog, err = r.tr.small(e, MaxChangelog); err != nil {
				return err
			}
			continue
		}
		if total += e.Size; total > bundle.MaxAdvisoryText {
			return tampered("%s: advisories have more than %d bytes", bundle.LevelsName, bundle.MaxAdvisoryText)
		}
		if err := r.advisory(e); err != nil {
			return err
		}
	}
}

func (r *levelsReader) advisory(e *tarball.Entry) error {
	if !strings.HasPrefix(e.Name, "advisory/") {
		return tampered("%s: %s stands where a changelog, an advisory or the end should", bundle.LevelsName, e.Name)
	}
	text, err := r.tr.small(e, bundle.MaxAdvisory)
	if err != nil {
		return err
	}
	a, err := bundle.ParseAdvisory(text)
	if err != nil {
		return tampered("%s: %s: %w", bundle.LevelsName, e.Name, err)
	}
	if e.Name != bundle.AdvisoryName(a.Level) {
		return tampered("%s: %s is of level %d", bundle.LevelsName, e.Name, a.Level)
	}
	least := 0
	if r.b.info.Kind != bundle.Full {
		least = r.b.info.Start + 1
	}
	if n := len(r.out.Advisories); n > 0 {
		least = r.out.Advisories[n-1].Level + 1
	}
	if a.Level < least || a.Level > r.b.info.End {
		return tampered("%s: %s is out of order, or of none of the bundle's levels", bundle.LevelsName, e.Name)
	}
	r.out.Advisories = append(r.out.Advisories, a)
	return nil
}
