package manifest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Caps of an advisory.
const (
	MaxAdvisory = 1 << 20 // bytes of the document
	MaxSecurity = 1024    // identifiers of weaknesses
	maxIdentity = 64      // bytes of one
)

// Advisory is what a published level says of itself: a text for people, in
// Markdown, and identifiers of the weaknesses that it mends, such as CVE-2026-0001, sorted.
type Advisory struct {
	Level    int
	Date     time.Time // whole seconds, UTC
	Channel  string
	Summary  string
	Security []string
}

type advisoryWire struct {
	Advisory int      `json:"advisory"`
	Level    int      `json:"level"`
	Date     string   `json:"date"`
	Channel  string   `json:"channel"`
	Summary  string   `json:"summary"`
	Security []string `json:"security"`
}

// Marshal gives the canonical form: compact JSON and a newline.
func (a *Advisory) Marshal() []byte {
	w := advisoryWire{1, a.Level, a.Date.UTC().Format(time.RFC3339), a.Channel, a.Summary, a.Security}
	if w.Security == nil {
		w.Security = []string{}
	}
	return append(compact(w), '\n')
}

// Check returns the first rule that a breaks.
func (a *Advisory) Check() error {
	if a.Level < 0 || a.Level > MaxLevel {
		return fmt.Errorf("advisory: level %d is not 0 to %d", a.Level, MaxLevel)
	}
	if err := CheckChannel(a.Channel); err != nil {
		return err
	}
	if !a.Date.Equal(a.Date.Truncate(time.Second)) || a.Date.Year() < 1970 || a.Date.Year() > 9999 {
		return fmt.Errorf("advisory: its date is no whole second from 1970 to 9999")
	}
	if !utf8.ValidString(a.Summary) || strings.ContainsFunc(a.Summary, hiddenInText) {
		return fmt.Errorf("advisory: the summary holds a control character; line feeds and tabs are the only ones that may stand there")
	}
	if len(a.Security) > MaxSecurity {
		return fmt.Errorf("advisory: %d identifiers of weaknesses, the most is %d", len(a.Security), MaxSecurity)
	}
	for i, id := range a.Security {
		if err := CheckWeakness(id); err != nil {
			return err
		}
		if i > 0 && id <= a.Security[i-1] {
			return fmt.Errorf("advisory: %s is out of order, or stands there twice", id)
		}
	}
	if n := len(a.Marshal()); n > MaxAdvisory {
		return fmt.Errorf("advisory: %d bytes, the most is %d", n, MaxAdvisory)
	}
	return nil
}

// hiddenInText finds control characters, and the marks that reorder text or break lines unseen.
func hiddenInText(r rune) bool {
	return r != '\n' && r != '\t' && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029')
}

// CheckWeakness returns an error unless id has 1 to 64 of A-Z a-z 0-9 . _ : -
func CheckWeakness(id string) error {
	odd := func(c rune) bool { return !alnum(c) && !strings.ContainsRune("._:-", c) }
	if id == "" || len(id) > maxIdentity || strings.ContainsFunc(id, odd) {
		return fmt.Errorf("advisory: %.80q is no identifier of a weakness: 1 to %d of A-Z a-z 0-9 . _ : -", id, maxIdentity)
	}
	return nil
}

// CheckChannel returns an error unless name has 1 to 64 of a-z 0-9 . _ -, beginning with a letter.
func CheckChannel(name string) error {
	odd := func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < '0' || c > '9') && !strings.ContainsRune("._-", c)
	}
	if name == "" || len(name) > 64 || name[0] < 'a' || name[0] > 'z' || strings.ContainsFunc(name, odd) {
		return fmt.Errorf("channel %.80q: use 1 to 64 of a-z 0-9 . _ -, beginning with a letter", name)
	}
	return nil
}

func alnum(c rune) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// ParseAdvisory reads what Marshal wrote, byte for byte.
func ParseAdvisory(b []byte) (*Advisory, error) {
	if len(b) > MaxAdvisory {
		return nil, fmt.Errorf("advisory: more than %d bytes", MaxAdvisory)
	}
	var w advisoryWire
	if err := json.Unmarshal(b, &w); err != nil {
		return nil, fmt.Errorf("advisory: %w", err)
	}
	if w.Advisory != 1 {
		return nil, fmt.Errorf("advisory: version %d is unknown", w.Advisory)
	}
	date, err := time.Parse(time.RFC3339, w.Date)
	if err != nil {
		return nil, fmt.Errorf("advisory: %w", err)
	}
	a := &Advisory{w.Level, date.UTC(), w.Channel, w.Summary, slices.Clone(w.Security)}
	if err := a.Check(); err != nil {
		return nil, err
	}
	if !bytes.Equal(a.Marshal(), b) {
		return nil, fmt.Errorf("advisory: not in canonical form")
	}
	return a, nil
}
