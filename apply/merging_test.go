package apply

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"packlift/internal/manifest"
	"packlift/internal/merge"
	"packlift/internal/pack"
)

var writeTable = flag.Bool("write-table", false, "write the table of docs/merging.md anew")

// stand is what stands at the path f, with a name for the table.
type stand struct {
	name string
	tree tree
}

// stateText is a text; top and end are its first and last line.
func stateText(name, top, end string) stand {
	return stand{name, tree{"f": file(top + "\nmiddle\n" + end + "\n")}}
}

func withMode(s stand, name string, mode os.FileMode) stand {
	n := s.tree["f"]
	n.mode = mode
	return stand{name, s.tree.with(tree{"f": n})}
}

var (
	stateNothing     = stand{"nothing", tree{}}
	statePlain       = stateText("text", "one", "three")
	stateLibrary     = stand{"binary", tree{"f": file("\x00\x01library 1")}}
	stateLink        = stand{"link", tree{"f": link("other")}}
	stateNamedFolder = stand{"named F", tree{"F": dir(0o755), "F/in": file("in\n")}}
	stateFolder      = stand{"folder", tree{"f": dir(0o755), "f/in": file("in\n")}}
	stateNamed       = stand{"named F", tree{"F": statePlain.tree["f"]}}
	stateOwn         = stand{"own folder", tree{"f": dir(0o755), "f/own": file("own\n")}}
)

// The sides of each case: what a level may have, and what site and update make of it.
var cases = []struct {
	base          stand
	sites, levels []stand
}{
	{stateNothing,
		[]stand{stateText("text", "mine", "three"), stateLink, stateOwn},
		[]stand{statePlain, stateLink, stateFolder}},
	{statePlain,
		[]stand{stateText("first line edited", "mine", "three"), stateText("all edited", "mine", "my three"), withMode(statePlain, "mode 0600", 0o600), stateNothing, stateLink, stateOwn, stateNamed},
		[]stand{stateText("last line edited", "one", "new three"), stateNamed, stateText("first line edited as here", "mine", "three"), withMode(statePlain, "mode 0755", 0o755), stateNothing, stateLink, stateFolder, {"binary", tree{"f": file("\x00\x01library 2")}}}},
	{stateLibrary,
		[]stand{{"edited", tree{"f": file("\x00\x01my library")}}, withMode(stateLibrary, "mode 0600", 0o600), stateNothing, stateLink, stateOwn},
		[]stand{{"edited", tree{"f": file("\x00\x01library 2")}}, withMode(stateLibrary, "mode 0755", 0o755), stateNothing, stateLink, stateFolder}},
	{stateLink,
		[]stand{{"leads elsewhere", tree{"f": link("another")}}, statePlain, stateNothing, stateOwn},
		[]stand{{"leads to new", tree{"f": link("new")}}, stateNothing, statePlain, stateFolder}},
	{stateFolder,
		[]stand{{"file in it edited", tree{"f": dir(0o755), "f/in": file("mine\n")}}, {"own file in it", tree{"f": dir(0o755), "f/in": file("in\n"), "f/own": file("own\n")}},
			stateNamedFolder, {"mode 0700", tree{"f": dir(0o700), "f/in": file("in\n")}}, stateNothing, statePlain, stateLink},
		[]stand{{"file in it edited", tree{"f": dir(0o755), "f/in": file("new in\n")}}, stateNamedFolder, {"mode 0711", tree{"f": dir(0o711), "f/in": file("in\n")}}, stateNothing, statePlain, stateLink}},
}

var around = tree{"other": file("other\n"), "another": file("another\n"), "new": file("new\n")}

// textFake is a bundle as create-update makes it: changed texts travel whole,
// with their originals.
func textFake(tb testing.TB, base, target tree) *fakeBundle {
	return textFakeTo(tb, base, target, 10)
}

// textFakeTo leads from level 3 to another.
func textFakeTo(tb testing.TB, base, target tree, end int) *fakeBundle {
	f := newFake(tb, base, target, 3, end)
	bodies := map[manifest.Digest]string{}
	for _, t := range []tree{base, target} {
		for _, n := range t {
			bodies[manifest.Sum([]byte(n.text))] = n.text
		}
	}
	for i := range f.contents {
		if c := &f.contents[i]; merge.IsText([]byte(bodies[c.SHA256])) {
			c.Delta, c.Bases, f.bodies[c.SHA256] = false, nil, []byte(bodies[c.SHA256])
		}
	}
	for _, b := range manifest.Originals(f.base, f.target) {
		if text := bodies[b.SHA256]; merge.IsText([]byte(text)) {
			f.contents = append(f.contents, manifest.Content{Blob: b, Original: true})
			f.bodies[b.SHA256] = []byte(text)
		}
	}
	return f
}

func (f *fakeBundle) options() Options {
	o := testOptions()
	o.open = func() (blobs, func() error) { return &fakeBlobs{f: f}, func() error { return nil } }
	return o
}

// outcome runs a case and says what became of f. Whatever it does, a revert has
// to bring the site's own back.
func outcome(t *testing.T, base, site, level tree, decide func(*Options)) string {
	t.Helper()
	f := textFake(t, around.with(base), around.with(level))
	local := around.with(site)
	p := newPack(t, local, 3)
	defer p.Close()
	o := f.options()
	o.AcceptDifferent = true
	decide(&o)
	pl, err := f.plan(p, o)
	must(t, err)
	if len(pl.Conflicts) > 0 {
		sameTree(t, "a plan", readTree(t, p.Dir()), local)
		return "conflict"
	}
	_, err = f.run(context.Background(), p, pl, o)
	must(t, err)
	tidy(t, p)
	word := "merged"
	switch got := readTree(t, p.Dir()).String(); got {
	case local.whole().String():
		word = "stays"
	case around.with(level).whole().String():
		word = "the update's"
	}
	if len(pl.ops) > 0 || word != "stays" {
		revert(t, p, testOptions())
		sameTree(t, "reverted", readTree(t, p.Dir()), local)
	}
	return word
}

// TestCases runs every case three ways, and holds docs/merging.md to what comes out.
func TestCases(t *testing.T) {
	var b strings.Builder
	b.WriteString("| before | here | update | undecided | `--ours` | `--theirs` |\n|---|---|---|---|---|---|\n")
	merged, rows := 0, 0
	for _, c := range cases {
		for _, site := range c.sites {
			for _, level := range c.levels {
				t.Run(c.base.name+"/"+site.name+"/"+level.name, func(t *testing.T) {
					plain := outcome(t, c.base.tree, site.tree, level.tree, func(*Options) {})
					ours := outcome(t, c.base.tree, site.tree, level.tree, func(o *Options) { o.Ours = []string{"f"} })
					theirs := outcome(t, c.base.tree, site.tree, level.tree, func(o *Options) { o.Theirs = []string{"f"} })
					fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s |\n", c.base.name, site.name, level.name, plain, ours, theirs)
					rows++
					if plain == "merged" {
						merged++
					}
				})
			}
		}
	}
	if rows < 100 || merged < 5 {
		t.Errorf("%d cases, %d merged: these are too few", rows, merged)
	}
	if !t.Failed() {
		holdTable(t, b.String())
	}
}

const (
	tableFile  = "../docs/merging.md"
	tableBegin = "<!-- cases: begin (written by go test ./apply -run TestCases -write-table) -->\n"
	tableEnd   = "<!-- cases: end -->\n"
)

func holdTable(t *testing.T, table string) {
	t.Helper()
	b, err := os.ReadFile(tableFile)
	must(t, err)
	before, rest, ok := bytes.Cut(b, []byte(tableBegin))
	old, after, ok2 := bytes.Cut(rest, []byte(tableEnd))
	if !ok || !ok2 {
		t.Fatalf("%s lacks its markers", tableFile)
	}
	if string(old) == table {
		return
	}
	if !*writeTable {
		t.Fatalf("the table of %s is another; write it anew: go test ./apply -run TestCases -write-table", tableFile)
	}
	must(t, os.WriteFile(tableFile, []byte(string(before)+tableBegin+table+tableEnd+string(after)), 0o644))
}

// TestCustomizedLibrary: a library that the bundle tells from the original is a
// conflict that names what to ask for, before anything is staged.
func TestCustomizedLibrary(t *testing.T) {
	old, now := "\x00"+strings.Repeat("entry\n", 400), "\x00"+strings.Repeat("entry\n", 399)+"other\n"
	f := textFake(t, tree{"lib.jar": file(old)}, tree{"lib.jar": file(now)})
	p := newPack(t, tree{"lib.jar": file("\x00mine")}, 3)
	o := f.options()
	o.AcceptDifferent = true
	pl, err := f.plan(p, o)
	must(t, err)
	if len(pl.Conflicts) != 1 || !strings.Contains(pl.Conflicts[0].Reason, "tells the new one from the original") || !strings.Contains(pl.Remedy(), "create-update --whole") {
		t.Errorf("%v; %s", pl.Conflicts, pl.Remedy())
	}
	o.Theirs = []string{"*.jar"}
	if pl, err = f.plan(p, o); err != nil || len(pl.Conflicts) != 1 || !strings.Contains(pl.Remedy(), "create-update --whole") {
		t.Errorf("--theirs: %v, %v", pl, err)
	}
	o.Theirs, o.Finals = nil, []string{"lib.jar"}
	must(t, p.Root().WriteFile("lib.jar.final", []byte("\x00my own new one"), 0o644))
	pl, err = f.plan(p, o)
	must(t, err)
	_, err = f.run(context.Background(), p, pl, o)
	must(t, err)
	if got := readTree(t, p.Dir())["lib.jar"].text; got != "\x00my own new one" {
		t.Errorf("%q", got)
	}
}

// TestDecidedBothWays is an error, not a guess.
func TestDecidedBothWays(t *testing.T) {
	f := textFake(t, tree{"f": file("a\n")}, tree{"f": file("b\n")})
	p := newPack(t, tree{"f": file("c\n")}, 3)
	o := f.options()
	o.AcceptDifferent, o.Ours, o.Theirs = true, []string{"f"}, []string{"**"}
	if _, err := f.plan(p, o); err == nil || !strings.Contains(err.Error(), "both ways") {
		t.Errorf("%v", err)
	}
}

// TestLinkedFolder: what lies under a folder that the site made a link stays,
// preserved or as was decided, and nothing is written through the link.
func TestLinkedFolder(t *testing.T) {
	base, level := tree{"conf/a": file("1\n"), "x": file("1\n")}, tree{"conf/a": file("2\n"), "conf/b": file("2\n"), "x": file("2\n")}
	site := tree{"away/a": file("mine\n"), "conf": link("away"), "x": file("1\n")}
	want := site.with(tree{"x": file("2\n")})
	for name, decide := range map[string]func(*pack.Pack, *Options){
		"ours":      func(_ *pack.Pack, o *Options) { o.Ours = []string{"conf/**"} },
		"preserved": func(p *pack.Pack, _ *Options) { must(t, p.SavePreserve([]string{"/conf"})) },
	} {
		f := textFake(t, base, level)
		p := newPack(t, site, 3)
		o := f.options()
		o.AcceptDifferent = true
		pl, err := f.plan(p, o)
		if err != nil || len(pl.Conflicts) == 0 {
			t.Fatalf("%s: undecided it is no conflict: %v", name, err)
		}
		decide(p, &o)
		pl, err = f.plan(p, o)
		must(t, err)
		_, err = f.run(context.Background(), p, pl, o)
		must(t, err)
		sameTree(t, name, readTree(t, p.Dir()), want)
	}
}

// TestCaseRename: the update changes the case of a name whose file is customized.
func TestCaseRename(t *testing.T) {
	f := textFake(t, tree{"read.me": file("1\n")}, tree{"READ.me": file("2\n")})
	for name, c := range map[string]struct {
		decide func(*Options)
		want   tree
	}{
		"ours":   {func(o *Options) { o.Ours = []string{"**"} }, tree{"read.me": file("mine\n"), "READ.me": file("2\n")}},
		"theirs": {func(o *Options) { o.Theirs = []string{"**"} }, tree{"READ.me": file("2\n")}},
	} {
		p := newPack(t, tree{"read.me": file("mine\n")}, 3)
		o := f.options()
		o.AcceptDifferent = true
		pl, err := f.plan(p, o)
		if err != nil || len(pl.Conflicts) != 1 || pl.Conflicts[0].Path != "read.me" {
			t.Fatalf("%+v, %v", pl, err)
		}
		c.decide(&o)
		pl, err = f.plan(p, o)
		must(t, err)
		_, err = f.run(context.Background(), p, pl, o)
		must(t, err)
		sameTree(t, name, readTree(t, p.Dir()), c.want)
	}
}
