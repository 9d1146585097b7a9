package pack

import (
	"errors"
	"fmt"
	"io/fs"

	"packlift/internal/fault"
	"packlift/internal/manifest"
)

// Sequence orders bundles and floors; it is the manifest's.
type Sequence = manifest.Sequence

const maxFloor = 4 << 10

type floorFile struct {
	Format   int      `json:"format"`
	Sequence Sequence `json:"sequence"`
}

// Floor is the lowest bundle sequence that the site still accepts; ok is false
// while no bundle has set one. A floor that was there and is gone is refused
// (fault.Rollback).
func (p *Pack) Floor() (s Sequence, ok bool, err error) {
	s, ok, err = p.readFloor()
	if err != nil || ok {
		return s, ok, err
	}
	state, err := p.State()
	if err != nil {
		return Sequence{}, false, err
	}
	if state.FloorSeen {
		return Sequence{}, false, fault.New(fault.Rollback, "%s is missing, but this pack has had one", p.root.Full(FloorFile)).
			WithHint("put %s back from a copy; find out who removed it", FloorFile)
	}
	return Sequence{}, false, nil
}

func (p *Pack) readFloor() (Sequence, bool, error) {
	var f floorFile
	_, err := readVersioned(p.root, FloorFile, maxFloor, &f)
	if errors.Is(err, fs.ErrNotExist) {
		return Sequence{}, false, nil
	}
	if err == nil {
		err = f.Sequence.Check()
	}
	if err != nil {
		return Sequence{}, false, fmt.Errorf("floor: %w", err)
	}
	return f.Sequence, true, nil
}

// RaiseFloor makes s the floor unless the floor is as high already, and notes
// in the state that there is one. It can be repeated. It does not ask whether
// an earlier floor went missing; Floor does, before a bundle is accepted.
func (p *Pack) RaiseFloor(s Sequence) error {
	if err := s.Check(); err != nil {
		return err
	}
	old, ok, err := p.readFloor()
	if err != nil {
		return err
	}
	if !ok || s.Compare(old) > 0 {
		if err := p.root.WriteFile(FloorFile, indented(floorFile{1, s}), privateFile); err != nil {
			return err
		}
	}
	// The note comes second: a crash between leaves a floor that is not noted,
	// which harms nothing, and never a note without a floor.
	state, err := p.State()
	if err != nil || state.FloorSeen {
		return err
	}
	state.FloorSeen = true
	return p.SaveState(state)
}
