package vectorgen

import (
	"bytes"
	"strings"

	"packlift/bundle"
	"packlift/bundle/delta"
	"packlift/internal/fault"
	"packlift/internal/manifest"
)

// deltaUpdate is the good update with README.txt as a delta of its old content.
func (g *generator) deltaUpdate() *recipe {
	r := g.update()
	old, now := files[0]["README.txt"], files[1]["README.txt"]
	var list []manifest.Content
	payload := r.parts[bundle.PayloadName]
	for i, b := range manifest.Needed(level(0), level(1)) {
		c := manifest.Content{Blob: b}
		if b.SHA256 == manifest.Sum([]byte(now)) {
			c.Delta, c.Bases = true, []manifest.Digest{manifest.Sum([]byte(old))}
			payload[i] = entry{name: bundle.DeltaName(b.SHA256), body: g.delta(now, old)}
		}
		list = append(list, c)
	}
	r.parts[bundle.LevelsName][2] = listed(0, list)
	return r
}

// originalUpdate is the good update with the original of README.txt.
func (g *generator) originalUpdate() *recipe {
	r := g.update()
	var list []manifest.Content
	for _, b := range manifest.Needed(level(0), level(1)) {
		list = append(list, manifest.Content{Blob: b})
	}
	old := files[0]["README.txt"]
	blob := manifest.Blob{SHA256: manifest.Sum([]byte(old)), Size: int64(len(old))}
	r.parts[bundle.LevelsName][2] = listed(0, append(list, manifest.Content{Blob: blob, Original: true}))
	r.parts[bundle.PayloadName] = append(r.parts[bundle.PayloadName], entry{name: bundle.BlobName(blob.SHA256), body: old})
	return r
}

// originals is a good update with one, and faults of the list of contents that names it.
func (g *generator) originals() {
	g.add(vector{Name: "good-original", About: "a good update with the old content of a changed text"}, 0, g.originalUpdate().build())
	list := func(name, about string, edit func(s string) string) {
		r := g.originalUpdate()
		e := &r.parts[bundle.LevelsName][2]
		before := e.body
		if e.body = edit(e.body); e.body == before {
			g.t.Fatalf("%s changes nothing", name)
		}
		g.fault(bundle.LayerLevels, fault.Tampered, "contents-original-"+name, "the list of contents "+about, r.build())
	}
	swap := func(old, new string) func(string) string {
		return func(s string) string { return strings.Replace(s, old, new, 1) }
	}
	now := manifest.Sum([]byte(files[1]["README.txt"])).String()
	list("unmarked", "does not say that an original is one", swap(`,"original":true`, ""))
	list("false", "says of a content that it is no original", swap(`"original":true`, `"original":false`))
	list("delta", "has an original that is a delta", swap(`,"original":true`, `,"bases":[],"original":true`))
	list("twice", "names an original twice, in the place of a content", func(s string) string {
		lines := strings.Split(s, "\n")
		lines[1] = strings.TrimSuffix(lines[4], ",") + ","
		return strings.Join(lines, "\n")
	})
	list("needed", "calls a content that is needed an original", func(s string) string {
		at := strings.Index(s, now)
		end := at + strings.Index(s[at:], "}")
		return s[:end] + `,"original":true` + s[end:]
	})
	list("kept", "calls a content that stays an original", swap(manifest.Sum([]byte(files[0]["README.txt"])).String(), manifest.Sum([]byte(files[0]["old.txt"])).String()))
}

func (g *generator) delta(now, old string) string {
	blob := func(s string) delta.Blob {
		return delta.Blob{Content: delta.Content{Size: int64(len(s)), SHA256: manifest.Sum([]byte(s))}, Data: strings.NewReader(s)}
	}
	d, err := delta.Make(blob(now), []delta.Blob{blob(old)}, delta.Options{})
	g.must(err)
	var b bytes.Buffer
	_, err = d.WriteTo(&b)
	g.must(err)
	return b.String()
}

// deltaFaults are faults of the list of contents, and of a delta against it.
func (g *generator) deltaFaults() {
	list := func(name, about string, edit func(s string) string) {
		r := g.deltaUpdate()
		e := &r.parts[bundle.LevelsName][2]
		before := e.body
		if e.body = edit(e.body); e.body == before {
			g.t.Fatalf("%s changes nothing", name)
		}
		g.fault(bundle.LayerLevels, fault.Tampered, "contents-"+name, "the list of contents "+about, r.build())
	}
	swap := func(old, new string) func(string) string {
		return func(s string) string { return strings.Replace(s, old, new, 1) }
	}
	base := manifest.Sum([]byte(files[0]["README.txt"])).String()
	list("version", "is of an unknown version", swap(`"contents":1`, `"contents":2`))
	list("count", "has fewer items than it counts", swap(`"count":3`, `"count":4`))
	list("size", "states another size than the manifest", swap(`"size":`, `"size":1`))
	list("stranger", "names a content that nothing needs", swap(`{"sha256":"`, `{"sha256":"`+strings.Repeat("f", 64)+`","size":1},`+"\n"+`{"sha256":"`))
	list("base", "names a base that the base level has not", swap(base, last().String()))
	list("base-twice", "names a base twice", swap(`"`+base+`"`, `"`+base+`","`+base+`"`))
	list("bases-null", "has null for bases", swap(`["`+base+`"]`, "null"))
	list("spaced", "is not in its one spelling", swap(`,"bases"`, `, "bases"`))
	list("cut", "is cut short", func(s string) string { return s[:len(s)-20] })
	body := func(name, about string, edit func(s string) string) {
		r := g.deltaUpdate()
		for i, e := range r.parts[bundle.PayloadName] {
			if strings.HasPrefix(e.name, "delta/") {
				r.parts[bundle.PayloadName][i].body = edit(e.body)
			}
		}
		g.fault(bundle.LayerPayload, fault.Tampered, "delta-"+name, "a delta "+about, r.build())
	}
	body("empty", "is empty", func(string) string { return "" })
	body("magic", "is of an unknown version", func(s string) string { return "PLD\x02" + s[4:] })
	body("result", "makes another content than is listed", func(s string) string { return s[:5] + "?" + s[6:] })
	body("base", "is of another base than is listed", func(s string) string { return s[:40] + "?" + s[41:] })
	body("recipe-cut", "ends in its recipe", func(s string) string { return s[:30] })
	body("cut", "ends in a segment", func(s string) string { return s[:len(s)-1] })
	body("trailing", "is followed by a byte", func(s string) string { return s + "\x01" })
	body("segment-empty", "ends in an empty segment", func(s string) string { return s + "\x00\x00\x00\x00" })
	body("length-long", "has a length that is not in its shortest form", func(s string) string { return s + "\x81\x00\x00\x00\x00x" })
	body("length-vast", "has a segment that is too long", func(s string) string { return s + "\xff\xff\xff\x7f\x00\x00\x00" })
}
