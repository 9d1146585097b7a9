//go:build realpacks && linux

package acceptance

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// allureLevels are releases of allure as levels of one product: the minor
// version is the level. 42 and 46 are of channel security.
var allureLevels = []struct {
	level            int
	version, channel string
}{{40, "2.40.0", "full"}, {41, "2.41.0", "full"}, {42, "2.42.1", "security"}, {43, "2.43.0", "full"}, {44, "2.44.0", "full"}, {46, "2.46.1", "security"}}

// TestRealDepot publishes six levels: three sites on different ones take one
// bundle, and one connected pack is brought up in place in a channel.
func TestRealDepot(t *testing.T) {
	s := siteIn(t, t.TempDir())
	depot := filepath.Join(s.dir, "depot")
	trees := map[int]string{}
	for _, l := range allureLevels {
		trees[l.level] = lay(t, "allure", l.version)
		s.want(0, "packlift-export", "publish", trees[l.level], "--product", "allure-2", "--depot", depot, "--level", fmt.Sprint(l.level),
			"--channel", l.channel, "--security", fmt.Sprintf("CVE-2026-%04d", l.level), "--sign-key", s.key("alice"), "--sign-key", s.key("bob"), "--trust", s.trust, "--tools", s.tools)
	}
	s.want(0, "packlift-export", "depot", "check", "--depot", depot, "--product", "allure-2", "--trust", s.trust)
	args := []string{"create-update", "--depot", depot, "--product", "allure-2", "-r", s.recipient, "--sign-key", s.key("alice"), "--sign-key", s.key("bob"),
		"--trust", s.trust, "--tools", s.tools, "-o", filepath.Join(s.dir, "all.packlift")}
	sites := []int{40, 42, 44}
	for _, level := range sites {
		pack := siteOn(t, s, trees, level)
		state := filepath.Join(s.dir, fmt.Sprintf("%d.state", level))
		s.want(0, "packlift-import", "current-state", "--pack", pack, "--export", state)
		args = append(args, "--for", state)
	}
	if out := s.want(0, "packlift-export", args...); !strings.Contains(out, "0040 -> 0042 -> 0044 -> 0046") {
		t.Errorf("the bundle for sites on 40, 42 and 44 is of other levels:\n%s", out)
	}
	for _, level := range sites {
		pack := filepath.Join(s.dir, fmt.Sprint("site", level))
		s.want(0, "packlift-import", "apply-update", "--pack", pack, "-i", s.identity, filepath.Join(s.dir, "all.packlift"))
		equalTrees(t, pack, trees[46])
	}
	connected(t, s, depot, trees)
	report(t, filepath.Join(s.dir, "all.packlift"))
}

func siteOn(t *testing.T, s *site, trees map[int]string, level int) string {
	t.Helper()
	pack := filepath.Join(s.dir, fmt.Sprint("site", level))
	copyPack(t, trees[level], pack)
	s.want(0, "packlift-import", "init", "--pack", pack, "--product", "allure-2", "--level", fmt.Sprint(level), "--trust", s.trust, "--yes")
	return pack
}

// connected goes from 41 to what channel security offers, and back.
func connected(t *testing.T, s *site, depot string, trees map[int]string) {
	t.Helper()
	pack := siteOn(t, s, trees, 41)
	s.want(0, "packlift-export", "update", pack, "--depot", depot, "--channel", "security", "--level", "42")
	equalTrees(t, pack, trees[42])
	s.want(0, "packlift-export", "update", pack, "--depot", depot)
	equalTrees(t, pack, trees[46])
	s.want(4, "packlift-export", "update", pack, "--revert")
	equalTrees(t, pack, trees[42])
}
