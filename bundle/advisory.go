package bundle

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"packlift/internal/manifest"
)

// Advisory is what a published level says of itself, for people.
type Advisory struct {
	Level    int
	Date     time.Time // UTC, whole seconds
	Channel  string    // as a bundle's
	Summary  string    // markdown; no control characters but newline and tab
	Security []string  // ids of what is fixed, such as CVE-2026-0001: sorted, each once
}

type advisoryWire struct {
	Advisory int      `json:"advisory"`
	Level    int      `json:"level"`
	Date     string   `json:"date"`
	Channel  string   `json:"channel"`
	Summary  string   `json:"summary"`
	Security []string `json:"security"`
}

// Marshal gives the canonical form, or the rule that a breaks.
func (a *Advisory) Marshal() ([]byte, error) {
	if err := a.Check(); err != nil {
		return nil, err
	}
	b, err := compact(advisoryWire{1, a.Level, stamp(a.Date), a.Channel, a.Summary, append([]string{}, a.Security...)})
	if err == nil && len(b)+1 > MaxAdvisory {
		err = fmt.Errorf("advisory: has %d bytes, the most is %d", len(b)+1, MaxAdvisory)
	}
	return append(b, '\n'), err
}

// ParseAdvisory reads exactly what Marshal writes.
func ParseAdvisory(b []byte) (*Advisory, error) {
	if len(b) > MaxAdvisory {
		return nil, fmt.Errorf("advisory: has %d bytes, the most is %d", len(b), MaxAdvisory)
	}
	var w advisoryWire
	if err := json.Unmarshal(b, &w); err != nil {
		return nil, fmt.Errorf("advisory: %w", err)
	}
	if w.Advisory != 1 {
		return nil, fmt.Errorf("advisory: version %d is unknown", w.Advisory)
	}
	date, err := parseStamp(w.Date)
	if err != nil {
		return nil, fmt.Errorf("advisory: %w", err)
	}
	a := &Advisory{w.Level, date, w.Channel, w.Summary, w.Security}
	again, err := a.Marshal()
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(again, b) {
		return nil, fmt.Errorf("advisory: is not in canonical form")
	}
	return a, nil
}

// Check returns the first rule that a breaks.
func (a *Advisory) Check() error {
	switch {
	case a.Level < 0 || a.Level > manifest.MaxLevel:
		return fmt.Errorf("advisory: level %d is not 0 to %d", a.Level, manifest.MaxLevel)
	case a.Date.Year() < 1970 || a.Date.Year() > 9999:
		return fmt.Errorf("advisory: the date is missing")
	case a.Channel != "" && !isChannel(a.Channel):
		return fmt.Errorf("advisory: channel %.80q is not 1 to 64 of A-Z a-z 0-9 . _ -", a.Channel)
	case len(a.Summary) > MaxSummary:
		return fmt.Errorf("advisory: the summary has %d bytes, the most is %d", len(a.Summary), MaxSummary)
	case !utf8.ValidString(a.Summary) || strings.ContainsFunc(a.Summary, isControl):
		return fmt.Errorf("advisory: the summary is not UTF-8 text without control characters")
	case len(a.Security) > MaxSecurity:
		return fmt.Errorf("advisory: %d ids, the most is %d", len(a.Security), MaxSecurity)
	case !slices.IsSorted(a.Security) || len(slices.Compact(slices.Clone(a.Security))) != len(a.Security):
		return fmt.Errorf("advisory: ids are not sorted, or stand twice")
	}
	for _, id := range a.Security {
		if !isWord(id, 1, MaxSecurityID, letters+numerals+"._:-") {
			return fmt.Errorf("advisory: id %.80q is not 1 to %d of A-Z a-z 0-9 . _ : -", id, MaxSecurityID)
		}
	}
	return nil
}

func isControl(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }
