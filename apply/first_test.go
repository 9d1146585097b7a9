package apply

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"packlift/internal/fault"
)

// levels of twenty files, one of which an update touches.
func twentyFiles() (base, target tree) {
	base = tree{"touched": file("1"), "link": link("touched"), "empty": dir(0o755)}
	for i := range 19 {
		base[fmt.Sprintf("lib/%02d", i)] = file(fmt.Sprintf("%02d", i))
	}
	return base, base.with(tree{"touched": file("2")})
}

func TestFirstContact(t *testing.T) {
	base, target := twentyFiles()
	cases := []struct {
		name    string
		tree    tree
		differ  []string
		refused string // part of the message; empty: accepted
	}{
		{"the level", base, nil, ""},
		{"files of the site's own", base.with(tree{"own": file("x")}), nil, ""},
		{"another content of the same size", base.with(tree{"lib/00": file("xx")}), nil, ""},
		{"two files less", base.with(tree{"lib/00": none, "lib/01": file("longer")}),
			[]string{"lib/00: missing", "lib/01: has another size"}, ""},
		{"links and folders count nothing", base.with(tree{"lib/00": none, "lib/01": none, "link": none, "empty": none}),
			[]string{"empty: missing", "lib/00: missing", "lib/01: missing", "link: missing"}, ""},
		{"three files less", base.with(tree{"lib/00": none, "lib/01": none, "lib/02": dir(0o755)}),
			[]string{"lib/00: missing", "lib/01: missing", "lib/02: is a dir, not a file"}, "3 of 20 files of demo-1.0 level 3"},
		{"a linked folder", base.with(tree{"lib": none, "lib2/x": file("x")}).with(tree{"lib": link("lib2")}), nil, "19 of 20 files"},
		{"another folder", tree{"touched": file("1"), "hello.txt": file("hello")}, nil, "19 of 20 files"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			p := newPack(t, c.tree, 3)
			f := newFake(t, base, target, 3, 10)
			pl, err := f.plan(p, testOptions())
			must(t, err)
			if c.differ != nil || c.refused == "" {
				sameDifferences(t, pl.Different, c.differ)
			}
			err = pl.CheckBase()
			if c.refused == "" {
				must(t, err)
				update(t, p, f, testOptions())
				return
			}
			if fault.ClassOf(err) != fault.Differs || !strings.Contains(err.Error(), c.refused) || !strings.Contains(fault.HintOf(err), "--yes") {
				t.Errorf("%v: %v, hint %q", fault.ClassOf(err), err, fault.HintOf(err))
			}
			if _, err := f.run(context.Background(), p, pl, testOptions()); fault.ClassOf(err) != fault.Differs {
				t.Errorf("run: %v", err)
			}
			sameTree(t, "untouched", readTree(t, p.Dir()), c.tree)
			o := testOptions()
			o.AcceptDifferent = true
			update(t, p, f, o)
		})
	}
}

// Once a signed bundle brought the pack to its level, the site's own changes
// are its own: nothing is compared again.
func TestSecondContact(t *testing.T) {
	base, target := twentyFiles()
	p := newPack(t, base, 3)
	update(t, p, newFake(t, base, target, 3, 10), testOptions())
	for i := range 10 {
		must(t, p.Root().Remove(fmt.Sprintf("lib/%02d", i)))
	}
	pl, err := newFake(t, target, target.with(tree{"touched": file("3")}), 10, 11).plan(p, testOptions())
	must(t, err)
	must(t, pl.CheckBase())
	sameDifferences(t, pl.Different, nil)
}

func sameDifferences(t *testing.T, got []Conflict, want []string) {
	t.Helper()
	var text []string
	for _, c := range got {
		text = append(text, c.Path+": "+c.Reason)
	}
	if strings.Join(text, "\n") != strings.Join(want, "\n") {
		t.Errorf("different: %q, want %q", text, want)
	}
}

func TestRemedies(t *testing.T) {
	for _, c := range []struct {
		change   tree
		has, not string
	}{
		{tree{"lib/core.jar": none}, "put the original", "aside"},
		{tree{"lib/core.jar": file("mine")}, "put the original", "aside"},
		{tree{"lib/gone.jar": file("mine")}, "aside", "original"},
		{tree{"big.bin": file("own")}, "aside", "original"},
		{tree{"mode": fileMode("mode only", 0o640)}, "original mode", "aside"},
		{tree{"turns/own": file("own")}, "your own files", "original"},
		{tree{"lib/core.jar": none, "big.bin": file("own")}, "aside", "mode"},
	} {
		p := newPack(t, oldTree.with(c.change), 3)
		f := newFake(t, oldTree, newTree, 3, 10)
		pl, err := f.plan(p, testOptions())
		must(t, err)
		_, err = f.run(context.Background(), p, pl, testOptions())
		hint := fault.HintOf(err)
		if fault.ClassOf(err) != fault.Conflict || !strings.Contains(hint, c.has) || strings.Contains(hint, c.not) || !strings.Contains(hint, pl.Remedy()) {
			t.Errorf("%v: %v, hint %q", c.change, err, hint)
		}
	}
}

// A revert needs no original: a file moved aside comes back.
func TestRevertRemedy(t *testing.T) {
	p := newPack(t, oldTree, 3)
	update(t, p, newFake(t, oldTree, newTree, 3, 10), testOptions())
	must(t, p.Root().WriteFile("lib/core.jar", []byte("mine"), 0o644))
	pl, err := NewRevert(context.Background(), p, testOptions())
	must(t, err)
	if got := pl.Remedy(); !strings.Contains(got, "aside") || strings.Contains(got, "original") {
		t.Errorf("%q", got)
	}
}

func TestSpaceHint(t *testing.T) {
	given, remembered := testOptions(), filepath.Join(scratch(t), "b")
	given.BackupDir = filepath.Join(scratch(t), "b")
	for _, c := range []struct {
		name   string
		o      Options
		config string
		names  bool
	}{
		{"moved inside the pack", testOptions(), "", false},
		{"given", given, "", false},
		{"none", Options{AllowRoot: true, NoBackup: true}, "", false},
		{"remembered", testOptions(), remembered, true},
	} {
		p := newPack(t, oldTree, 3)
		config, err := p.Config()
		must(t, err)
		config.BackupDir = c.config
		must(t, p.SaveConfig(config))
		pl, err := newFake(t, oldTree, newTree, 3, 10).plan(p, c.o)
		must(t, err)
		last := &pl.Space[len(pl.Space)-1]
		last.Free = last.Need - 7
		hint := fault.HintOf(pl.CheckSpace())
		if !strings.Contains(hint, "free 7 bytes more") || strings.Contains(hint, "--backup") != c.names {
			t.Errorf("%s: hint %q", c.name, hint)
		}
	}
}

func TestFitHints(t *testing.T) {
	for _, c := range []struct {
		name  string
		level int // of the pack; -1: it holds nothing
		b     *fakeBundle
		want  string
	}{
		{"a full bundle where init named a level", 0, newFake(t, nil, newTree, 0, 10), "init --empty --pack DIR --product demo-1.0 --trust TRUST; or fetch an update bundle that starts at level 0"},
		{"an update where nothing is", -1, newFake(t, oldTree, newTree, 3, 10), "fetch a full bundle: this pack holds nothing yet"},
		{"an update from elsewhere", 4, newFake(t, oldTree, newTree, 3, 10), "fetch a bundle that starts at level 4"},
	} {
		before := tree{}
		if c.level >= 0 {
			before = oldTree
		}
		_, err := c.b.plan(newPack(t, before, c.level), testOptions())
		if fault.ClassOf(err) != fault.WrongLevel || !strings.Contains(fault.HintOf(err), c.want) {
			t.Errorf("%s: %v, hint %q, want %q", c.name, err, fault.HintOf(err), c.want)
		}
	}
}
