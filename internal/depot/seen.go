package depot

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"

	"packlift/internal/fault"
	"packlift/internal/manifest"
	"packlift/internal/rootfs"
)

const maxSeen = 4096

// Seen is a folder that keeps the highest serial number of each depot and product.
type Seen struct{ root *rootfs.Root }

// NewSeen keeps it in root, under names seen-DEPOT-PRODUCT.json.
func NewSeen(root *rootfs.Root) *Seen { return &Seen{root} }

// OpenSeen makes the folder dir if need be; the caller closes it.
func OpenSeen(dir string) (*Seen, error) {
	root, err := rootfs.MkdirAllOpen(dir, 0o700)
	if err != nil {
		return nil, err
	}
	return &Seen{root}, nil
}

// Close lets go of the folder.
func (s *Seen) Close() error { return s.root.Close() }

type seenFile struct {
	Format int             `json:"format"`
	Depot  string          `json:"depot"`
	Serial int64           `json:"serial"`
	Index  manifest.Digest `json:"index"`
}

func (s *Seen) name(x *Index) string {
	return fmt.Sprintf("seen-%s-%s.json", x.Depot, Folder(x.Product, x.Version))
}

// Judge refuses an index that is older than one seen before, or another one of the
// same number (Rollback).
func (s *Seen) Judge(v *View) error {
	x := &v.Index
	name := s.name(x)
	old, err := s.read(name)
	if err != nil {
		return err
	}
	if old.Serial > x.Serial {
		return fault.New(fault.Rollback, "the depot shows its index number %d, dated %s; number %d was seen before (%s)", x.Serial, stamp(x.Date), old.Serial, s.root.Full(name)).
			WithHint("a mirror that lags behind shows the new one later; if it stays, ask the depot's publisher")
	}
	if old.Serial == x.Serial && old.Index != v.Digest || old.Serial == x.Serial-1 && old.Serial > 0 && old.Index != x.Previous {
		return fault.New(fault.Rollback, "the depot's index number %d does not go on from what was seen before: two histories carry the same numbers (%s)", x.Serial, s.root.Full(name)).
			WithHint("ask the depot's publisher which one is right; no command forgets what was seen")
	}
	return nil
}

// Keep remembers an index of that digest, where no later one was seen.
func (s *Seen) Keep(x *Index, digest manifest.Digest) error {
	name := s.name(x)
	old, err := s.read(name)
	if err != nil || old.Serial >= x.Serial {
		return err
	}
	if err := s.root.SweepOthers("."); err != nil { // what a run left that was killed as it wrote here
		return err
	}
	b := append(manifest.Compact(seenFile{1, x.Depot, x.Serial, digest}), '\n')
	return s.root.WriteFile(name, b, 0o600)
}

func (s *Seen) read(name string) (f seenFile, err error) {
	b, err := s.root.ReadFile(name, maxSeen)
	if errors.Is(err, fs.ErrNotExist) {
		return f, nil
	}
	if err != nil {
		return f, err
	}
	if err := json.Unmarshal(b, &f); err != nil || f.Format != 1 || !bytes.Equal(append(manifest.Compact(f), '\n'), b) {
		return f, fault.New(fault.General, "%s is damaged", s.root.Full(name)).WithHint("put it back from a copy; it keeps old views of a depot out")
	}
	return f, nil
}
