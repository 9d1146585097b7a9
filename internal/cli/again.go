package cli

import (
	"os"
	"strings"
)

// Again is the command line of this run, as it would be typed in a POSIX shell.
func Again() string {
	words := make([]string, len(os.Args))
	for i, w := range os.Args {
		words[i] = shellWord(w)
	}
	return strings.Join(words, " ")
}

// shellWord quotes s where a shell would take it apart.
func shellWord(s string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./=:,@%+", r) || r > 127
	}
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
