package apply

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"packlift/bundle/delta"
	"packlift/internal/fault"
	"packlift/internal/manifest"
)

// renamed is an update whose one new file is told from one that it removes.
func renamed(t *testing.T) (f *fakeBundle, old, now tree) {
	long := strings.Repeat("all that stays ", 400)
	old = tree{"app-1.jar": file(long + "1"), "other": file("o")}
	now = tree{"app-2.jar": file(long + "2"), "other": file("o")}
	f = newFake(t, old, now, 3, 10)
	c := &f.contents[0]
	c.Delta, c.Bases = true, []manifest.Digest{manifest.Sum([]byte(long + "1"))}
	f.bodies[c.SHA256] = deltaOf(t, long+"2", long+"1")
	return f, old, now
}

func TestDeltaOfRemovedFile(t *testing.T) {
	f, old, now := renamed(t)
	p := newPack(t, old, 3)
	pl, err := f.plan(p, testOptions())
	must(t, err)
	_, err = f.run(context.Background(), p, pl, testOptions())
	must(t, err)
	sameTree(t, "updated", readTree(t, p.Dir()), now)
	revert(t, p, testOptions())
	sameTree(t, "reverted", readTree(t, p.Dir()), old)
}

// A base that is missing is found in the plan, though the update itself would
// not miss it.
func TestBaseIsMissing(t *testing.T) {
	f, old, _ := renamed(t)
	p := newPack(t, old, 3)
	must(t, os.Remove(filepath.Join(p.Dir(), "app-1.jar")))
	pl, err := f.plan(p, testOptions())
	must(t, err)
	if len(pl.Conflicts) != 1 || pl.Conflicts[0].Path != "app-1.jar" || !strings.Contains(pl.Conflicts[0].Reason, "app-2.jar") || !strings.Contains(pl.Remedy(), "--whole") {
		t.Errorf("%+v, %s", pl.Conflicts, pl.Remedy())
	}
	if _, err := f.run(context.Background(), p, pl, testOptions()); fault.ClassOf(err) != fault.Conflict {
		t.Errorf("%v", err)
	}
}

// A changed base is one conflict, not two.
func TestBaseIsChanged(t *testing.T) {
	f, old, _ := renamed(t)
	p := newPack(t, old, 3)
	must(t, os.WriteFile(filepath.Join(p.Dir(), "app-1.jar"), []byte("mine"), 0o644))
	pl, err := f.plan(p, testOptions())
	must(t, err)
	if len(pl.Conflicts) != 1 || pl.Conflicts[0].Path != "app-1.jar" {
		t.Errorf("%+v", pl.Conflicts)
	}
}

// Any file of the base's content serves, wherever it lies.
func TestBaseElsewhere(t *testing.T) {
	f, old, now := renamed(t)
	old["copy/of.jar"], now["copy/of.jar"] = old["app-1.jar"], old["app-1.jar"]
	g := newFake(t, old, now, 3, 10)
	g.contents, g.bodies = f.contents, f.bodies
	p := newPack(t, old, 3)
	must(t, os.Remove(filepath.Join(p.Dir(), "app-1.jar")))
	o := testOptions()
	o.AcceptDifferent = true // much is missing of so small a tree
	pl, err := g.plan(p, o)
	must(t, err)
	_, err = g.run(context.Background(), p, pl, o)
	must(t, err)
	sameTree(t, "updated", readTree(t, p.Dir()), now)
}

// A base that changes between plan and stage, and a delta that lies, leave the old level.
func TestDeltaMakesSomethingElse(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(t *testing.T, top string, f *fakeBundle)
		class fault.Class
	}{
		"base": {func(t *testing.T, top string, f *fakeBundle) {
			must(t, os.WriteFile(filepath.Join(top, "app-1.jar"), []byte(strings.Repeat("mine ", 1300)), 0o644))
		}, fault.Conflict},
		"gone":   {func(t *testing.T, top string, f *fakeBundle) { must(t, os.Remove(filepath.Join(top, "app-1.jar"))) }, fault.Conflict},
		"delta":  {func(t *testing.T, top string, f *fakeBundle) { b := f.bodies[f.contents[0].SHA256]; b[len(b)-1] ^= 1 }, fault.Tampered},
		"recipe": {func(t *testing.T, top string, f *fakeBundle) { f.bodies[f.contents[0].SHA256][20] ^= 1 }, fault.Tampered},
		"longer than signed": {func(t *testing.T, top string, f *fakeBundle) {
			f.bodies[f.contents[0].SHA256] = deltaOf(t, strings.Repeat("all that stays ", 400)+"2, and more", strings.Repeat("all that stays ", 400)+"1")
		}, fault.Tampered},
		"says it is vast": {func(t *testing.T, top string, f *fakeBundle) {
			r, n, err := delta.ParseRecipe(f.bodies[f.contents[0].SHA256])
			must(t, err)
			r.Result.Size = delta.MaxSize
			f.bodies[f.contents[0].SHA256] = append(r.Marshal(), f.bodies[f.contents[0].SHA256][n:]...)
		}, fault.Tampered},
		"cut": {func(t *testing.T, top string, f *fakeBundle) {
			d := f.contents[0].SHA256
			f.bodies[d] = bytes.Clone(f.bodies[d][:len(f.bodies[d])-1])
		}, fault.Tampered},
	} {
		for _, cache := range []int64{cacheMost, noCache} {
			f, old, _ := renamed(t)
			p := newPack(t, old, 3)
			o := testOptions()
			o.cache = cache
			pl, err := f.plan(p, o)
			must(t, err)
			before := readTree(t, p.Dir())
			c.spoil(t, p.Dir(), f)
			_, err = f.run(context.Background(), p, pl, o)
			if fault.ClassOf(err) != c.class {
				t.Errorf("%s, cache %d: class %v, %v", name, cache, fault.ClassOf(err), err)
			}
			if name != "base" && name != "gone" {
				sameTree(t, name, readTree(t, p.Dir()), before)
			}
			tidy(t, p)
		}
	}
}
