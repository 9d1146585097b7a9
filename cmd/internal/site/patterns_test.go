package site

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/spf13/pflag"
)

// A pattern may be typed with the system's own separator; where that is the slash, a
// backslash keeps what it means in a pattern.
func TestPatternsAreSlashed(t *testing.T) {
	var list []string
	f := pflag.NewFlagSet("x", pflag.ContinueOnError)
	f.Var(pathPatterns{&list}, "ours", "`GLOB`")
	typed := filepath.FromSlash("lib/*.jar")
	if err := f.Parse([]string{"--ours", typed, "--ours=**"}); err != nil || !slices.Equal(list, []string{"lib/*.jar", "**"}) {
		t.Errorf("%q, %v", list, err)
	}
	var g globs
	if err := g.Set(typed); err != nil || !g.Matches("lib/core.jar") {
		t.Errorf("%q, %v", g, err)
	}
	if want := map[rune]string{'/': `a\#b`, '\\': "a/#b"}[filepath.Separator]; slashed(`a\#b`) != want {
		t.Errorf("%q, want %q", slashed(`a\#b`), want)
	}
}
