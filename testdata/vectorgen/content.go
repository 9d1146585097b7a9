package vectorgen

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"packlift/bundle"
	"packlift/internal/fault"
	"packlift/internal/manifest"
)

// tarFaults are faults of an inner tar's form; they stand in levels.tar.
func (g *generator) tarFaults() {
	entries := func(name, about string, edit func(e []entry) []entry) {
		g.tampered(bundle.LayerTar, name, "levels.tar "+about, func(r *recipe) { r.parts[bundle.LevelsName] = edit(r.parts[bundle.LevelsName]) })
	}
	header := func(name, about string, edit func(h *[512]byte)) {
		entries(name, "has "+about, func(e []entry) []entry { e[0].header = edit; return e })
	}
	for _, c := range []struct {
		name string
		t    byte
	}{{"old", 0}, {"hardlink", '1'}, {"symlink", '2'}, {"chardev", '3'}, {"blockdev", '4'}, {"folder", '5'}, {"fifo", '6'}, {"pax", 'x'}, {"pax-global", 'g'}, {"longname", 'L'}, {"sparse", 'S'}} {
		header("type-"+c.name, fmt.Sprintf("an entry of type %q", c.t), func(h *[512]byte) {
			if h[156] = c.t; c.t == '1' || c.t == '2' {
				copy(h[157:], "/etc/passwd")
			}
		})
	}
	for _, c := range []struct{ name, about, path string }{
		{"absolute", "an absolute path", "/etc/passwd"}, {"climbing", "a path with ..", "manifest/../../0000.json"}, {"dot", "a path with .", "./manifest/0000.json"},
		{"slashes", "a doubled slash", "manifest//0000.json"}, {"device", "a Windows device name", "manifest/NUL"}, {"device-ext", "a Windows device name with extension", "manifest/com1.json"},
		{"control", "a control character", "manifest/0\x070.json"}, {"newline", "a newline", "manifest/\n.json"}, {"escape", "an escape sequence", "\x1b[2J.json"}, {"del", "a DEL", "a\x7fb"},
		{"backslash", "a backslash", `manifest\0000.json`}, {"colon", "a colon", "C:0000.json"}, {"utf8", "bytes that are no UTF-8", "manifest/\xff.json"}, {"bidi", "a bidi control", "manifest/\u202e.json"},
		{"final-dot", "a final dot", "manifest/0000."}, {"final-space", "a final space", "manifest/0000 "}, {"final-slash", "a final slash", "manifest/"},
	} {
		entries("path-"+c.name, "has an entry with "+c.about, func(e []entry) []entry { e[0].name = c.path; return e })
	}
	header("path-nul", "an entry whose name goes on after a NUL", func(h *[512]byte) { h[60] = 'x' })
	header("mode", "an entry with mode 0755", func(h *[512]byte) { copy(h[100:], "0000755") })
	header("mode-setuid", "an entry with mode 4755", func(h *[512]byte) { copy(h[100:], "0004755") })
	header("owner", "an entry with an owner", func(h *[512]byte) { copy(h[265:], "root") })
	header("time", "an entry with a time", func(h *[512]byte) { copy(h[136:], "15120000000") })
	header("prefix", "an entry with a prefix", func(h *[512]byte) { copy(h[345:], "dir") })
	header("magic", "an entry with GNU's magic", func(h *[512]byte) { copy(h[257:], "ustar  \x00") })
	header("size-base256", "an entry whose small size is in base-256", func(h *[512]byte) { copy(h[124:], "\x80\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00") })
	header("size-huge", "an entry of 2^63 bytes", func(h *[512]byte) { copy(h[124:], "\x80\x00\x00\x00\x80\x00\x00\x00\x00\x00\x00\x00") })
	entries("doubled", "has an entry twice", func(e []entry) []entry { return slices.Insert(e, 1, e[0]) })
	entries("case", "has two entries that differ in case", func(e []entry) []entry {
		return slices.Insert(e, 1, entry{name: strings.ToUpper(e[0].name), body: e[0].body})
	})
	g.tarBytes()
}

// tarBytes are faults of levels.tar and payload.tar as a row of bytes.
func (g *generator) tarBytes() {
	raw := func(class fault.Class, name, about string, edit func(b []byte) []byte) {
		r := g.update()
		r.tar[bundle.LevelsName] = edit
		g.fault(bundle.LayerTar, class, name, "levels.tar "+about, r.build())
	}
	raw(fault.Tampered, "checksum", "has a wrong checksum", func(b []byte) []byte { return edited(b, 153, b[153]^1) })
	raw(fault.Tampered, "padding", "has padding that is not zero", func(b []byte) []byte { return edited(b, 512+1023, 1) })
	raw(fault.Tampered, "zero-block", "has a second zero block that is not zero", func(b []byte) []byte { return edited(b, len(b)-1, 1) })
	raw(fault.Tampered, "trailing", "is followed by a block", func(b []byte) []byte { return append(b, make([]byte, 512)...) })
	raw(fault.Tampered, "trailing-tar", "is followed by another archive", func(b []byte) []byte { return append(b, b...) })
	raw(fault.Truncated, "no-end", "lacks the zero blocks", func(b []byte) []byte { return b[:len(b)-1024] })
	raw(fault.Truncated, "one-zero-block", "ends in one zero block", func(b []byte) []byte { return b[:len(b)-512] })
	raw(fault.Truncated, "cut", "ends inside an entry", func(b []byte) []byte { return b[:1024] })
	raw(fault.Tampered, "no-tar", "is text", func([]byte) []byte { return bytes.Repeat([]byte("text\n"), 1024)[:2048] })

	payload := func(name, about string, edit func(e []entry) []entry) {
		g.tampered(bundle.LayerTar, "payload-"+name, "payload.tar "+about, func(r *recipe) { r.parts[bundle.PayloadName] = edit(r.parts[bundle.PayloadName]) })
	}
	payload("more", "has a content too many", func(e []entry) []entry { return append(e, entry{name: bundle.BlobName(last()), body: "more"}) })
	payload("name", "has an entry that is no content", func(e []entry) []entry { e[0].name = "README.txt"; return e })
	payload("name-upper", "has a name in upper case", func(e []entry) []entry {
		e[0].name = "blob/" + strings.ToUpper(e[0].name[5:])
		return e
	})
}

// last is a digest above every other.
func last() manifest.Digest {
	var d manifest.Digest
	for i := range d {
		d[i] = 0xff
	}
	return d
}

// contentFaults are faults of what the inner tars hold.
func (g *generator) contentFaults() {
	tools := func(name, about string, edit func(r *recipe)) { g.tampered(bundle.LayerTools, name, about, edit) }
	list := func(r *recipe) []entry { return r.parts[bundle.ToolsName] }
	tools("binary", "the binary is not what its statement says", func(r *recipe) { list(r)[2].body = strings.Replace(importer, "an", "no", 1) })
	tools("binary-longer", "the binary is longer than its statement says", func(r *recipe) { list(r)[2].body += "x" })
	tools("missing", "a tool that MANIFEST.json lists is missing", func(r *recipe) { r.parts[bundle.ToolsName] = nil })
	tools("unlisted", "a tool that MANIFEST.json does not list", func(r *recipe) { r.lie = func(i *bundle.Info) { i.Tools = []bundle.Tool{} } })
	tools("no-statement", "a binary without statement", func(r *recipe) { r.parts[bundle.ToolsName] = list(r)[1:] })
	tools("extra", "a file beside the tools", func(r *recipe) { r.parts[bundle.ToolsName] = append(list(r), entry{name: "run-me.sh", body: "x"}) })
	tools("signature-gap", "signatures that begin at 02", func(r *recipe) { list(r)[1].name = bundle.StatementSigName("linux", "amd64", 2) })
	tools("statement-lies", "a statement, rightly signed, of another version", func(r *recipe) {
		t := r.info.Tools[0]
		t.Version = "1.4.0"
		r.parts[bundle.ToolsName] = g.toolEntries(t, g.keys.vendor)
	})
	tools("statement-spaced", "a statement that is not canonical, rightly signed", func(r *recipe) {
		text := strings.Replace(list(r)[0].body, ",", ", ", 1)
		list(r)[0].body, list(r)[1].body = text, string(g.sign("packlift-tool@v1", []byte(text), g.keys.vendor)[0])
	})
	untrusted := func(name, about string, edit func(r *recipe)) {
		r := g.update()
		edit(r)
		g.fault(bundle.LayerTools, fault.Untrusted, name, about, r.build())
	}
	untrusted("statement-flipped", "a statement that its signature does not cover", func(r *recipe) { list(r)[0].body = strings.Replace(list(r)[0].body, "1.3.0", "1.3.1", 1) })
	untrusted("stranger", "a statement signed by a stranger", func(r *recipe) { r.parts[bundle.ToolsName] = g.toolEntries(r.info.Tools[0], g.keys.stranger) })
	untrusted("site", "a statement signed by the site, which may not speak for tools", func(r *recipe) { r.parts[bundle.ToolsName] = g.toolEntries(r.info.Tools[0], g.keys.site) })
	untrusted("unsigned", "a statement without signature", func(r *recipe) { r.parts[bundle.ToolsName] = slices.Delete(list(r), 1, 2) })

	payload := func(name, about string, edit func(e []entry) []entry) {
		g.tampered(bundle.LayerPayload, name, "payload.tar "+about, func(r *recipe) { r.parts[bundle.PayloadName] = edit(r.parts[bundle.PayloadName]) })
	}
	payload("doubled", "has a content twice", func(e []entry) []entry { return slices.Insert(e, 1, e[0])[:len(e)] })
	payload("delta", "has a delta where the list says a whole content", func(e []entry) []entry { e[2].name = strings.Replace(e[2].name, "blob/", "delta/", 1); return e })
	payload("content", "has a content that is not its name", func(e []entry) []entry { e[1].body = string(flip([]byte(e[1].body), 3)); return e })
	payload("longer", "has a content that is longer than the manifest says", func(e []entry) []entry { e[1].body += "x"; return e })
	payload("unsorted", "has contents out of order", func(e []entry) []entry { e[1], e[2] = e[2], e[1]; return e })
	payload("missing", "lacks a content", func(e []entry) []entry { return e[:len(e)-1] })
	payload("missing-first", "lacks the first content", func(e []entry) []entry { return e[1:] })
	payload("other", "has a content that nothing needs", func(e []entry) []entry { e[len(e)-1].name = bundle.BlobName(last()); return e })
	payload("empty", "is empty", func([]entry) []entry { return nil })
	g.levelFaults()
	g.deltaFaults()
}

func (g *generator) levelFaults() {
	levels := func(name, about string, edit func(r *recipe, e []entry) []entry) {
		g.tampered(bundle.LayerLevels, name, about, func(r *recipe) { r.parts[bundle.LevelsName] = edit(r, r.parts[bundle.LevelsName]) })
	}
	levels("base-digest", "the base manifest is not the one that MANIFEST.json states", func(r *recipe, e []entry) []entry {
		r.info.BaseManifest[0] ^= 1
		return e
	})
	levels("target-digest", "the target manifest is not the one that MANIFEST.json states", func(r *recipe, e []entry) []entry {
		r.info.TargetManifest[0] ^= 1
		return e
	})
	levels("no-difference", "the difference is missing", func(_ *recipe, e []entry) []entry { return e[:1] })
	levels("no-base", "the base manifest is missing", func(_ *recipe, e []entry) []entry { return e[1:] })
	levels("reordered", "the difference stands before the manifest", func(_ *recipe, e []entry) []entry { e[0], e[1] = e[1], e[0]; return e })
	levels("other-level", "the manifest is called that of another level", func(_ *recipe, e []entry) []entry { e[0].name = bundle.LevelName(7); return e })
	levels("unknown", "an unknown file stands in the place of the changelog", func(_ *recipe, e []entry) []entry { e[3].name = "install.sh"; return e })
	levels("difference-elsewhere", "the difference starts from another manifest", func(_ *recipe, e []entry) []entry {
		other := level(0)
		other.Entries[0].Mode = 0o600
		e[1].body = string(manifest.MarshalDifference(other, level(1)))
		return e
	})
	levels("difference-lies", "the difference leads elsewhere than it says", func(_ *recipe, e []entry) []entry {
		e[1].body = strings.Replace(e[1].body, `"mode":"0644"`, `"mode":"0600"`, 1)
		return e
	})
	levels("difference-version", "the difference is of an unknown version", func(_ *recipe, e []entry) []entry {
		e[1].body = strings.Replace(e[1].body, `"difference":1`, `"difference":2`, 1)
		return e
	})
	levels("difference-cut", "the difference is cut short", func(_ *recipe, e []entry) []entry { e[1].body = e[1].body[:len(e[1].body)-30]; return e })
	levels("other-product", "the manifests are of another product", func(r *recipe, e []entry) []entry {
		old, new := level(0), level(1)
		old.Product, new.Product = "other", "other"
		r.info.BaseManifest, r.info.TargetManifest = old.Digest(), new.Digest()
		e[0].body, e[1].body = string(old.Marshal()), string(manifest.MarshalDifference(old, new))
		return e
	})
}

// pathFaults are full bundles whose one manifest breaks a rule; its digest is right.
func (g *generator) pathFaults() {
	one := func(name, about string, edit func(m *manifest.Manifest)) {
		m := level(1)
		edit(m)
		g.fault(bundle.LayerLevels, fault.Tampered, name, "the manifest has "+about, g.fullOf(level(1), m.Marshal()).build())
	}
	for _, c := range []struct{ name, about, path string }{
		{"absolute", "an absolute path", "/etc/passwd"}, {"climbing", "a path with ..", "lib/../../x"}, {"first-climbing", "a path that begins with ..", "../x"}, {"empty", "an empty path", ""},
		{"device", "a Windows device name", "lib/aux"}, {"device-ext", "a Windows device name with extension", "lib/con.txt"}, {"device-superscript", "a Windows device name with a superscript digit", "lib/com¹"},
		{"nul", "a NUL in a path", "lib/a\x00b"}, {"control", "a control character", "lib/a\x01b"}, {"newline", "a newline", "lib/a\nb"}, {"c1", "a C1 control", "lib/a\u0085b"}, {"bidi", "a bidi control", "lib/a\u202eb"},
		{"backslash", "a backslash", `lib\x`}, {"colon", "a colon", "lib/a:b"}, {"star", "a star", "lib/*"}, {"final-dot", "a final dot", "lib/x."}, {"final-space", "a final space", "lib/x "},
		{"long-element", "an element of 256 bytes", "lib/" + strings.Repeat("x", 256)}, {"long", "a path of more than 1024 bytes", "lib/" + strings.Repeat("x/", 520) + "x"}, {"deep", "a path of more than 64 elements", "lib/" + strings.Repeat("x/", 64) + "x"},
		{"reserved", "a path under updates/", "updates/product.txt"}, {"reserved-case", "a path under Updates/", "Updates/x"}, {"reserved-tool", "a path bin/packlift-import", "bin/packlift-import"}, {"reserved-short", "the short name of bin/packlift-import.exe", "bin/PACKLI~1.EXE"},
		{"own-name", "a name that only a run's own files have", "lib/.packlift-tmp-x"}, {"bin-file", "a file called bin", "bin"},
	} {
		one("path-"+c.name, c.about, func(m *manifest.Manifest) { m.Entries[2].Path = c.path; sortEntries(m) })
	}
	file := func(path string) manifest.Entry {
		e := level(1).Entries[0]
		e.Path = path
		return e
	}
	add := func(e manifest.Entry) func(m *manifest.Manifest) {
		return func(m *manifest.Manifest) { m.Entries = append(m.Entries, e); sortEntries(m) }
	}
	one("doubled", "a path twice", add(file("README.txt")))
	one("case", "two paths that differ in case", add(file("readme.TXT")))
	one("normal-form", "two paths that differ in Unicode form", func(m *manifest.Manifest) {
		m.Entries = append(m.Entries, file("lib/\u00e9"), file("lib/e\u0301"))
		sortEntries(m)
	})
	one("unsorted", "paths out of order", func(m *manifest.Manifest) { m.Entries[0], m.Entries[1] = m.Entries[1], m.Entries[0] })
	one("no-parent", "a file whose folder is not listed", add(file("share/x")))
	one("file-parent", "a file beneath a file", add(file("README.txt/x")))
	one("setuid", "a setuid file", func(m *manifest.Manifest) { m.Entries[0].Mode = 0o4755 })
	one("mode-unreadable", "a file that its owner cannot read", func(m *manifest.Manifest) { m.Entries[0].Mode = 0o200 })
	one("mode-folder", "a folder that its owner cannot list", func(m *manifest.Manifest) {
		m.Entries[slices.IndexFunc(m.Entries, func(e manifest.Entry) bool { return e.Type == manifest.Dir })].Mode = 0o300
	})
	one("bin-link", "a link called bin", add(manifest.Entry{Path: "bin", Type: manifest.Symlink, Target: "lib"}))
	one("size-negative", "a negative size", func(m *manifest.Manifest) { m.Entries[0].Size = -1 })
	one("size-cap", "a size over the cap", func(m *manifest.Manifest) { m.Entries[0].Size = 1<<40 + 1 })
	one("level", "another level", func(m *manifest.Manifest) { m.Level = 2 })
	one("type", "an entry of an unknown type", func(m *manifest.Manifest) { m.Entries[0].Type = "device" })
	for _, c := range [][2]string{{"absolute", "/etc/passwd"}, {"climbing", "../x"}, {"deep", "lib/../../x"}, {"chained", "lib/../README.txt"}, {"device", "NUL"}, {"windows", `C:\x`}, {"empty", ""}, {"control", "a\x1b"},
		{"top", "."}, {"bin", "bin"}, {"updates", "updates/packlift"}, {"tool", "bin/packlift-import"}} {
		one("link-"+c[0], fmt.Sprintf("a link to %q", c[1]), add(manifest.Entry{Path: "link", Type: manifest.Symlink, Target: c[1]}))
	}
	g.manifestTexts()
}

func sortEntries(m *manifest.Manifest) {
	slices.SortStableFunc(m.Entries, func(a, b manifest.Entry) int { return strings.Compare(a.Path, b.Path) })
}

// manifestTexts edits the text of a full bundle's manifest.
func (g *generator) manifestTexts() {
	text := func(name, about string, edit func(s string) string) {
		g.fault(bundle.LayerLevels, fault.Tampered, "text-"+name, "the manifest "+about, g.fullOf(level(1), []byte(edit(string(level(1).Marshal())))).build())
	}
	replace := func(old, new string) func(string) string {
		return func(s string) string { return strings.Replace(s, old, new, 1) }
	}
	text("space", "has a space more", replace(`"manifest":1`, `"manifest": 1`))
	text("version", "is of an unknown version", replace(`"manifest":1`, `"manifest":2`))
	text("count-less", "states fewer entries than it has", replace(`"count":4`, `"count":3`))
	text("count-more", "states more entries than it has", replace(`"count":4`, `"count":5`))
	text("count-cap", "states more entries than the cap", replace(`"count":4`, `"count":10000000`))
	text("count-negative", "states a negative count", replace(`"count":4`, `"count":-1`))
	text("unknown-key", "has an unknown key", replace(`"path":`, `"note":"x","path":`))
	text("key-case", "has a key in other case", replace(`"path":`, `"Path":`))
	text("trailing", "is followed by bytes", func(s string) string { return s + "{}\n" })
	text("cut", "is cut short", func(s string) string { return s[:len(s)-20] })
	text("empty", "is empty", func(string) string { return "" })
	text("long-line", "has a line of 100000 bytes", replace(`"path":"README`, `"path":"`+strings.Repeat("x", 100000)+`README`))
}
