// Package summary writes for people what published levels say of themselves.
// Its texts are Markdown; the levels' own words are indented by nothing and stand as they are.
package summary

import (
	"fmt"
	"strings"
	"time"

	"packlift/bundle"
)

// Name is the file, in a pack's updates/, of what levels above from up to to
// say: update-summary-0003-0010.md. A pack that held nothing counts as level 0.
func Name(from, to int) string {
	return fmt.Sprintf("update-summary-%04d-%04d.md", max(from, 0), max(to, 0))
}

// Between keeps the advisories of levels above from, up to to.
func Between(list []*bundle.Advisory, from, to int) (out []*bundle.Advisory) {
	for _, a := range list {
		if a.Level > from && a.Level <= to {
			out = append(out, a)
		}
	}
	return out
}

// Text is the summary of the levels above from, up to to.
func Text(product, version string, from, to int, list []*bundle.Advisory) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "# Update summary\n\nProduct: %s-%s\n\nUpdate level: %04d -> %04d\n", product, version, max(from, 0), max(to, 0))
	list = Between(list, from, to)
	if len(list) == 0 {
		b.WriteString("\n_None of these levels says anything of itself._\n")
	}
	for _, a := range list {
		fmt.Fprintf(&b, "\n## Level %d (%s, channel %s)\n", a.Level, a.Date.Format(time.DateOnly), a.Channel)
		if len(a.Security) > 0 {
			fmt.Fprintf(&b, "\nSecurity: %s\n", strings.Join(a.Security, ", "))
		}
		if text := strings.TrimSpace(a.Summary); text != "" {
			fmt.Fprintf(&b, "\n%s\n", text)
		}
	}
	return []byte(b.String())
}

// Line tells a level in one line: its first words, and what it mends.
func Line(a *bundle.Advisory) string {
	first, _, _ := strings.Cut(strings.TrimSpace(a.Summary), "\n")
	out := fmt.Sprintf("level %d  %s  %s", a.Level, a.Date.Format(time.DateOnly), a.Channel)
	if first = strings.TrimSpace(strings.TrimLeft(first, "# ")); first != "" {
		out += "  " + first
	}
	if len(a.Security) > 0 {
		out += "\n    security: " + strings.Join(a.Security, ", ")
	}
	return out
}

// Entry is an advisory as JSON lines give it.
type Entry struct {
	Level    int       `json:"level"`
	Date     time.Time `json:"date"`
	Channel  string    `json:"channel"`
	Summary  string    `json:"summary"`
	Security []string  `json:"security"`
}

// EntryOf is a's.
func EntryOf(a *bundle.Advisory) Entry {
	return Entry{a.Level, a.Date, a.Channel, a.Summary, append([]string{}, a.Security...)}
}
