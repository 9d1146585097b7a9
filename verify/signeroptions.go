package verify

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"packlift/internal/fault"
)

// maxPatterns caps the patterns in one namespaces= option.
const maxPatterns = 64

// cutOptions splits off the options field, in which double quotes protect
// spaces.
func cutOptions(s string) (options, rest string, err error) {
	quoted := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			quoted = !quoted
		case c == '\\' && quoted:
			return "", "", errors.New("options: a backslash stands in quotes")
		case (c == ' ' || c == '\t') && !quoted:
			return s[:i], strings.TrimLeft(s[i:], " \t"), nil
		}
	}
	if quoted {
		return "", "", errors.New("options: a quote is not closed")
	}
	return "", "", errors.New("holds no public key")
}

// setOptions reads a comma-separated list of the options of ssh-keygen(1),
// ALLOWED SIGNERS; names are case-insensitive there.
func (s *signer) setOptions(options string) error {
	seen := map[string]bool{}
	for _, o := range splitOptions(options) {
		name, value, _ := strings.Cut(o, "=")
		name = strings.ToLower(name)
		if seen[name] {
			return fmt.Errorf("option %q stands twice", name)
		}
		seen[name] = true
		if err := s.setOption(name, value); err != nil {
			return err
		}
	}
	if !s.after.IsZero() && !s.before.IsZero() && !s.after.Before(s.before) {
		return errors.New("valid-after is not before valid-before")
	}
	return nil
}

func splitOptions(s string) []string {
	var out []string
	quoted, start := false, 0
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '"':
			quoted = !quoted
		case s[i] == ',' && !quoted:
			out = append(out, s[start:i])
			start = i + 1
		}
	}
	return append(out, s[start:])
}

func (s *signer) setOption(name, value string) (err error) {
	if name == "cert-authority" {
		return fault.New(fault.Untrusted, "cert-authority lines are not supported: a key counts by itself, not by a certificate").
			WithHint("list each signer's own public key")
	}
	text, ok := unquote(value)
	if !ok {
		return fmt.Errorf("option %.40q is unknown, or its value is not in double quotes", name)
	}
	switch name {
	case "namespaces":
		s.namespaces = strings.Split(text, ",")
		if len(s.namespaces) > maxPatterns || text == "" {
			return fmt.Errorf("namespaces= has not 1 to %d patterns", maxPatterns)
		}
	case "valid-after":
		s.after, err = parseTime(text)
	case "valid-before":
		s.before, err = parseTime(text)
	default:
		return fmt.Errorf("option %.40q is unknown", name)
	}
	return err
}

func unquote(s string) (string, bool) {
	if len(s) < 2 || s[0] != '"' || s[len(s)-1] != '"' {
		return "", false
	}
	s = s[1 : len(s)-1]
	return s, !strings.Contains(s, `"`)
}

// parseTime reads YYYYMMDD[HHMM[SS]][Z] (ssh-keygen(1), TIMESTAMPS): without Z in
// the machine's time zone, as ssh-keygen does.
func parseTime(s string) (time.Time, error) {
	digits, zone := s, time.Local
	if n := len(s); n > 0 && (s[n-1] == 'Z' || s[n-1] == 'z') {
		digits, zone = s[:n-1], time.UTC
	}
	layouts := map[int]string{8: "20060102", 12: "200601021504", 14: "20060102150405"}
	layout, ok := layouts[len(digits)]
	if !ok {
		return time.Time{}, fmt.Errorf("time %.40q is not YYYYMMDD[HHMM[SS]][Z]", s)
	}
	t, err := time.ParseInLocation(layout, digits, zone)
	if err != nil || t.Unix() <= 0 {
		return time.Time{}, fmt.Errorf("time %.40q is not YYYYMMDD[HHMM[SS]][Z]", s)
	}
	return t, nil
}

// checkWindow returns why s may not sign at that time; both ends are inside.
func (s *signer) checkWindow(at time.Time) error {
	if !s.after.IsZero() && at.Before(s.after) {
		return fmt.Errorf("key of %s is valid only after %s", s.principal, s.after.UTC().Format(time.RFC3339))
	}
	if !s.before.IsZero() && at.After(s.before) {
		return fmt.Errorf("key of %s expired at %s", s.principal, s.before.UTC().Format(time.RFC3339))
	}
	return nil
}

// allows reports whether the namespaces= option lets s sign under ns. A
// pattern list is OpenSSH's (ssh_config(5), PATTERNS): * and ?, and a matching
// pattern with ! in front refuses whatever else matches.
func (s *signer) allows(ns string) bool {
	if s.namespaces == nil {
		return true
	}
	found := false
	for _, p := range s.namespaces {
		p, negated := strings.CutPrefix(p, "!")
		if !matchPattern(p, ns) {
			continue
		}
		if negated {
			return false
		}
		found = true
	}
	return found
}

// matchPattern matches * and ? in time proportional to len(p)×len(s).
func matchPattern(p, s string) bool {
	star, mark := -1, 0
	i, j := 0, 0
	for j < len(s) {
		switch {
		case i < len(p) && p[i] == '*':
			star, mark = i, j
			i++
		case i < len(p) && (p[i] == '?' || p[i] == s[j]):
			i, j = i+1, j+1
		case star >= 0:
			mark++
			i, j = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(p[i:], "*") == ""
}
