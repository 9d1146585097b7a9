package safepath

import (
	"path"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestCheck(t *testing.T) {
	good := []string{
		"a", "bin/tool.sh", "lib/x-1.2.jar", "Ünïcode/é", "e\u0301", "日本/語", ".hidden", "..a", "a..b", "a b", "con1", "console", "com", "com10",
		"lpt", "nul_", "a'b(c)[d]{e}$%&+,;=@#!~^`", strings.Repeat("a", 255), strings.Repeat("a/", 63) + "a", strings.Repeat(strings.Repeat("b", 255)+"/", 4)[:1023],
	}
	for _, p := range good {
		if err := Check(p); err != nil {
			t.Errorf("%.60q: %v", p, err)
		}
	}
	bad := map[string]string{
		"": "empty", "/a": "absolute", "a//b": "empty", "a/": "empty", ".": "climbs", "..": "climbs", "a/../b": "climbs", "./a": "climbs",
		"a\x00b": "control", "a\nb": "control", "a\x7f": "control", "a\u0085": "control", "a\xffb": "UTF-8",
		"a\u202eb": "invisible", "a\u2066b": "invisible", "a\u2028b": "invisible", "a\u200eb": "invisible",
		`a\b`: "Windows", "a:b": "Windows", "c:": "Windows", "a*": "Windows", "a?": "Windows", `a"b`: "Windows", "a<b": "Windows", "a>b": "Windows", "a|b": "Windows",
		"a.": "dot or a space", "a ": "dot or a space", "d./f": "dot or a space", "...": "dot or a space",
		"CON": "device", "con": "device", "x/NUL.txt": "device", "aux.c": "device", "prn": "device", "COM1": "device", "lpt9.log": "device", "com¹": "device", "com0": "device",
		"CONIN$": "device", "nul .txt": "device", "Com3.a.b": "device",
		strings.Repeat("a", 256): "longer than 255", strings.Repeat("a/", 64) + "a": "more than 64", strings.Repeat("ab/", 400): "longer than 1024",
	}
	for p, want := range bad {
		if err := Check(p); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60q: %v, want %q", p, err, want)
		}
		if err := Check("d/" + p); err == nil {
			t.Errorf("d/%.60q passes", p)
		}
	}
}

func TestElement(t *testing.T) {
	for _, e := range []string{"", ".", "..", "a/b", "a\xff", "nul", "a:b"} {
		if Element(e) == nil {
			t.Errorf("%q passes", e)
		}
	}
	if err := Element("state.json"); err != nil {
		t.Error(err)
	}
}

func TestErrorsAreShortAndQuoted(t *testing.T) {
	for _, p := range []string{strings.Repeat("x", 1<<20), "a\x1b[31mred"} {
		err := Check(p)
		if err == nil || len(err.Error()) > 600 || strings.ContainsRune(err.Error(), '\x1b') {
			t.Errorf("%.300v", err)
		}
	}
}

func TestCheckLink(t *testing.T) {
	good := [][2]string{
		{"l", "f"}, {"l", "d/f"}, {"l", "."}, {"l", "./f"}, {"l", "d/"}, {"a/l", ".."}, {"a/l", "../f"}, {"a/b/l", "../../f"}, {"a/l", "./../f"},
		{"node_modules/.bin/tsc", "../typescript/bin/tsc"},
	}
	for _, g := range good {
		if err := CheckLink(g[0], g[1]); err != nil {
			t.Errorf("%s -> %s: %v", g[0], g[1], err)
		}
	}
	bad := [][2]string{
		{"l", ""}, {"l", "/"}, {"l", "/etc/passwd"}, {"l", ".."}, {"l", "../x"}, {"a/l", "../.."}, {"a/b/l", "../../../x"}, {"a/b/l", "./../.././.."},
		{"l", "d/../f"}, {"a/l", "x/.."}, {"a/l", "../x/../../y"}, {"l", `..\x`}, {"l", "c:/x"}, {"l", "a\x00"}, {"l", "a\n"}, {"l", "a\xff"}, {"l", "NUL"}, {"l", "a//b"},
		{"l", "a\u202eb"}, {"l", strings.Repeat("a/", 600)},
	}
	for _, b := range bad {
		if CheckLink(b[0], b[1]) == nil {
			t.Errorf("%s -> %.60q passes", b[0], b[1])
		}
	}
}

// Links that pass one by one must not lead out together: a/b/x leads to the
// root, and a lexical reading of a/b/x/../y stays inside while the system's does not.
func TestChainedLinksCannotLeave(t *testing.T) {
	if err := CheckLink("a/b/x", "../.."); err != nil {
		t.Fatal(err)
	}
	if CheckLink("l", "a/b/x/../y") == nil {
		t.Error("a chain of links leaves the tree")
	}
}

func TestCollisions(t *testing.T) {
	pairs := [][2]string{
		{"a", "A"}, {"dir/File", "DIR/file"}, {"é", "e\u0301"}, {"É", "é"}, {"straße", "STRASSE"}, {"K", "\u212a"}, {"Ω", "\u2126"},
		{"updates", "upda\u200ctes"}, {"x", "x"}, {"ς", "Σ"}, {"ﬁ", "FI"},
	}
	for _, p := range pairs {
		var c Collisions
		if err := c.Add(p[0]); err != nil {
			t.Fatal(err)
		}
		if c.Add(p[1]) == nil {
			t.Errorf("%q and %q pass", p[0], p[1])
		}
	}
	var c Collisions
	for _, p := range []string{"a", "b", "a/b", "ä", "о" /* Cyrillic */, "o"} {
		if err := c.Add(p); err != nil {
			t.Error(err)
		}
	}
}

func FuzzCheck(f *testing.F) {
	for _, s := range []string{"a/b", "../x", "NUL", "a\u0345\u0301", "É/é", "ſ", "\u1e9e", "\ufeff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, p string) {
		if fold := Fold(p); utf8.ValidString(p) && Fold(fold) != fold {
			t.Errorf("Fold(%q) = %q, Fold of that = %q", p, fold, Fold(fold))
		}
		if Check(p) != nil {
			return
		}
		if path.Clean(p) != p || path.IsAbs(p) || strings.HasPrefix(p, "..") && (len(p) == 2 || p[2] == '/') || len(p) > MaxPath {
			t.Errorf("%q passes", p)
		}
		for e := range strings.SplitSeq(p, "/") {
			if Element(e) != nil {
				t.Errorf("%q passes, its element %q does not", p, e)
			}
		}
	})
}

// FuzzCheckLink resolves what passes as the system would, in a tree of real folders.
func FuzzCheckLink(f *testing.F) {
	f.Add("a/b/l", "../../x")
	f.Add("l", "x/../..")
	f.Fuzz(func(t *testing.T, link, target string) {
		if Check(link) != nil || CheckLink(link, target) != nil {
			return
		}
		at := path.Join(path.Dir(link), target)
		if at == ".." || strings.HasPrefix(at, "../") || path.IsAbs(at) {
			t.Errorf("%q -> %q leads to %q", link, target, at)
		}
	})
}
