package pack

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"packlift/internal/fault"
	"packlift/internal/manifest"
)

const (
	// NoLevel is the level of a pack that holds nothing yet.
	NoLevel = -1
	// MaxHistory is how many events a state keeps; the audit log keeps all.
	MaxHistory = 1000

	maxHotfixes   = 1000
	maxGeneration = 1 << 30
	maxState      = 4 << 20
	maxWord       = 128
)

// State is what a pack holds. Level is NoLevel to manifest.MaxLevel. Manifest
// is the digest of the installed level's signed manifest, zero before the first
// signed bundle. FloorSeen says that floor.json must be there. Generation is
// the number of the last transaction, 0 before the first.
type State struct {
	Format     int               `json:"format"`
	Product    string            `json:"product"`
	Version    string            `json:"version"`
	Level      int               `json:"level"`
	Hotfixes   []int             `json:"hotfixes,omitempty"`
	Manifest   manifest.Digest   `json:"manifest,omitzero"`
	Sequence   manifest.Sequence `json:"sequence"`
	FloorSeen  bool              `json:"floor_seen"`
	Generation int               `json:"generation"`
	History    []Event           `json:"history,omitempty"`
}

// Event is one change of a pack. Kind is init, update, full, hotfix, heal or
// revert; From and To are levels; Hotfix is the number of the one that was put on
// or taken off, 0 for none; Manifest is the digest after it.
type Event struct {
	Time       time.Time       `json:"time"`
	Kind       string          `json:"kind"`
	From       int             `json:"from"`
	To         int             `json:"to"`
	Hotfix     int             `json:"hotfix,omitempty"`
	Bundle     string          `json:"bundle,omitempty"`
	Generation int             `json:"generation"`
	Manifest   manifest.Digest `json:"manifest,omitzero"`
}

// MarshalState gives the bytes of state.json: times in whole seconds UTC, the
// newest MaxHistory events.
func MarshalState(s State) []byte {
	s.Format = 1
	history := s.History[max(0, len(s.History)-MaxHistory):]
	s.History = make([]Event, len(history))
	for i, e := range history {
		e.Time = e.Time.UTC().Truncate(time.Second)
		s.History[i] = e
	}
	return indented(s)
}

// ParseState reads what MarshalState wrote, byte for byte.
func ParseState(b []byte) (State, error) {
	var s State
	if len(b) > maxState {
		return s, fmt.Errorf("state: larger than %d bytes", maxState)
	}
	if format, err := formatOf(b); err != nil || format != 1 {
		return s, fmt.Errorf("state: format %d is unknown, or damaged: %v", format, err)
	}
	if err := decodeStrict(b, &s); err != nil {
		return s, fmt.Errorf("state: %w", err)
	}
	if err := s.check(); err != nil {
		return s, fmt.Errorf("state: %w", err)
	}
	if !bytes.Equal(MarshalState(s), b) {
		return s, fmt.Errorf("state: not in the form it is written in; it was edited or damaged")
	}
	return s, nil
}

func (s *State) check() error {
	if err := manifest.CheckProduct(s.Product, s.Version); err != nil {
		return err
	}
	if err := s.Sequence.Check(); err != nil {
		return err
	}
	switch {
	case !levelOK(s.Level):
		return fmt.Errorf("level %d is out of range", s.Level)
	case s.Generation < 0 || s.Generation > maxGeneration:
		return fmt.Errorf("generation %d is out of range", s.Generation)
	case len(s.Hotfixes) > maxHotfixes:
		return fmt.Errorf("%d hotfixes, the most is %d", len(s.Hotfixes), maxHotfixes)
	}
	for i, h := range s.Hotfixes {
		if h < 1 || h > manifest.MaxNumber || i > 0 && h <= s.Hotfixes[i-1] {
			return fmt.Errorf("hotfix %d is out of range or order", h)
		}
	}
	for i := range s.History {
		if err := s.History[i].check(); err != nil {
			return fmt.Errorf("event %d: %w", i+1, err)
		}
	}
	return nil
}

func (e *Event) check() error {
	switch {
	case !printable(e.Kind) || e.Kind == "":
		return fmt.Errorf("kind %.40q is not a word", e.Kind)
	case !printable(e.Bundle):
		return fmt.Errorf("bundle %.40q is not a word", e.Bundle)
	case !levelOK(e.From) || !levelOK(e.To):
		return fmt.Errorf("level %d or %d is out of range", e.From, e.To)
	case e.Generation < 0 || e.Generation > maxGeneration:
		return fmt.Errorf("generation %d is out of range", e.Generation)
	case e.Hotfix < 0 || e.Hotfix > manifest.MaxNumber:
		return fmt.Errorf("hotfix %d is out of range", e.Hotfix)
	}
	return nil
}

func levelOK(level int) bool { return level >= NoLevel && level <= manifest.MaxLevel }

// printable keeps control characters out of what is later printed.
func printable(s string) bool {
	for _, c := range s {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return len(s) <= maxWord
}

// State reads state.json.
func (p *Pack) State() (State, error) {
	var s State
	b, err := p.root.ReadFile(StateFile, maxState)
	if err == nil {
		if s, err = ParseState(b); err != nil {
			err = fmt.Errorf("%s: %w", p.root.Full(StateFile), err)
		}
	}
	if err != nil && !errors.Is(err, fs.ErrPermission) {
		return State{}, fault.New(fault.General, "%w", err).
			WithHint("put the file back from a copy of the pack; %s tells what was installed", AuditFile)
	}
	if err != nil {
		return State{}, err
	}
	if s.Product != p.name || s.Version != p.version {
		return State{}, fault.New(fault.WrongProduct, "%s is about %s-%s, %s says %s-%s",
			p.root.Full(StateFile), s.Product, s.Version, ProductFile, p.name, p.version).
			WithHint("put %s back as it was", ProductFile)
	}
	return s, nil
}

// SaveState replaces state.json: the commit point of every change.
func (p *Pack) SaveState(s State) error {
	b := MarshalState(s)
	if _, err := ParseState(b); err != nil {
		return err
	}
	return p.root.WriteFile(StateFile, b, privateFile)
}
