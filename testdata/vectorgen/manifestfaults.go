package vectorgen

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"packlift/bundle"
	"packlift/internal/fault"
	"packlift/internal/manifest"
)

func (g *generator) manifestFaults() {
	g.manifestText()
	g.manifestValues()
	g.manifestParts()

	r := g.update()
	r.info.Unknown = map[string]json.RawMessage{"must_know": json.RawMessage("1")}
	r.info.Critical = []string{"must_know"}
	g.fault(bundle.LayerManifest, fault.NotABundle, "unknown-critical", "an unknown key is listed as critical", r.build())

	r = g.update()
	r.info.Format = 3
	r.info.Unknown = map[string]json.RawMessage{"must_know": json.RawMessage("1")}
	r.info.Critical = []string{"must_know"}
	r.pieceText = func([]byte) []byte { return []byte("{\"another\":\"form\"}\n") }
	g.add(vector{Name: "later-format", About: "format 3: only what is frozen is read, and the tool inside is verified", Later: true}, 0, r.build())
}

// manifestText edits the bytes of MANIFEST.json.
func (g *generator) manifestText() {
	text := func(name, about string, edit func(s string) string) {
		g.tampered(bundle.LayerManifest, name, "MANIFEST.json "+about, func(r *recipe) {
			r.infoBytes = func(b []byte) []byte { return []byte(edit(string(b))) }
		})
	}
	replace := func(name, about, old, new string) {
		text(name, about, func(s string) string {
			if !strings.Contains(s, old) {
				g.t.Errorf("manifest-%s: %q is not there", name, old)
			}
			return strings.Replace(s, old, new, 1)
		})
	}
	text("no-newline", "does not end in a newline", func(s string) string { return strings.TrimSuffix(s, "\n") })
	text("two-newlines", "ends in two newlines", func(s string) string { return s + "\n" })
	text("crlf", "ends in CRLF", func(s string) string { return strings.TrimSuffix(s, "\n") + "\r\n" })
	text("tab", "is padded with a tab", func(s string) string { return strings.TrimSuffix(s, "\n") + "\t\n" })
	text("padding", "is padded with 4097 spaces", func(s string) string { return strings.TrimSuffix(s, "\n") + strings.Repeat(" ", 4097) + "\n" })
	text("bom", "begins with a byte order mark", func(s string) string { return "\ufeff" + s })
	text("two-objects", "holds two objects", func(s string) string { return strings.TrimSuffix(s, "\n") + "{}\n" })
	text("array", "is an array", func(string) string { return "[]\n" })
	text("cut", "is cut short", func(s string) string { return s[:len(s)/2] })
	text("nul", "ends in a NUL", func(s string) string { return s[:len(s)-1] + "\x00\n" })
	replace("space", "has a space inside", `,"product"`, `, "product"`)
	replace("doubled-key", "has a key twice", `"product":"sample",`, `"product":"sample","product":"sample",`)
	replace("key-order", "has keys out of order", `"product":"sample","version":"1.0.0"`, `"version":"1.0.0","product":"sample"`)
	replace("key-case", "has a key in other case", `"product":`, `"Product":`)
	replace("key-missing", "lacks a key", `"channel":"main",`, ``)
	replace("key-unknown-inner", "has an unknown key inside a value", `"levels":{"start":0`, `"levels":{"middle":0,"start":0`)
	replace("escape", "spells a character as an escape", `"sample"`, `"\u0073ample"`)
	replace("number", "spells a number with a fraction", `"recipients":1`, `"recipients":1.0`)
	replace("exponent", "spells a number with an exponent", `"recipients":1`, `"recipients":1e0`)
	replace("null", "has null for a list", `"critical":[]`, `"critical":null`)
	replace("string-number", "has a string for a number", `"recipients":1`, `"recipients":"1"`)
	replace("created-zone", "has a time that is not UTC", "2026-11-21T12:00:00Z", "2026-11-21T13:00:00+01:00")
	replace("created-fraction", "has a time with a fraction", "12:00:00Z", "12:00:00.5Z")
	replace("id", "has an id that is not derived from the rest", `"id":"`, `"id":"00`)
	text("id-other", "has the id of another bundle", func(s string) string {
		i := strings.Index(s, `"id":"`) + 6
		return s[:i] + strings.Repeat("0", 32) + s[i+32:]
	})
	text("unknown-keys-65", "has 65 unknown keys", func(s string) string {
		var b bytes.Buffer
		for n := range 65 {
			fmt.Fprintf(&b, `,"x%02d":0`, n)
		}
		return strings.TrimSuffix(s, "}\n") + b.String() + "}\n"
	})
	replace("critical-missing", "lists a critical key that it does not hold", `"critical":[]`, `"critical":["nowhere"]`)
}

// manifestValues states values that break a rule.
func (g *generator) manifestValues() {
	value := func(name, about string, edit func(i *bundle.Info)) {
		g.tampered(bundle.LayerManifest, name, "MANIFEST.json: "+about, func(r *recipe) { r.lie = edit })
	}
	value("product", "a product name with a slash", func(i *bundle.Info) { i.Product = "a/b" })
	value("product-control", "a product name with a control character", func(i *bundle.Info) { i.Product = "a\x1bb" })
	value("version", "a product version without a digit", func(i *bundle.Info) { i.Version = "x" })
	value("kind", "an unknown kind", func(i *bundle.Info) { i.Kind = "patch" })
	value("levels-reversed", "a range that runs down", func(i *bundle.Info) { i.Start = 2 })
	value("levels-same", "an update from a level to itself", func(i *bundle.Info) { i.Start = 1 })
	value("levels-negative", "a negative level", func(i *bundle.Info) { i.Start = -1 })
	value("level-high", "level 10000", func(i *bundle.Info) { i.End, i.Sequence.Level = 10000, 10000 })
	value("sequence", "a sequence of another level", func(i *bundle.Info) { i.Sequence.Level = 5 })
	value("sequence-hotfix", "a hotfix number in an update", func(i *bundle.Info) { i.Sequence.Hotfix = 1 })
	value("sequence-negative", "a negative epoch", func(i *bundle.Info) { i.Sequence.Epoch = -1 })
	value("min-sequence", "min_sequence above the bundle's own", func(i *bundle.Info) { i.MinSequence = manifest.Sequence{Level: 2} })
	value("minimum-tool", "a minimum tool that is no version", func(i *bundle.Info) { i.MinimumTool = "latest" })
	value("channel", "a channel with a space", func(i *bundle.Info) { i.Channel = "a b" })
	value("created", "a time before 1970", func(i *bundle.Info) { i.Created = time.Date(1969, 1, 1, 0, 0, 0, 0, time.UTC) })
	value("trust-set", "a trust set with a newline", func(i *bundle.Info) { i.TrustSet = "SHA256:a\nb" })
	value("base-missing", "an update without base manifest", func(i *bundle.Info) { i.BaseManifest = manifest.Digest{} })
	value("base-full", "a full bundle with a base manifest", func(i *bundle.Info) { i.Kind = bundle.Full })
	value("target-missing", "no target manifest", func(i *bundle.Info) { i.TargetManifest = manifest.Digest{} })
	value("critical-unsorted", "critical keys out of order", func(i *bundle.Info) { i.Critical = []string{"levels", "channel"} })
	value("critical-twice", "a critical key twice", func(i *bundle.Info) { i.Critical = []string{"levels", "levels"} })
	value("tools-unsorted", "tools out of order", func(i *bundle.Info) {
		i.Tools = append(i.Tools, i.Tools[0])
		i.Tools[1].OS = "darwin"
	})
	value("tools-twice", "a platform twice", func(i *bundle.Info) { i.Tools = append(i.Tools, i.Tools[0]) })
	value("tool-os", "a tool for ../../etc", func(i *bundle.Info) { i.Tools[0].OS = "../../etc" })
	value("tool-size", "a tool larger than the cap", func(i *bundle.Info) { i.Tools[0].Size = bundle.MaxTool + 1 })
	value("tool-version", "a tool whose version is a path", func(i *bundle.Info) { i.Tools[0].Version = "../1.3.0" })
	value("unknown-upper", "an unknown key in upper case", func(i *bundle.Info) { i.Unknown = map[string]json.RawMessage{"NOTE": json.RawMessage("1")} })
	value("unknown-spaced", "an unknown key whose value has spaces", func(i *bundle.Info) { i.Unknown = map[string]json.RawMessage{"note": json.RawMessage("[1, 2]")} })
}

// manifestParts states what the parts are not.
func (g *generator) manifestParts() {
	for _, name := range bundle.PartNames {
		lie := func(what, about string, edit func(p *bundle.PartInfo)) {
			g.tampered(bundle.LayerManifest, "lie-"+what+"-"+word(name), "MANIFEST.json states "+about+" of "+name, func(r *recipe) {
				r.lie = func(i *bundle.Info) { edit(partInfo[name](i)) }
			})
		}
		lie("stored-size", "another stored size", func(p *bundle.PartInfo) { p.Stored.Size++ })
		lie("stored-digest", "another stored digest", func(p *bundle.PartInfo) { p.Stored.SHA256[0] ^= 1 })
		lie("plain-cap", "a plain size over the cap", func(p *bundle.PartInfo) { p.Plain.Size = 1 << 43 })
		lie("plain-blocks", "a plain size that no tar has", func(p *bundle.PartInfo) { p.Plain.Size++ })
		lie("plain-zero", "no plain bytes", func(p *bundle.PartInfo) { p.Plain.Size = 0 })
	}
}
