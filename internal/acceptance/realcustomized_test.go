//go:build realpacks && !windows

package acceptance

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	siteYML  = "config/allure.yml" // the hotfix and level 20 append to it
	siteFile = "bin/allure"        // each release has another class path in it
	siteJar  = "lib/allure-generator-2.44.0.jar"
)

func (w *windowSite) read(tree, name string) []byte {
	w.t.Helper()
	b, err := os.ReadFile(filepath.Join(tree, filepath.FromSlash(name)))
	if err != nil {
		w.t.Fatal(err)
	}
	return b
}

// ofSite is how the site has a file: a plugin of its own in front, a jar of its own
// on the class path.
func ofSite(name string, b []byte) []byte {
	if name == siteYML {
		return bytes.Replace(b, []byte("plugins:\n"), []byte("plugins:\n  - custom-logo-plugin\n"), 1)
	}
	return bytes.Replace(b, []byte("CLASSPATH=$APP_HOME/lib/"), []byte("CLASSPATH=$APP_HOME/lib/site.jar:$APP_HOME/lib/"), 1)
}

// customized wants the pack to be tree with the site's own in both files.
func (w *windowSite) customized(what, tree string) {
	w.t.Helper()
	want, got := list(w.t, tree), list(w.t, w.pack)
	for _, name := range []string{siteYML, siteFile} {
		mode, text, _ := strings.Cut(want[name], "\x00")
		mine := ofSite(name, []byte(text))
		if string(mine) == text {
			w.t.Fatalf("%s: %s cannot be customized", tree, name)
		}
		want[name] = mode + "\x00" + string(mine)
	}
	for name := range want {
		if got[name] != want[name] {
			w.t.Errorf("%s: %s is not what it should be", what, name)
		}
	}
	for name := range got {
		if _, ok := want[name]; !ok {
			w.t.Errorf("%s: %s is too much", what, name)
		}
	}
}

// The whole story of a site that has edited files: a conflict dropped, then decided
// by hand; a hotfix merged, on and off; a damaged jar healed; a health check that
// fails; the next level merged; the first level restored.
func TestRealPackCustomized(t *testing.T) {
	w := newWindowSite(t)
	for _, name := range []string{siteYML, siteFile} {
		w.edit(filepath.Join(w.pack, name), func(b []byte) []byte { return ofSite(name, b) })
	}
	w.customized("begun", w.old)
	w.decideUpdate()
	w.healCustomized()
	w.hotfixCustomized()

	if out := w.with(4, "apply-update", w.update20, "--health-check", "exit 1"); !strings.Contains(out, "back at level 10") {
		t.Errorf("a failing health check says:\n%s", out)
	}
	w.customized("after a failed check", w.next)
	w.with(0, "stage", w.update20)
	if out := w.with(0, "apply-update", w.update20, "--health-check", "grep -q fixed-plugin config/allure.yml"); !strings.Contains(out, "1 merged with the update's changes: "+siteYML) {
		t.Errorf("a merge says:\n%s", out)
	}
	w.customized("on level 20", w.fixed)
	w.on(0, "verify-pack") // which knows what was merged and decided

	w.on(4, "revert", "--to", "0")
	final := filepath.Join(w.pack, siteFile+".final")
	if err := os.Remove(final); err != nil { // it came back, as the site's own work
		t.Error(err)
	}
	w.customized("the old generation", w.old)
	w.on(0, "log", "verify")
}

// decideUpdate brings the pack to level 10, whose class path meets the site's.
func (w *windowSite) decideUpdate() {
	w.t.Helper()
	before := list(w.t, w.pack)
	if out := w.with(3, "apply-update", w.update10, "--dry-run"); !strings.Contains(out, "conflict: "+siteFile) || strings.Contains(out, "conflict: "+siteYML) {
		w.t.Errorf("a dry run says:\n%s", out)
	}
	w.with(3, "apply-update", w.update10)
	for end, tree := range map[string]string{".original": w.old, ".new": w.next} {
		if !bytes.Equal(w.read(w.pack, siteFile+end), w.read(tree, siteFile)) {
			w.t.Errorf("%s%s is not the version that it should be", siteFile, end)
		}
	}
	w.on(4, "apply-update", "--revert")
	equalLists(w.t, "dropped", list(w.t, w.pack), before)

	w.with(3, "apply-update", w.update10)
	w.on(3, "apply-update", "--continue", "-i", w.identity)
	final := filepath.Join(w.pack, siteFile+".final")
	if err := os.WriteFile(final, ofSite(siteFile, w.read(w.next, siteFile)), 0o644); err != nil {
		w.t.Fatal(err)
	}
	if out := w.on(0, "conflicts", "--names"); !strings.Contains(out, siteFile+": decided: F.final is taken") {
		w.t.Errorf("conflicts says:\n%s", out)
	}
	w.on(0, "apply-update", "--continue", "-i", w.identity)
	w.customized("on level 10", w.next)
}

// healCustomized damages a jar; what the site edited stays as it is.
func (w *windowSite) healCustomized() {
	w.t.Helper()
	w.edit(filepath.Join(w.pack, siteJar), func(b []byte) []byte { b[len(b)/2] ^= 1; return b })
	w.with(17, "heal", w.update10)
	w.with(17, "heal", w.update10, "--replace", siteJar) // the site's files differ, and stay
	w.customized("healed", w.next)
}

// hotfixCustomized puts the hotfix on and takes it off; the site's file is merged with
// it. One that cannot be merged waits, and is given up.
func (w *windowSite) hotfixCustomized() {
	w.t.Helper()
	yml := filepath.Join(w.pack, siteYML)
	w.edit(yml, func(b []byte) []byte { return append(b, "  - last-plugin\n"...) })
	if out := w.with(3, "apply-hotfix", w.fix); !strings.Contains(out, "conflict: "+siteYML+": changed here and by the hotfix") {
		w.t.Errorf("a hotfix that meets an edited file says:\n%s", out)
	}
	w.with(3, "apply-update", w.update20)
	w.on(4, "apply-hotfix", "--revert")
	w.edit(yml, func(b []byte) []byte { return bytes.TrimSuffix(b, []byte("  - last-plugin\n")) })
	w.customized("without the hotfix", w.next)
	if out := w.with(0, "apply-hotfix", w.fix); !strings.Contains(out, "1 merged with the hotfix's changes: "+siteYML) {
		w.t.Errorf("a hotfix that merges says:\n%s", out)
	}
	w.customized("with the hotfix", w.fixed)
	w.on(0, "revert-hotfix")
	w.customized("without it again", w.next)
}

// A jar that the site changed and that the next release's is told from: the first
// message names the bundle to ask for, nothing is staged, and that bundle does.
func TestRealPackLibrary(t *testing.T) {
	w := newWindowSite(t)
	w.edit(filepath.Join(w.pack, "lib", "allure-generator-2.43.0.jar"), func(b []byte) []byte { return append(b, "site"...) })
	before := list(t, w.pack)
	for _, args := range [][]string{{"apply-update", w.update10, "--dry-run"}, {"stage", w.update10}, {"apply-update", w.update10}, {"apply-update", w.update10, "--theirs", "**"}, {"apply-update", w.update10, "--ours", "**"}} {
		out := w.with(3, args[0], args[1], args[2:]...)
		if !strings.Contains(out, "the bundle tells the new lib/allure-generator-2.44.0.jar from it") ||
			!strings.Contains(out, "packlift-export create-update --whole --depot DEPOT --product "+windowProduct+" -s 0 -e 10") || strings.Contains(out, "F.final") {
			t.Errorf("%v says:\n%s", args, out)
		}
		equalLists(t, args[0], list(t, w.pack), before)
	}
	if _, err := os.Stat(filepath.Join(w.pack, "updates", "packlift", "staged")); err == nil {
		t.Error("something is staged")
	}
	whole := filepath.Join(w.dir, "whole.packlift")
	w.create("create-update", whole, "--from", w.old, "--to", w.next, "-s", "0", "-e", "10", "--whole")
	w.with(0, "apply-update", whole, "--theirs", "lib/*.jar")
	equalTrees(t, w.pack, w.next)
	w.on(4, "revert")
	equalLists(t, "reverted", list(t, w.pack), before)
}

func equalLists(t *testing.T, what string, got, want map[string]string) {
	t.Helper()
	for name := range want {
		if got[name] != want[name] {
			t.Errorf("%s: %s is not as before", what, name)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%s: %d entries became %d", what, len(want), len(got))
	}
}
