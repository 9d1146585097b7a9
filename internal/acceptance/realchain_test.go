//go:build realpacks

package acceptance

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// chainVersions are the releases that stand for levels 0, 2, 4, 6, 8 and 10.
var chainVersions = []string{"2.40.0", "2.41.0", "2.42.1", "2.43.0", "2.44.0", "2.46.1"}

// mostForBetween is how much larger a bundle with four levels between may be
// than one from end to end, its tools aside.
const mostForBetween = 1.6

const chainProduct = "allure-2.40.0"

// TestRealPackChain carries five levels of a product in one bundle: from each
// stop to the end and back, from the first to each, and what it costs.
func TestRealPackChain(t *testing.T) {
	var trees []string
	for _, v := range chainVersions {
		trees = append(trees, lay(t, "allure", v))
	}
	s := siteIn(t, t.TempDir())
	end := s.update(chainProduct, trees[0], trees[len(trees)-1])
	file := s.chain(trees)
	s.want(0, "packlift-import", "verify", "--trust", s.trust, "-i", s.identity, file)
	for i := range trees[:len(trees)-1] {
		s.through(t, file, trees, i, len(trees)-1)
		if i > 0 {
			s.through(t, file, trees, 0, i)
		}
	}
	whole, through := s.withoutTools(t, end), s.withoutTools(t, file)
	ratio := float64(through) / float64(whole)
	t.Logf("with four levels between %d bytes, end to end %d: %.3f times", through, whole, ratio)
	if ratio >= mostForBetween {
		t.Errorf("the bundle is %.3f times as large, at most %.1f was expected", ratio, mostForBetween)
	}
}

// chain makes a bundle with a stop on each tree.
func (s *site) chain(trees []string) string {
	s.t.Helper()
	last := len(trees) - 1
	file := filepath.Join(s.dir, "chain.packlift")
	args := []string{"create-update", "--from", trees[0], "--to", trees[last], "--product", chainProduct, "-s", "0", "-e", fmt.Sprint(2 * last), "-r", s.recipient,
		"--sign-key", s.key("alice"), "--sign-key", s.key("bob"), "--trust", s.trust, "--tools", s.tools, "-o", file}
	for i, tree := range trees[1:last] {
		args = append(args, "--between", fmt.Sprintf("%d=%s", 2*(i+1), tree))
	}
	s.want(0, "packlift-export", args...)
	return file
}

// through takes a site from one stop to another and back.
func (s *site) through(t *testing.T, file string, trees []string, from, to int) {
	t.Helper()
	pack := filepath.Join(s.dir, fmt.Sprintf("pack-%d-%d", from, to))
	copyPack(t, trees[from], pack)
	defer os.RemoveAll(pack)
	s.want(0, "packlift-import", "init", "--pack", pack, "--product", chainProduct, "--level", fmt.Sprint(2*from), "--trust", s.trust, "--yes")
	s.want(0, "packlift-import", "apply-update", "--pack", pack, "-i", s.identity, "--level", fmt.Sprint(2*to), file)
	equalTrees(t, pack, trees[to])
	s.want(0, "packlift-import", "verify-pack", "--pack", pack)
	s.want(4, "packlift-import", "revert", "--pack", pack)
	equalTrees(t, pack, trees[from])
}

// withoutTools is what a bundle takes beside its importers.
func (s *site) withoutTools(t *testing.T, file string) int64 {
	t.Helper()
	var m struct {
		Parts map[string]struct {
			Stored struct{ Size int64 }
		}
	}
	if err := json.Unmarshal(readMember(t, file, "MANIFEST.json"), &m); err != nil || len(m.Parts) != 3 {
		t.Fatalf("%v: %v", m, err)
	}
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size() - m.Parts["tools"].Stored.Size
}

// readMember gives a member of the bundle's outer tar.
func readMember(t *testing.T, file, name string) []byte {
	t.Helper()
	for _, m := range readMembers(t, file) {
		if m.name == name {
			return m.data
		}
	}
	t.Fatalf("%s has no %s", file, name)
	return nil
}
