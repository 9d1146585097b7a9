package verify

import (
	"errors"
	"io"

	"filippo.io/age"

	"packlift/bundle"
	"packlift/bundle/tarball"
	"packlift/internal/manifest"
)

// MaxChangelog caps the changelog text inside a bundle, in bytes.
const MaxChangelog = 16 << 20

// Levels is what a bundle brings of its levels: the manifest that it starts
// from (nil for a full bundle), the one that it leads to, what the payload holds,
// in its order, and the text of changes, if there is one. The digests of both manifests are those that MANIFEST.json states.
type Levels struct {
	Base, Target *manifest.Manifest
	Contents     []manifest.Content
	Changelog    []byte
}

// Levels reads the levels part whole. The result is shared: treat it as read-only.
func (b *Bundle) Levels(ids []age.Identity) (*Levels, error) {
	if err := b.ready(true); err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.levels != nil {
		return b.levels, nil
	}
	part, err := b.openPart(bundle.LevelsName, ids, bundle.ReadOptions{})
	if err != nil {
		return nil, err
	}
	defer part.Close()
	l, err := b.readLevels(newArchive(part, tarball.Limits{MaxEntries: 4, MaxSize: bundle.MaxPlainLevels}))
	if err != nil {
		return nil, bundle.At(bundle.LayerLevels, err)
	}
	b.levels = l
	return l, nil
}

func (b *Bundle) readLevels(tr *archive) (*Levels, error) {
	l := &Levels{}
	first, err := b.readFirst(tr)
	if err != nil {
		return nil, err
	}
	if l.Target = first; b.info.Kind != bundle.Full {
		l.Base = first
		if l.Target, err = b.readDifference(tr, first); err != nil {
			return nil, err
		}
	}
	if err := b.checkLevels(l); err != nil {
		return nil, err
	}
	if l.Contents, err = b.readContents(tr, l); err != nil {
		return nil, err
	}
	l.Changelog, err = b.readChangelog(tr)
	return l, err
}

// readFirst reads the one manifest that travels whole: a full bundle's
// target, any other's base.
func (b *Bundle) readFirst(tr *archive) (*manifest.Manifest, error) {
	level := b.info.Start
	if b.info.Kind == bundle.Full {
		level = b.info.End
	}
	if err := expect(tr, bundle.LevelName(level)); err != nil {
		return nil, err
	}
	m, err := manifest.Parse(tr)
	if err != nil {
		return nil, tr.fault(bundle.LayerLevels, bundle.LevelName(level), err)
	}
	return m, nil
}

func (b *Bundle) readDifference(tr *archive, base *manifest.Manifest) (*manifest.Manifest, error) {
	name := bundle.DifferenceName(b.info.Start, b.info.End)
	if err := expect(tr, name); err != nil {
		return nil, err
	}
	m, err := manifest.ApplyDifference(base, tr)
	if err != nil {
		return nil, tr.fault(bundle.LayerLevels, name, err)
	}
	return m, nil
}

func (b *Bundle) readContents(tr *archive, l *Levels) ([]manifest.Content, error) {
	name := bundle.ContentsName(b.info.Start, b.info.End)
	if err := expect(tr, name); err != nil {
		return nil, err
	}
	list, err := manifest.ParseContents(tr, l.Base, l.Target)
	if err != nil {
		return nil, tr.fault(bundle.LayerLevels, name, err)
	}
	return list, nil
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

func (b *Bundle) checkLevels(l *Levels) error {
	if l.Base != nil {
		if err := b.checkLevel(l.Base, b.info.Start, b.info.BaseManifest); err != nil {
			return err
		}
	}
	return b.checkLevel(l.Target, b.info.End, b.info.TargetManifest)
}

func (b *Bundle) checkLevel(m *manifest.Manifest, level int, want manifest.Digest) error {
	i := b.info
	if m.Product != i.Product || m.Version != i.Version || m.Level != level {
		return tampered("a manifest inside is of %s-%s level %d, the bundle of %s-%s level %d", m.Product, m.Version, m.Level, i.Product, i.Version, level)
	}
	if got := m.Digest(); got != want {
		return tampered("the manifest of level %d has SHA-256 %s, %s says %s", level, got, bundle.ManifestName, want)
	}
	return nil
}

func (b *Bundle) readChangelog(tr *archive) ([]byte, error) {
	e, err := tr.Next()
	if errors.Is(err, io.EOF) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if want := bundle.ChangelogName(b.info.Start, b.info.End); e.Name != want {
		return nil, tampered("%s: %s stands where %s or the end should", bundle.LevelsName, e.Name, want)
	}
	text, err := tr.small(e, MaxChangelog)
	if err != nil {
		return nil, err
	}
	if _, err := tr.Next(); !errors.Is(err, io.EOF) {
		if err == nil {
			err = tampered("%s: more follows the changelog", bundle.LevelsName)
		}
		return nil, err
	}
	return text, nil
}
