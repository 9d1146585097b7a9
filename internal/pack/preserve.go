package pack

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// PreserveFile lists patterns of paths that no update may touch, one a line, as
// in a .gitignore at the pack's top (git-scm.com/docs/gitignore).
const PreserveFile = Dir + "/preserve"

const (
	maxPreserve = 256 << 10
	maxPattern  = 1024
	maxPatterns = 1000
)

// wso2Data is what a WSO2 product keeps of its own in its tree.
var wso2Data = []string{
	"/solr/data/", "/repository/data/", "/repository/database/*.h2.db", "/repository/database/*.mv.db", "/repository/tenants/",
	"/repository/deployment/server/", "/repository/resources/security/*.jks", "/repository/resources/security/*.p12",
	"/repository/resources/security/*.pfx", "/repository/resources/security/*.bcfks", "/repository/logs/",
}

// Preserve is a list of patterns. The zero value matches nothing.
type Preserve struct {
	Lines   []string // as they stand in the file
	Default bool     // the product's own list: the pack has no file
	rules   []rule
}

type rule struct {
	glob             string
	negated, dirOnly bool
}

// Preserve reads the pack's patterns, or gives those that its product has by default.
func (p *Pack) Preserve() (*Preserve, error) {
	b, err := p.root.ReadFile(PreserveFile, maxPreserve)
	if errors.Is(err, fs.ErrNotExist) {
		var lines []string
		if strings.HasPrefix(p.name, "wso2") {
			lines = wso2Data
		}
		out, err := ParsePreserve(strings.Join(lines, "\n"))
		if err == nil {
			out.Default = true
		}
		return out, err
	}
	if err != nil {
		return nil, err
	}
	out, err := ParsePreserve(string(b))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p.root.Full(PreserveFile), err)
	}
	return out, nil
}

// SavePreserve replaces the pack's patterns.
func (p *Pack) SavePreserve(lines []string) error {
	text := strings.Join(lines, "\n")
	if text != "" {
		text += "\n"
	}
	if _, err := ParsePreserve(text); err != nil {
		return err
	}
	return p.root.WriteFile(PreserveFile, []byte(text), privateFile)
}

// ParsePreserve reads patterns, one a line.
func ParsePreserve(text string) (*Preserve, error) {
	out := &Preserve{}
	for i, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		line = strings.TrimSuffix(line, "\r")
		r, ok, err := parseRule(line)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, err)
		}
		if ok {
			out.rules = append(out.rules, r)
		}
		if line != "" || i > 0 {
			out.Lines = append(out.Lines, line)
		}
	}
	if len(out.rules) > maxPatterns {
		return nil, fmt.Errorf("%d patterns, the most is %d", len(out.rules), maxPatterns)
	}
	return out, nil
}

func parseRule(line string) (r rule, ok bool, err error) {
	s := trimSpaces(line)
	if s == "" || strings.HasPrefix(s, "#") {
		return r, false, nil
	}
	if len(s) > maxPattern || !printable(s) {
		return r, false, fmt.Errorf("%.40q is no pattern: it is too long or holds control characters", s)
	}
	s, r.negated = strings.CutPrefix(s, "!")
	s, r.dirOnly = strings.CutSuffix(s, "/")
	anchored := strings.Contains(s, "/")
	if s = strings.TrimPrefix(s, "/"); s == "" {
		return r, false, fmt.Errorf("%q is no pattern", line)
	}
	if !anchored {
		s = "**/" + s
	}
	if strings.HasSuffix(s, "/**") { // all in it, not the folder itself
		s += "/*"
	}
	r.glob = strings.NewReplacer("{", `\{`, "}", `\}`).Replace(s)
	if strings.Contains(s, "[[:") || !doublestar.ValidatePattern(r.glob) {
		return r, false, fmt.Errorf("%q is no pattern", line)
	}
	return r, true, nil
}

// trimSpaces takes spaces from the end that no backslash stands before.
func trimSpaces(s string) string {
	for strings.HasSuffix(s, " ") && !strings.HasSuffix(s, `\ `) {
		s = s[:len(s)-1]
	}
	return s
}

// Match tells whether p, or a folder above it, is preserved.
func (l *Preserve) Match(p string, dir bool) bool {
	if len(l.rules) == 0 {
		return false
	}
	for i := 0; i < len(p); i++ {
		if p[i] == '/' && l.matchOne(p[:i], true) {
			return true
		}
	}
	return l.matchOne(p, dir)
}

// matchOne: the last rule that matches decides.
func (l *Preserve) matchOne(p string, dir bool) bool {
	for i := len(l.rules) - 1; i >= 0; i-- {
		r := &l.rules[i]
		if r.dirOnly && !dir {
			continue
		}
		if doublestar.MatchUnvalidated(r.glob, p) {
			return !r.negated
		}
	}
	return false
}

// MatchAny tells whether p, or a folder above it, matches one of the globs, where
// ** stands for any folders.
func MatchAny(globs []string, p string) bool {
	for ; p != "."; p = path.Dir(p) {
		for _, g := range globs {
			if doublestar.MatchUnvalidated(strings.TrimSuffix(g, "/"), p) {
				return true
			}
		}
	}
	return false
}

// CheckGlob refuses what MatchAny cannot match.
func CheckGlob(g string) error {
	if g == "" || len(g) > maxPattern || !printable(g) || !doublestar.ValidatePattern(g) {
		return fmt.Errorf("%.80q is no pattern of paths", g)
	}
	return nil
}
