package pack

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	"packlift/internal/manifest"
)

// MaxSiteState caps an exported state, in bytes.
const MaxSiteState = 16 << 20

// SiteState is what a site tells the makers of its bundles: what it holds, and
// where its files are not those of its level. It holds nothing secret; nobody signs it.
type SiteState struct {
	Format   int               `json:"state"`
	Product  string            `json:"product"`
	Version  string            `json:"version"`
	Level    int               `json:"level"`
	Hotfixes []int             `json:"hotfixes"`
	Manifest manifest.Digest   `json:"manifest"` // zero: no signed bundle brought it to its level
	Floor    manifest.Sequence `json:"floor"`    // zero: none
	TrustSet string            `json:"trust_set"`
	Tool     string            `json:"tool"` // version of the importer
	OS       string            `json:"os"`
	Arch     string            `json:"arch"`
	// Differs are files of the level that are changed or missing there, sorted;
	// of a pack without a signed manifest it is not known.
	Differs []string `json:"differs"`
}

// Marshal gives the canonical form: compact JSON and a newline.
func (s *SiteState) Marshal() []byte {
	c := *s
	c.Format, c.Hotfixes, c.Differs = 1, append([]int{}, s.Hotfixes...), append([]string{}, s.Differs...)
	return append(manifest.Compact(&c), '\n')
}

// ParseSiteState reads what Marshal wrote, byte for byte.
func ParseSiteState(b []byte) (*SiteState, error) {
	if len(b) > MaxSiteState {
		return nil, fmt.Errorf("a state of more than %d bytes", MaxSiteState)
	}
	var s SiteState
	if err := json.Unmarshal(b, &s); err != nil {
		return nil, fmt.Errorf("no exported state: %w", err)
	}
	if s.Format != 1 {
		return nil, fmt.Errorf("a state of version %d, which is unknown", s.Format)
	}
	if err := s.check(); err != nil {
		return nil, err
	}
	if !bytes.Equal(s.Marshal(), b) {
		return nil, fmt.Errorf("a state that was edited or damaged: it is not in the form it is written in")
	}
	return &s, nil
}

func (s *SiteState) check() error {
	if err := manifest.CheckProduct(s.Product, s.Version); err != nil {
		return err
	}
	if err := s.Floor.Check(); err != nil {
		return err
	}
	if !levelOK(s.Level) || len(s.Hotfixes) > maxHotfixes || len(s.Differs) > manifest.MaxEntries {
		return fmt.Errorf("a state with the level %d, %d hotfixes and %d differing files", s.Level, len(s.Hotfixes), len(s.Differs))
	}
	if !slices.IsSorted(s.Differs) {
		return fmt.Errorf("a state whose differing files are not sorted")
	}
	for _, word := range []string{s.TrustSet, s.Tool, s.OS, s.Arch} {
		if !printable(word) {
			return fmt.Errorf("a state with the word %.40q", word)
		}
	}
	return nil
}
