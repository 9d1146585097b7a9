package vectorgen

import (
	"encoding/json"
	"time"

	"packlift/bundle"
	"packlift/internal/fault"
	"packlift/internal/manifest"
)

// spellings are what two readers might take for the same, or for allowed, the one
// and not the other: links, folded paths, escapes, versions.
func (g *generator) spellings() {
	links := func(list ...manifest.Entry) []byte {
		m := level(1)
		m.Entries = append(m.Entries, list...)
		sortEntries(m)
		return m.Marshal()
	}
	link := func(path, target string) manifest.Entry {
		return manifest.Entry{Path: path, Type: manifest.Symlink, Target: target}
	}
	g.add(vector{Name: "good-links", About: "links with . and a final slash"}, 0,
		g.fullOf(level(1), links(link("a", "./README.txt"), link("b", "lib/"), link("c", "lib/./core.jar"), link("lib/d", "./../README.txt"))).build())
	file := func(path string) manifest.Entry {
		e := level(1).Entries[0]
		e.Path = path
		return e
	}
	for _, c := range []struct{ name, about, path string }{
		{"unseen", "two paths that differ in a character which is not seen", "README\u200d.txt"},
		{"full-folding", "two paths that differ in what folds to two letters", "STRASSE"},
		{"reserved-unseen", "a path under updates/ with a character which is not seen", "upda\u200ctes"},
	} {
		g.fault(bundle.LayerLevels, fault.Tampered, "path-"+c.name, "the manifest has "+c.about, g.fullOf(level(1), links(file("stra\u00dfe"), file(c.path))).build())
	}

	e := g.advisoryEntry(1)
	a := bundle.Advisory{Level: 1, Date: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC), Summary: "a \"quote\", a \\, a\ttab,\na newline, <&>, \u2028, \u2029, \U0001F512\n"}
	text, err := a.Marshal()
	g.must(err)
	e.body = string(text)
	r := g.between()
	r.parts[bundle.LevelsName] = append(r.parts[bundle.LevelsName], e)
	g.add(vector{Name: "good-escapes", About: "an advisory with each kind of escape"}, 0, r.build())

	r = g.update()
	r.info.MinimumTool = "1.3.0-rc.1"
	r.info.Unknown = map[string]json.RawMessage{"note": json.RawMessage(`{"b":1.0e2,"a":"\u0041","a":[{}]}`)}
	g.add(vector{Name: "good-pre-release", About: "a minimum tool that is a pre-release, an unknown value in a spelling of its own"}, 0, r.build())
	value := func(name, about string, edit func(i *bundle.Info)) {
		g.tampered(bundle.LayerManifest, name, "MANIFEST.json: "+about, func(r *recipe) { r.lie = edit })
	}
	value("minimum-tool-build", "a minimum tool with build metadata", func(i *bundle.Info) { i.MinimumTool = "1.3.0+1" })
	value("unknown-utf8", "an unknown key whose value is no UTF-8", func(i *bundle.Info) { i.Unknown = map[string]json.RawMessage{"note": json.RawMessage("\"a\xff\"")} })
}
