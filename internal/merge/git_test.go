package merge

import (
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// mergeFile is what git merge-file makes of the three; ok false: it has conflicts.
func mergeFile(t *testing.T, dir, base, ours, theirs string) (out string, ok bool) {
	t.Helper()
	for name, text := range map[string]string{"base": base, "ours": ours, "theirs": theirs} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("git", "merge-file", "-p", "-q", "ours", "base", "theirs")
	cmd.Dir = dir
	b, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() > 0 && exit.ExitCode() < 128 {
		return "", false
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(b), true
}

// TestAgainstGit: what merges here merges in git to the same bytes.
func TestAgainstGit(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("no git here")
	}
	dir := t.TempDir()
	var both, neither, onlyGit, onlyHere int
	for seed := range uint64(600) {
		base, ours, theirs := generated(rand.New(rand.NewPCG(seed, 2)))
		git, ok := mergeFile(t, dir, strings.Join(base, ""), strings.Join(ours, ""), strings.Join(theirs, ""))
		got, here := mergeLines(base, ours, theirs)
		switch {
		case ok && here:
			if both++; strings.Join(got, "") != git {
				t.Errorf("seed %d: %q, git %q", seed, got, git)
			}
		case here:
			onlyHere++
			t.Logf("seed %d: only here: %q %q %q", seed, base, ours, theirs)
		case ok:
			onlyGit++
		default:
			neither++
		}
	}
	t.Logf("both merge %d, both refuse %d, only git %d, only here %d", both, neither, onlyGit, onlyHere)
	if both < 100 || onlyGit+onlyHere > 12 {
		t.Errorf("both merge %d, both refuse %d, only git %d, only here %d", both, neither, onlyGit, onlyHere)
	}
}
