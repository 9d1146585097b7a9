//go:build realpacks

package acceptance

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// transitions are pairs of releases of real products.
var transitions = []struct{ product, from, to string }{
	{"allure", "2.43.0", "2.44.0"},
	{"allure", "2.40.0", "2.46.1"},
	{"liquibase", "4.27.0", "4.28.0"},
	{"typescript", "5.9.2", "5.9.3"},
}

// lay puts a real product's tree into a new folder. It skips where the script
// is missing; a script that fails is a failure.
func lay(t *testing.T, product, version string) string {
	t.Helper()
	packs := os.Getenv("PACKS")
	if packs == "" {
		t.Skip("PACKS names no script that lays product trees")
	}
	if _, err := os.Stat(packs); err != nil {
		t.Skipf("no product trees: %v", err)
	}
	dir := filepath.Join(t.TempDir(), product+"-"+version)
	if out, err := exec.Command(packs, product, version, dir).CombinedOutput(); err != nil {
		t.Fatalf("%s %s cannot be laid: %v: %s", product, version, err, out)
	}
	return dir
}

// TestRealPack takes each product forward and back through the two binaries.
func TestRealPack(t *testing.T) {
	for _, c := range transitions {
		t.Run(c.product+" "+c.from+" to "+c.to, func(t *testing.T) {
			from, to, pack := lay(t, c.product, c.from), lay(t, c.product, c.to), lay(t, c.product, c.from)
			s := siteIn(t, t.TempDir())
			bundle := s.update(c.product+"-"+c.from, from, to)
			s.want(0, "packlift-export", "verify", "--trust", s.trust, bundle)
			s.want(0, "packlift-import", "verify", "--trust", s.trust, "-i", s.identity, bundle)
			s.want(0, "packlift-import", "init", "--pack", pack, "--product", c.product+"-"+c.from, "--level", "0", "--trust", s.trust, "--yes")
			before := list(t, pack)
			s.want(0, "packlift-import", "apply-update", "--pack", pack, "-i", s.identity, "--dry-run", bundle)
			if after := list(t, pack); len(after) != len(before) {
				t.Errorf("--dry-run: %d entries became %d", len(before), len(after))
			}
			s.want(0, "packlift-import", "apply-update", "--pack", pack, "-i", s.identity, bundle)
			equalTrees(t, pack, to)
			s.want(0, "packlift-import", "verify-pack", "--pack", pack)
			if out := s.want(0, "packlift-import", "current-state", "--pack", pack); !strings.Contains(out, "10") {
				t.Errorf("current-state does not name level 10:\n%s", out)
			}
			s.want(0, "packlift-import", "apply-update", "--pack", pack, "-i", s.identity, bundle)
			s.want(4, "packlift-import", "revert", "--pack", pack)
			equalTrees(t, pack, from)
			s.want(0, "packlift-import", "log", "verify", "--pack", pack)
			report(t, bundle)
		})
	}
}

func report(t *testing.T, bundle string) {
	t.Helper()
	if info, err := os.Stat(bundle); err == nil {
		t.Logf("bundle of %d bytes: created, verified, applied, reverted; both trees equal", info.Size())
	}
}

// TestStockToolsRealPack verifies and opens a real product's bundle with the stock tools.
func TestStockToolsRealPack(t *testing.T) {
	needStock(t)
	from, to := lay(t, "allure", "2.43.0"), lay(t, "allure", "2.44.0")
	s := siteIn(t, t.TempDir())
	bundle := s.update("allure-2.43.0", from, to)
	r := stock(t, bundle, s.trust, s.identity)
	if r.code != 0 || strings.Contains(r.out, "FAILED") {
		t.Fatalf("exit code %d\n%s", r.code, r.out)
	}
	t.Log("\n" + r.out)
	good := readMembers(t, bundle)
	file := filepath.Join(s.dir, "copy.packlift")
	for _, m := range good {
		writeMembers(t, file, flip(m.name).change(clone(good), nil))
		s.refusedByAll(t, file, s.trust)
	}
}
