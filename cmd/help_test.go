package cmd

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	definedFlag   = regexp.MustCompile(`(?m)^ +(?:-\w, )?--([a-z-]+)`)
	mentionedFlag = regexp.MustCompile(`(?:([a-z-]+)\s+)?--([a-z][a-z-]*[a-z])`)
)

// Each flag that a help text names is one of that command's, or of the command that is
// named right before it.
func TestHelpNamesFlagsThatThereAre(t *testing.T) {
	all := append(helps(t, "packlift-import"), helps(t, "packlift-export")...)
	flags := map[string][]string{} // by the command's last word, of either tool
	for _, h := range all {
		name := h.words[len(h.words)-1]
		flags[name] = append(flags[name], flagsOf(h.text)...)
	}
	mentions := 0
	for _, h := range all {
		own := flagsOf(h.text)
		of := ""
		for _, m := range mentionedFlag.FindAllStringSubmatch(definedFlag.ReplaceAllString(h.text, ""), -1) {
			mentions++
			if m[1] != "or" && m[1] != "and" { // they go on with the same command's
				of = m[1]
			}
			if !slices.Contains(own, m[2]) && !slices.Contains(flags[of], m[2]) {
				t.Errorf("the help of %s says %q, and there is no --%s", strings.Join(h.words, " "), m[0], m[2])
			}
		}
	}
	if mentions < 50 {
		t.Errorf("only %d flags are named", mentions)
	}
}

func flagsOf(text string) (out []string) {
	for _, m := range definedFlag.FindAllStringSubmatch(text, -1) {
		out = append(out, m[1])
	}
	return out
}
