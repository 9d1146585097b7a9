package apply

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"packlift/bundle"
	"packlift/internal/fault"
	"packlift/internal/manifest"
	"packlift/internal/pack"
)

// A pack whose update has conflicts: a text, a library, a file in the way, a
// deleted one; and one text that merges.
var (
	waitBase = tree{"conf/a": file("1\n2\n3\n"), "conf/b": file("b1\n"), "lib": file("\x00lib 1"), "gone": file("g\n"), "x": file("1\n")}
	waitNew  = tree{"conf/a": file("1\n2\nC\n"), "conf/b": file("b2\n"), "lib": file("\x00lib 2"), "gone": file("g2\n"), "x": file("2\n"), "late/f": file("theirs\n")}
	waitSite = waitBase.with(tree{"conf/a": file("A\n2\n3\n"), "conf/b": file("mine\n"), "lib": file("\x00mine"), "gone": none, "late/f": file("mine\n")})
	waitEnd  = waitNew.with(tree{"conf/a": file("A\n2\nC\n"), "conf/b": fileMode("both\n", 0o644), "lib": file("\x00mine"), "gone": none, "late/f": file("theirs\n")})
)

var waitHelpers = tree{"conf/b.original": file("b1\n"), "conf/b.new": file("b2\n"), "gone.original": file("g\n"), "gone.new": file("g2\n"), "late/f.new": file("theirs\n")}

// waitOptions decide all but conf/b.
func waitOptions(f *fakeBundle) Options {
	o := f.options()
	o.AcceptDifferent, o.Log = true, helperLog
	return o
}

// waitUpdate and waitHotfix bring the same change, as a level and as a hotfix on level 3.
func waitUpdate() *fakeBundle { return textFake(plainTB{}, waitBase, waitNew) }

func waitHotfix() *fakeBundle {
	f := textFakeTo(plainTB{}, waitBase, waitNew, 3)
	f.info.Kind, f.info.Sequence.Hotfix = bundle.Hotfix, 1
	return f
}

func suspendNow(p *pack.Pack) error { return suspendIt(p, waitUpdate()) }

func suspendIt(p *pack.Pack, f *fakeBundle) error {
	o := waitOptions(f)
	pl, err := f.plan(p, o)
	if err != nil {
		return err
	}
	_, err = pl.suspend(context.Background(), p, &fakeBlobs{f: f}, &Pending{Source: Source{File: "/stick/b.packlift"}}, o)
	return err
}

func dropNow(p *pack.Pack) error {
	w, err := ReadPending(p)
	if err != nil || w == nil {
		return err
	}
	_, err = w.Drop(p)
	return err
}

// decided is the plan of a run that goes on, with everything decided.
func decided(p *pack.Pack, f *fakeBundle) (w *Pending, pl *Plan, o Options, err error) {
	o = waitOptions(f)
	if w, err = ReadPending(p); err != nil {
		return w, pl, o, err
	}
	o.Finals, o.Ours, o.Theirs = w.Paths(), []string{"lib", "gone"}, []string{"late/**"}
	pl, err = f.plan(p, o)
	return w, pl, o, err
}

func goOn(p *pack.Pack) error { return goOnWith(p, waitUpdate()) }

func goOnWith(p *pack.Pack, f *fakeBundle) error {
	if fit, err := f.fit(p, testOptions()); err != nil || fit.AlreadyThere {
		return err
	}
	_, pl, o, err := decided(p, f)
	if err != nil {
		return err
	}
	_, err = f.run(context.Background(), p, seen(pl), o)
	return err
}

// stageOn makes ready what is decided, and notes the decisions.
func stageOn(p *pack.Pack) error {
	f := waitUpdate()
	w, pl, o, err := decided(p, f)
	if err != nil {
		return err
	}
	if _, err := pl.stageAll(context.Background(), p, &fakeBlobs{f: f}, o.withDefaults()); err != nil {
		return err
	}
	return w.Decide(p, pl, o)
}

// waitingJobs are what the helper does with such a pack.
var waitingJobs = map[string]func(*pack.Pack) error{"suspend": suspendNow, "drop": dropNow, "go on": goOn, "adopt": adoptNow, "stage on": stageOn,
	"hotfix waits":   func(p *pack.Pack) error { return suspendIt(p, waitHotfix()) },
	"hotfix goes on": func(p *pack.Pack) error { return goOnWith(p, waitHotfix()) }}

// TestPending goes the whole way: wait, decide, be done, be reverted.
func TestPending(t *testing.T) {
	p := newPack(t, waitSite, 3)
	must(t, suspendNow(p))
	sameTree(t, "waiting", readTree(t, p.Dir()), waitSite.with(waitHelpers))
	tidy(t, p)
	w, err := ReadPending(p)
	must(t, err)
	if names := conflictNames(w); !slices.Equal(names, []string{"conf/b", "gone", "late/f", "lib"}) || w.From != 3 || w.To != 10 {
		t.Errorf("%v, %+v", names, w)
	}
	must(t, suspendNow(p)) // once more changes nothing
	sameTree(t, "waiting still", readTree(t, p.Dir()), waitSite.with(waitHelpers))
	must(t, p.Root().WriteFile("conf/b.final", []byte("both\n"), 0o644))
	must(t, goOn(p))
	sameTree(t, "decided", readTree(t, p.Dir()), waitEnd)
	tidy(t, p)
	if w, err := ReadPending(p); w != nil || err != nil {
		t.Errorf("it waits still: %v, %v", w, err)
	}
	revert(t, p, testOptions())
	final := tree{"conf/b.final": file("both\n")}
	sameTree(t, "reverted", readTree(t, p.Dir()), waitSite.with(final))
	// what was decided by hand serves once more
	must(t, suspendNow(p))
	must(t, goOn(p))
	sameTree(t, "decided once more", readTree(t, p.Dir()), waitEnd)
	pl, err := NewRevert(context.Background(), p, testOptions())
	must(t, err)
	size := int64(0)
	for i := range pl.ops {
		if o := &pl.ops[i]; o.needsNew() {
			size += o.After.Size
		}
	}
	if !slices.Equal(pl.Finals, []string{"conf/b.final"}) || slices.Contains(pl.Added, "conf/b.final") || pl.Write != size {
		t.Errorf("finals %v, added %v, %d bytes of %d", pl.Finals, pl.Added, pl.Write, size)
	}
	must(t, p.Root().WriteFile("conf/b.final", []byte("newer\n"), 0o644))
	pl, err = NewRevert(context.Background(), p, testOptions())
	must(t, err)
	if len(pl.Conflicts) != 1 || pl.Conflicts[0].Path != "conf/b.final" {
		t.Errorf("a newer one in its place: %v", pl.Conflicts)
	}
}

// Where the site removed the folder, nothing is laid into it, and the update waits all the same.
func TestPendingWithoutItsFolder(t *testing.T) {
	site := waitSite.with(tree{"conf/a": none, "conf/b": none})
	p := newPack(t, site, 3)
	must(t, os.RemoveAll(filepath.Join(p.Dir(), "conf")))
	before := readTree(t, p.Dir())
	must(t, suspendNow(p))
	w, err := ReadPending(p)
	must(t, err)
	if names := conflictNames(w); !slices.Contains(names, "conf/a") || !slices.Contains(names, "conf/b") {
		t.Errorf("%v", names)
	}
	sameTree(t, "waiting", readTree(t, p.Dir()), before.with(tree{"gone.original": file("g\n"), "gone.new": file("g2\n"), "late/f.new": file("theirs\n")}))
	must(t, dropNow(p))
	sameTree(t, "given up", readTree(t, p.Dir()), before)
	tidy(t, p)
}

// TestPendingFromADepot: what leads to the level is another bundle each time, and still the update that waits;
// another level, or a bundle, is not.
func TestPendingFromADepot(t *testing.T) {
	p := newPack(t, waitSite, 3)
	must(t, suspendNow(p))
	w, err := ReadPending(p)
	must(t, err)
	w.Bundle, w.Source = "made before", Source{Depot: "/depot", Channel: "full", Target: manifest.Sum([]byte("10"))}
	must(t, w.save(p.Root()))
	for what, err := range map[string]error{"bundle": w.Fits(w.Sums), "level": w.FitsLevel(3, 9, w.Target), "content": w.FitsLevel(3, 10, manifest.Sum(nil))} {
		if fault.ClassOf(err) != fault.Usage || !strings.Contains(fault.HintOf(err), "packlift-export update PACK --revert") {
			t.Errorf("%s: %v, hint %q", what, err, fault.HintOf(err))
		}
	}
	must(t, errors.Join(w.FitsLevel(3, 10, w.Target), w.FitsDepot()))
	must(t, p.Root().WriteFile("conf/b.final", []byte("both\n"), 0o644))
	must(t, goOn(p))
	sameTree(t, "decided", readTree(t, p.Dir()), waitEnd)
	if w, err := ReadPending(p); w != nil || err != nil {
		t.Errorf("it waits still: %v, %v", w, err)
	}
}

func conflictNames(w *Pending) (out []string) {
	for _, c := range w.Conflicts {
		out = append(out, c.Path)
	}
	return out
}

// TestDecided: the record tells how each was decided, and what was staged serves.
func TestDecided(t *testing.T) {
	p := newPack(t, waitSite, 3)
	must(t, suspendNow(p))
	must(t, p.Root().WriteFile("conf/b.final", []byte("both\n"), 0o644))
	must(t, stageOn(p))
	w, err := ReadPending(p)
	must(t, err)
	got := map[string]string{}
	for i := range w.Conflicts {
		v, err := w.Versions(p, &w.Conflicts[i])
		must(t, err)
		got[w.Conflicts[i].Path] = v.Decided
	}
	if want := map[string]string{"conf/b": ByFinal, "gone": ByOurs, "late/f": ByTheirs, "lib": ByOurs}; !maps.Equal(got, want) {
		t.Errorf("decided: %v, want %v", got, want)
	}
	if n, err := w.Open(p); n != 0 || err != nil {
		t.Errorf("%d are open, %v", n, err)
	}
	for text, want := range map[string]int{"<<<<<<< mine\n": 1, "": 1, "both\n": 0} { // half done, gone, there again
		must(t, os.Remove(filepath.Join(p.Dir(), "conf/b.final")))
		if text != "" {
			must(t, p.Root().WriteFile("conf/b.final", []byte(text), 0o644))
		}
		if n, err := w.Open(p); n != want || err != nil {
			t.Errorf("F.final %q: %d are open, %v", text, n, err)
		}
		must(t, p.Root().WriteFile("conf/b.final", []byte("both\n"), 0o644))
	}
	sameTree(t, "staged", readTree(t, p.Dir()), waitSite.with(waitHelpers).with(tree{"conf/b.final": file("both\n")}))
	f := waitUpdate()
	_, pl, o, err := decided(p, f)
	must(t, err)
	f.lacks = len(f.contents) // nothing comes from the bundle
	_, err = f.run(context.Background(), p, pl, o)
	must(t, err)
	sameTree(t, "gone on", readTree(t, p.Dir()), waitEnd)
}

// TestDropped: what somebody changed stays; all else goes.
func TestDropped(t *testing.T) {
	p := newPack(t, waitSite, 3)
	must(t, suspendNow(p))
	for name, text := range map[string]string{"conf/b.new": "edited\n", "conf/b.final": "half done\n", "gone.final": "g2\n"} {
		must(t, os.WriteFile(filepath.Join(p.Dir(), name), []byte(text), 0o644))
	}
	w, err := ReadPending(p)
	must(t, err)
	stay, err := w.Drop(p)
	must(t, err)
	slices.Sort(stay)
	if !slices.Equal(stay, []string{"conf/b.final", "conf/b.new"}) {
		t.Errorf("%v stay", stay)
	}
	sameTree(t, "dropped", readTree(t, p.Dir()), waitSite.with(tree{"conf/b.new": file("edited\n"), "conf/b.final": file("half done\n")}))
	// and the file in the way is named, before anything is written
	if err := suspendNow(p); fault.ClassOf(err) != fault.Conflict || !strings.Contains(err.Error(), "conf/b.new") {
		t.Errorf("%v", err)
	}
	if w, err := ReadPending(p); w != nil || err != nil {
		t.Errorf("%v, %v", w, err)
	}
}

// TestForgedPending: the record is hostile input, and names files to remove.
func TestForgedPending(t *testing.T) {
	p := newPack(t, waitSite.with(tree{"precious.new": file("mine")}), 3)
	must(t, suspendNow(p))
	name := filepath.Join(p.Dir(), pendingName)
	good, err := os.ReadFile(name)
	must(t, err)
	sum := manifest.Sum([]byte("mine"))
	for what, edit := range map[string]func(w *Pending){
		"version": func(w *Pending) { w.Format = 2 }, "level": func(w *Pending) { w.To = -3 }, "glob": func(w *Pending) { w.Ours = []string{"["} },
		"another's file": func(w *Pending) { w.Helpers = append(w.Helpers, Helper{"precious.new", 4, sum}) },
		"no helper":      func(w *Pending) { w.Helpers[0].Path = "conf/b" },
		"climbing":       func(w *Pending) { w.Conflicts[0].Path, w.Helpers = "../b", nil },
		"the pack's own": func(w *Pending) { w.Conflicts[0].Path, w.Helpers = "updates/packlift/state.json", nil },
		"size":           func(w *Pending) { w.Helpers[0].Size = -1 },
		"globs":          func(w *Pending) { w.Theirs = slices.Repeat([]string{"a"}, maxGlobs+1) },
		"hotfix":         func(w *Pending) { w.Hotfix = -1 },
		"decided":        func(w *Pending) { w.Conflicts[0].Decided = "\x1b[31m" },
		"ways":           func(w *Pending) { w.Conflicts[0].Decide = []string{"dice"} },
		"id":             func(w *Pending) { w.Bundle = strings.Repeat("a", 65) },
	} {
		var w Pending
		must(t, json.Unmarshal(good, &w))
		edit(&w)
		b, err := json.Marshal(w)
		must(t, err)
		must(t, os.WriteFile(name, b, 0o600))
		if _, err := ReadPending(p); err == nil || fault.HintOf(err) == "" {
			t.Errorf("%s: %v", what, err)
		}
	}
	for _, text := range []string{"", "{", `{"pending":1,"more":2}`} {
		must(t, os.WriteFile(name, []byte(text), 0o600))
		if _, err := ReadPending(p); err == nil {
			t.Errorf("%q passes", text)
		}
	}
}

// TestPendingBelowLink: a folder that became a link since is not gone into.
func TestPendingBelowLink(t *testing.T) {
	p := newPack(t, waitSite, 3)
	must(t, suspendNow(p))
	must(t, os.Rename(filepath.Join(p.Dir(), "conf"), filepath.Join(p.Dir(), "moved")))
	must(t, os.Symlink("moved", filepath.Join(p.Dir(), "conf")))
	must(t, dropNow(p))
	if got := readTree(t, p.Dir())["moved/b.new"].text; got != "b2\n" {
		t.Errorf("moved/b.new is %q", got)
	}
}
