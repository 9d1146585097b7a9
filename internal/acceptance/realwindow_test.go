//go:build realpacks && !windows

package acceptance

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// windowSite is an allure pack on level 0 with an update to 10, a hotfix of that
// level, and a second level 20 with what the hotfix fixes.
type windowSite struct {
	*site
	old, next, fixed, pack  string // trees
	update10, fix, update20 string // bundles
}

const windowProduct = "allure-2.43.0"

func newWindowSite(t *testing.T) *windowSite {
	w := &windowSite{old: lay(t, "allure", "2.43.0"), next: lay(t, "allure", "2.44.0"), fixed: lay(t, "allure", "2.44.0"), pack: lay(t, "allure", "2.43.0")}
	w.site = siteIn(t, t.TempDir())
	w.edit(filepath.Join(w.fixed, "config", "allure.yml"), func(b []byte) []byte { return append(b, "  - fixed-plugin\n"...) })
	w.edit(filepath.Join(w.fixed, "lib", "allure-generator-2.44.0.jar"), func(b []byte) []byte { return append(b, "fixed"...) })
	w.update10 = w.update(windowProduct, w.old, w.next)
	w.fix, w.update20 = filepath.Join(w.dir, "fix.packlift"), filepath.Join(w.dir, "20.packlift")
	w.create("create-hotfix", w.fix, "--from", w.next, "--to", w.fixed, "--level", "10", "--hotfix", "1")
	w.create("create-update", w.update20, "--from", w.next, "--to", w.fixed, "-s", "10", "-e", "20", "--contains-hotfix", "10.1")
	w.want(0, "packlift-import", "init", "--pack", w.pack, "--product", windowProduct, "--level", "0", "--trust", w.trust, "--yes")
	return w
}

func (w *windowSite) create(command, out string, args ...string) {
	w.t.Helper()
	w.want(0, "packlift-export", append([]string{command, "--product", windowProduct, "-r", w.recipient, "--sign-key", w.key("alice"),
		"--sign-key", w.key("bob"), "--trust", w.trust, "--tools", w.tools, "-o", out}, args...)...)
}

func (w *windowSite) edit(name string, change func([]byte) []byte) {
	w.t.Helper()
	b, err := os.ReadFile(name)
	if err == nil {
		err = os.WriteFile(name, change(b), 0o644)
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// on runs the importer on the pack.
func (w *windowSite) on(code int, command string, args ...string) string {
	w.t.Helper()
	return w.want(code, "packlift-import", append([]string{command, "--pack", w.pack}, args...)...)
}

// with runs it with a bundle.
func (w *windowSite) with(code int, command, bundle string, args ...string) string {
	w.t.Helper()
	return w.on(code, command, append([]string{"-i", w.identity, bundle}, args...)...)
}

// A hotfix on and off, a failing health check, an old generation, a damaged jar.
func TestRealPackWindow(t *testing.T) {
	w := newWindowSite(t)
	if out := w.with(4, "apply-update", w.update10, "--health-check", "grep -q nothing-of-this config/allure.yml"); !strings.Contains(out, "back at level 0") {
		t.Errorf("a failing health check says:\n%s", out)
	}
	equalTrees(t, w.pack, w.old)
	w.with(0, "stage", w.update10)
	equalTrees(t, w.pack, w.old)
	w.with(0, "apply-update", w.update10, "--health-check", "test -f lib/allure-generator-2.44.0.jar")
	equalTrees(t, w.pack, w.next)

	w.heal(t)
	w.with(0, "apply-hotfix", w.fix)
	equalTrees(t, w.pack, w.fixed)
	if out := w.with(13, "apply-update", w.update20); !strings.Contains(out, "packlift-import revert-hotfix 1") {
		t.Errorf("an update with a hotfix on says:\n%s", out)
	}
	w.on(0, "revert-hotfix", "1")
	equalTrees(t, w.pack, w.next)

	w.with(0, "apply-update", w.update20)
	equalTrees(t, w.pack, w.fixed)
	w.on(4, "revert", "--to", "g2") // g1 was the one whose health check failed
	equalTrees(t, w.pack, w.old)
	w.on(0, "log", "verify")
}

// A pack that no update has touched, one jar of which is damaged, heals from a full
// bundle of its level, and is updated then.
func TestRealPackHealedFresh(t *testing.T) {
	w := newWindowSite(t)
	jar := filepath.Join(w.pack, "lib", "allure-generator-2.43.0.jar")
	w.edit(jar, func(b []byte) []byte { b[len(b)/2] ^= 1; return b })
	full := filepath.Join(w.dir, "full.packlift")
	w.create("create-update", full, "--to", w.old, "-e", "0")
	if out := w.on(1, "verify-pack"); !strings.Contains(out, "packlift-import heal BUNDLE") {
		t.Errorf("verify-pack says:\n%s", out)
	}
	if out := w.with(0, "apply-update", full); !strings.Contains(out, "packlift-import heal "+full+" --pack "+w.pack+" -i "+w.identity) {
		t.Errorf("apply-update says:\n%s", out)
	}
	w.with(17, "heal", full)
	w.with(0, "heal", full, "--replace", "lib/*.jar")
	w.on(0, "verify-pack")
	equalTrees(t, w.pack, w.old)
	w.with(0, "apply-update", w.update10)
	equalTrees(t, w.pack, w.next)
	w.want(0, "packlift-import", "backup", "list", "--check", "--pack", w.pack)
}

// heal damages a jar that came as a delta and removes one that came whole; the update
// holds both, told from the old files in the backup.
func (w *windowSite) heal(t *testing.T) {
	jar := filepath.Join(w.pack, "lib", "allure-generator-2.44.0.jar")
	w.edit(jar, func(b []byte) []byte { b[len(b)/2] ^= 1; return b })
	if err := os.Remove(filepath.Join(w.pack, "lib", "allure-plugin-api-2.44.0.jar")); err != nil {
		t.Fatal(err)
	}
	w.on(17, "verify-pack")
	if out := w.with(17, "heal", w.update10); !strings.Contains(out, "stays    lib/allure-generator-2.44.0.jar") {
		t.Errorf("heal says:\n%s", out)
	}
	w.with(0, "heal", w.update10, "--replace", "lib/*.jar")
	w.on(0, "verify-pack")
	equalTrees(t, w.pack, w.next)
}
