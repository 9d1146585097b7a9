package site

import (
	"path/filepath"
	"strings"
)

// pathPatterns is a repeatable flag for patterns of the pack's paths.
type pathPatterns struct{ list *[]string }

// slashed is a pattern as paths of the pack are written. On Windows people type the
// separator of that system, which elsewhere takes a character's meaning away.
func slashed(pattern string) string { return filepath.ToSlash(pattern) }

// Set adds a pattern.
func (p pathPatterns) Set(s string) error { return p.Append(s) }

// Append, Replace and GetSlice are what pflag.SliceValue wants.
func (p pathPatterns) Append(s string) error {
	*p.list = append(*p.list, slashed(s))
	return nil
}

// Replace sets all patterns.
func (p pathPatterns) Replace(all []string) error {
	*p.list = nil
	for _, s := range all {
		*p.list = append(*p.list, slashed(s))
	}
	return nil
}

// GetSlice is all patterns.
func (p pathPatterns) GetSlice() []string { return *p.list }

func (p pathPatterns) String() string {
	if p.list == nil {
		return ""
	}
	return strings.Join(*p.list, " ")
}

// Type is the word that usage shows.
func (p pathPatterns) Type() string { return "stringArray" }
