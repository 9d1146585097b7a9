package pack

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"packlift/internal/fault"
	"packlift/internal/manifest"
	"packlift/internal/typed"
)

// ManifestName is where the manifest with digest d is kept.
func ManifestName(d manifest.Digest) string { return ManifestDir + "/" + d.String() + ".json" }

// Manifest reads the signed manifest with digest d. One that is missing or
// does not have that digest is an error of class Differs; nothing of it is
// parsed before its digest holds.
func (p *Pack) Manifest(d manifest.Digest) (*manifest.Manifest, error) {
	name := ManifestName(d)
	f, err := p.root.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.New(fault.Differs, "the pack has lost a signed manifest: %w", err).WithHint("%s", bringManifest(name))
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	m, err := readManifest(f, d)
	if err != nil {
		return nil, fault.New(fault.Differs, "%s: %w", p.root.Full(name), err).WithHint("%s", bringManifest(name))
	}
	return m, nil
}

// bringManifest: its name is its digest, so any copy will do.
func bringManifest(name string) string {
	return "a bundle of this level brings it back: " + typed.Import("heal BUNDLE") + "; or take " + name + " from a copy of this pack, or from another pack of the same level"
}

func readManifest(f io.ReadSeeker, d manifest.Digest) (*manifest.Manifest, error) {
	if got, _, err := HashFile(f); err != nil {
		return nil, err
	} else if got != d {
		return nil, errors.New("its content is not what its name says")
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	h := sha256.New() // again: the file may change between
	m, err := manifest.Parse(io.TeeReader(f, h))
	if err == nil && manifest.Digest(h.Sum(nil)) != d {
		err = errors.New("it changed while it was read")
	}
	return m, err
}

// SaveManifest keeps m under its digest; it can be repeated. It is durable, and its
// folder's name, once the pack is synced (rootfs.Pending.Place): what a power cut
// leaves of it before has not that digest, and is written anew.
func (p *Pack) SaveManifest(m *manifest.Manifest) error {
	if err := m.Check(); err != nil {
		return fmt.Errorf("pack: %w", err)
	}
	d := m.Digest()
	if _, err := p.Manifest(d); err == nil {
		return nil
	}
	if err := p.root.MkdirAll(ManifestDir, privateDir); err != nil {
		return err
	}
	w, err := p.root.Pending(ManifestName(d), privateFile)
	if err != nil {
		return err
	}
	if _, err = m.WriteTo(w); err == nil {
		err = w.Place()
	}
	return errors.Join(err, w.Cleanup())
}
