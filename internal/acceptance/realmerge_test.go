//go:build realpacks

package acceptance

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"packlift/internal/merge"
)

// mergedReleases are pairs of releases whose changed texts are customized and merged.
var mergedReleases = []struct{ product, from, to string }{
	{"allure", "2.40.0", "2.41.0"},
	{"allure", "2.41.0", "2.42.1"},
	{"allure", "2.40.0", "2.46.1"},
	{"liquibase", "4.27.0", "4.28.0"},
	{"typescript", "5.8.3", "5.9.2"},
	{"typescript", "5.9.2", "5.9.3"},
}

// customizings is how many times each text is customized, each time otherwise.
const customizings = 24

// changedFile is a text of a release and of the next one.
type changedFile struct {
	name      string
	old, next []byte
}

// changedTexts are the texts that differ between two trees, each content once.
func changedTexts(t *testing.T, from, to string, seen map[[32]byte]bool) (out []changedFile) {
	t.Helper()
	err := filepath.WalkDir(from, func(full string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		name, _ := filepath.Rel(from, full)
		next, err := os.ReadFile(filepath.Join(to, name))
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		old, err2 := os.ReadFile(full)
		if err := errors.Join(err, err2); err != nil {
			return err
		}
		key := sha256.Sum256(slices.Concat(old, []byte{0}, next))
		if !seen[key] && !bytes.Equal(old, next) && merge.IsText(old) && merge.IsText(next) {
			seen[key] = true
			out = append(out, changedFile{name, old, next})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// customize edits f's old lines at one to six places, as sites do: a value changed,
// a line switched off, added, taken out, moved, a block indented; near what the
// release changed as often as not; now and then the release's own change is there.
func customize(f *changedFile, r *rand.Rand) []byte {
	lines := strings.SplitAfter(string(f.old), "\n")
	if lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	end := "\n"
	if strings.Contains(lines[0], "\r\n") {
		end = "\r\n"
	}
	hot := hotLines(lines, string(f.next))
	for n := 1 + r.IntN(6); n > 0 && len(lines) > 1; n-- {
		at := r.IntN(len(lines))
		if len(hot) > 0 && r.IntN(2) == 0 {
			at = min(max(hot[r.IntN(len(hot))]+r.IntN(7)-3, 0), len(lines)-1)
		}
		lines = edit(lines, at, end, r)
	}
	return []byte(strings.Join(lines, ""))
}

// hotLines are the lines that the next release does not have.
func hotLines(lines []string, next string) (out []int) {
	has := map[string]bool{}
	for line := range strings.SplitAfterSeq(next, "\n") {
		has[line] = true
	}
	for i, line := range lines {
		if !has[line] {
			out = append(out, i)
		}
	}
	return out
}

func edit(lines []string, at int, end string, r *rand.Rand) []string {
	line := strings.TrimRight(lines[at], "\r\n")
	last := lines[at][len(line):] // its end, or none
	switch r.IntN(7) {
	case 0:
		lines[at] = line + " # site" + last
	case 1:
		lines[at] = "# " + line + last
	case 2:
		return slices.Insert(lines, at, fmt.Sprintf("site.option.%d = %d%s", r.IntN(9), r.IntN(99), end))
	case 3:
		return slices.Delete(lines, at, min(at+1+r.IntN(3), len(lines)))
	case 4:
		lines[at] = strings.NewReplacer("1", "7", "=", "= site", ":", ": site ").Replace(line) + last
	case 5:
		for i := at; i < min(at+1+r.IntN(5), len(lines)); i++ {
			lines[i] = "  " + lines[i]
		}
	default:
		to := r.IntN(len(lines))
		lines[at], lines[to] = lines[to], lines[at]
	}
	return lines
}

// gitMerges is what git merge-file makes of the three; ok false: it has conflicts.
func gitMerges(t *testing.T, dir string, base, ours, theirs []byte) (out []byte, ok bool) {
	t.Helper()
	for name, text := range map[string][]byte{"base": base, "ours": ours, "theirs": theirs} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("git", "merge-file", "-p", "-q", "ours", "base", "theirs")
	cmd.Dir = dir
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() > 0 && exit.ExitCode() < 128 {
		return nil, false
	}
	if err != nil {
		t.Fatal(err)
	}
	return out, true
}

// TestRealPackMerges: what sites could make of the texts of real releases merges with
// the next release as git merge-file does it, and what git cannot merge is a conflict.
func TestRealPackMerges(t *testing.T) {
	needTools(t, "git")
	dir, seen := t.TempDir(), map[[32]byte]bool{}
	var both, neither, onlyGit, onlyHere, files int
	for _, c := range mergedReleases {
		for _, f := range changedTexts(t, lay(t, c.product, c.from), lay(t, c.product, c.to), seen) {
			files++
			h := fnv.New64a()
			h.Write([]byte(f.name))
			for n := range uint64(customizings) {
				ours := customize(&f, rand.New(rand.NewPCG(h.Sum64(), n)))
				git, ok := gitMerges(t, dir, f.old, ours, f.next)
				got, why := merge.Text(f.old, ours, f.next)
				what := fmt.Sprintf("%s %s to %s, %s, customizing %d", c.product, c.from, c.to, f.name, n)
				switch {
				case ok && why == "":
					if both++; !bytes.Equal(got, git) {
						t.Errorf("%s: not as git merge-file merges it", what)
					}
				case why == "":
					onlyHere++
					t.Logf("%s: merges only here", what)
				case ok:
					onlyGit++
					t.Logf("%s: merges only in git: %s", what, why)
				default:
					neither++
				}
			}
		}
	}
	t.Logf("%d texts: both merge %d, both refuse %d, only git %d, only here %d", files, both, neither, onlyGit, onlyHere)
	if both < 300 || neither < 100 || onlyHere > 0 || onlyGit > both/100 {
		t.Errorf("both merge %d, both refuse %d, only git %d, only here %d", both, neither, onlyGit, onlyHere)
	}
}
