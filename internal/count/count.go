// Package count writes numbers of things for people.
package count

import (
	"fmt"
	"strings"
)

// Of writes a number of things: 1 check, 2 checks, 3 entries, 4 processes, 5 changed files.
func Of(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %s", n, plural(thing))
}

func plural(word string) string {
	switch stem, y := strings.CutSuffix(word, "y"); {
	case y && !strings.ContainsAny(stem[max(0, len(stem)-1):], "aeiou"):
		return stem + "ies"
	case strings.HasSuffix(word, "s") || strings.HasSuffix(word, "x") || strings.HasSuffix(word, "sh") || strings.HasSuffix(word, "ch"):
		return word + "es"
	}
	return word + "s"
}

// Are is "1 file is", "2 files are".
func Are(n int, thing string) string { return Of(n, thing) + " " + Verb(n, "is", "are") }

// Verb picks the form that goes with n things.
func Verb(n int, one, more string) string {
	if n == 1 {
		return one
	}
	return more
}
