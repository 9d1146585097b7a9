package vectorgen

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"packlift/bundle"
	"packlift/internal/fault"
	"packlift/internal/manifest"
)

// stopLevels are the levels of the update with levels between: start, 3, 5, end.
var stopLevels = []int{0, 3, 5, 8}

// stopFiles are the files of a level: one that changes each time, one that comes,
// goes and comes again, and one that stays.
func stopFiles(level int) map[string]string {
	out := map[string]string{"a.txt": strings.Repeat("the same on all levels\n", 40) + fmt.Sprintf("level %d\n", level), "same.txt": "same\n"}
	if level == 3 || level == 8 {
		out["again.txt"] = strings.Repeat("comes again\n", 60)
	}
	return out
}

func stopManifest(level int) *manifest.Manifest {
	m := &manifest.Manifest{Product: "sample", Version: "1.0.0", Level: level}
	files := stopFiles(level)
	for _, p := range slices.Sorted(maps.Keys(files)) {
		m.Entries = append(m.Entries, manifest.Entry{Path: p, Type: manifest.File, Mode: 0o644, Size: int64(len(files[p])), SHA256: manifest.Sum([]byte(files[p]))})
	}
	return m
}

// between is the good update with levels between: a.txt is told from the level
// before in each step.
func (g *generator) between() *recipe {
	first, last := stopManifest(stopLevels[0]), stopManifest(stopLevels[3])
	info := base()
	info.Kind, info.End, info.Sequence.Level = bundle.Update, last.Level, last.Level
	info.BaseManifest, info.TargetManifest = first.Digest(), last.Digest()
	r := g.recipe(info)
	r.parts[bundle.LevelsName] = []entry{{name: bundle.LevelName(0), body: string(first.Marshal())}}
	steps, at := manifest.NewSteps(first), first
	for _, n := range stopLevels[1:] {
		next := stopManifest(n)
		if n != last.Level {
			r.info.Between = append(r.info.Between, bundle.Stop{Level: n, Manifest: next.Digest()})
		}
		list := g.stepItems(r, at.Level, n, steps.Needed(next))
		g.must(steps.Go(next, list))
		c := listed(at.Level, list)
		c.name = bundle.ContentsName(at.Level, n)
		r.parts[bundle.LevelsName] = append(r.parts[bundle.LevelsName], entry{name: bundle.DifferenceName(at.Level, n), body: string(manifest.MarshalDifference(at, next))}, c)
		at = next
	}
	return r
}

// stepItems adds the items of one step to the payload.
func (g *generator) stepItems(r *recipe, from, to int, needed []manifest.Blob) (list []manifest.Content) {
	old, files := stopFiles(from)["a.txt"], stopFiles(to)
	for _, b := range needed {
		c, body := manifest.Content{Blob: b}, entry{name: bundle.BlobName(b.SHA256), body: files["again.txt"]}
		if b.SHA256 == manifest.Sum([]byte(files["a.txt"])) {
			c.Delta, c.Bases = true, []manifest.Digest{manifest.Sum([]byte(old))}
			body = entry{name: bundle.DeltaName(b.SHA256), body: g.delta(files["a.txt"], old)}
		}
		list = append(list, c)
		r.parts[bundle.PayloadName] = append(r.parts[bundle.PayloadName], body)
	}
	return list
}

// betweens are updates with levels between, and their faults.
func (g *generator) betweens() {
	g.add(vector{Name: "good-between", About: "an update from level 0 to 8 by way of 3 and 5"}, 0, g.between().build())
	g.betweenValues()
	levels := func(name, about string, edit func(r *recipe, e []entry) []entry) {
		r := g.between()
		r.parts[bundle.LevelsName] = edit(r, r.parts[bundle.LevelsName])
		g.fault(bundle.LayerLevels, fault.Tampered, "between-"+name, about, r.build())
	}
	levels("digest", "the manifest of a level between is not the one that MANIFEST.json states", func(r *recipe, e []entry) []entry {
		r.info.Between[0].Manifest[0] ^= 1
		return e
	})
	levels("step-missing", "a step is missing", func(_ *recipe, e []entry) []entry { return slices.Delete(e, 3, 5) })
	levels("step-last-missing", "the last step is missing", func(_ *recipe, e []entry) []entry { return e[:5] })
	levels("contents-missing", "a list of contents is missing", func(_ *recipe, e []entry) []entry { return slices.Delete(e, 4, 5) })
	levels("steps-swapped", "two steps are out of order", func(_ *recipe, e []entry) []entry {
		e[1], e[2], e[3], e[4] = e[3], e[4], e[1], e[2]
		return e
	})
	levels("steps-contents-last", "the lists of contents follow all differences", func(_ *recipe, e []entry) []entry {
		return []entry{e[0], e[1], e[3], e[5], e[2], e[4], e[6]}
	})
	levels("step-long", "a step passes a level by", func(_ *recipe, e []entry) []entry {
		e[1] = entry{name: bundle.DifferenceName(0, 5), body: string(manifest.MarshalDifference(stopManifest(0), stopManifest(5)))}
		return e
	})
	levels("step-unlisted", "a step ends on a level that MANIFEST.json does not list", func(r *recipe, e []entry) []entry {
		r.info.Between = r.info.Between[:1]
		return e
	})
	g.betweenContents(levels)
	r := g.between()
	p := r.parts[bundle.PayloadName]
	p[0], p[len(p)-1] = p[len(p)-1], p[0]
	g.fault(bundle.LayerPayload, fault.Tampered, "between-steps", "payload.tar has the items of the steps out of order", r.build())
}

// betweenContents are faults of the lists of contents of several steps.
func (g *generator) betweenContents(levels func(name, about string, edit func(*recipe, []entry) []entry)) {
	digest := func(level int, name string) string { return manifest.Sum([]byte(stopFiles(level)[name])).String() }
	swap := func(old, new string) func(*recipe, []entry) []entry {
		return func(_ *recipe, e []entry) []entry {
			if !strings.Contains(e[4].body, old) {
				g.t.Fatalf("%q is not there", old)
			}
			e[4].body = strings.Replace(e[4].body, old, new, 1)
			return e
		}
	}
	again := fmt.Sprintf(`{"sha256":"%s","size":%d}`, digest(3, "again.txt"), len(stopFiles(3)["again.txt"]))
	levels("twice", "a content is listed by two steps", func(r *recipe, e []entry) []entry {
		e[6].body = strings.Replace(strings.Replace(e[6].body, `"count":1`, `"count":2`, 1), `"items":[`+"\n", `"items":[`+"\n"+again+",\n", 1)
		return e
	})
	levels("base-earlier", "a base is of an earlier level than the step's start", swap(digest(3, "a.txt"), digest(0, "a.txt")))
	levels("base-later", "a base is of the step's end", swap(digest(3, "a.txt"), digest(5, "a.txt")))
	levels("again-delta", "a content that comes again is a delta", func(r *recipe, e []entry) []entry {
		delta := strings.TrimSuffix(again, "}") + `,"bases":["` + digest(0, "a.txt") + `"]}`
		e[2].body = strings.Replace(e[2].body, again, delta, 1)
		return e
	})
}

// betweenValues are faults of what MANIFEST.json says of levels between.
func (g *generator) betweenValues() {
	value := func(name, about string, edit func(i *bundle.Info)) {
		r := g.between()
		r.lie = edit
		g.fault(bundle.LayerManifest, fault.Tampered, "between-"+name, about, r.build())
	}
	value("unsorted", "the levels between are out of order", func(i *bundle.Info) { slices.Reverse(i.Between) })
	value("doubled", "a level between stands twice", func(i *bundle.Info) { i.Between[1].Level = i.Between[0].Level })
	value("start", "a level between is the start", func(i *bundle.Info) { i.Between[0].Level = 0 })
	value("end", "a level between is the end", func(i *bundle.Info) { i.Between[1].Level = 8 })
	value("beyond", "a level between is beyond the end", func(i *bundle.Info) { i.Between[1].Level = 9 })
	value("negative", "a level between is negative", func(i *bundle.Info) { i.Between[0].Level = -1 })
	value("no-digest", "the digest of a level between is zero", func(i *bundle.Info) { i.Between[1].Manifest = manifest.Digest{} })
	value("cap", "there are 257 levels between", func(i *bundle.Info) {
		i.End, i.Sequence.Level, i.Between = 300, 300, nil
		for n := range bundle.MaxBetween + 1 {
			i.Between = append(i.Between, bundle.Stop{Level: n + 1, Manifest: last()})
		}
	})
	text := func(name, about, old, new string) {
		r := g.between()
		r.infoBytes = func(b []byte) []byte {
			if !strings.Contains(string(b), old) {
				g.t.Fatalf("%q is not there", old)
			}
			return []byte(strings.Replace(string(b), old, new, 1))
		}
		g.fault(bundle.LayerManifest, fault.Tampered, "between-"+name, about, r.build())
	}
	text("digest-missing", "a level between has no digest", `{"level":3,"manifest":"`+stopManifest(3).Digest().String()+`"}`, `{"level":3}`)
	text("key-unknown", "a level between has an unknown key", `{"level":3,`, `{"level":3,"name":"x",`)
	full := func(name, about string, edit func(r *recipe)) {
		r := g.full()
		edit(r)
		g.fault(bundle.LayerManifest, fault.Tampered, "between-"+name, about, r.build())
	}
	full("full", "a full bundle has a level between", func(r *recipe) { r.info.Between = []bundle.Stop{{Level: 1, Manifest: last()}} })
	full("null", "the levels between are null", func(r *recipe) {
		r.infoBytes = func(b []byte) []byte { return []byte(strings.Replace(string(b), `"between":[]`, `"between":null`, 1)) }
	})
}

// advisory is a good one of a level.
func advisory(level int) *bundle.Advisory {
	return &bundle.Advisory{Level: level, Date: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC), Channel: "main", Summary: "# What is new\n\n- much\n", Security: []string{"CVE-2026-0001", "CVE-2026-0002"}}
}

func (g *generator) advisoryEntry(level int) entry {
	text, err := advisory(level).Marshal()
	g.must(err)
	return entry{name: bundle.AdvisoryName(level), body: string(text)}
}

// advisories are what levels say of themselves, and faults of that.
func (g *generator) advisories() {
	with := func(list ...entry) *recipe {
		r := g.between()
		r.parts[bundle.LevelsName] = append(r.parts[bundle.LevelsName], list...)
		return r
	}
	g.add(vector{Name: "good-advisory", About: "an update with advisories of levels 1, 3 and 8"}, 0, with(g.advisoryEntry(1), g.advisoryEntry(3), g.advisoryEntry(8)).build())
	r := g.full()
	r.parts[bundle.LevelsName] = append(r.parts[bundle.LevelsName], g.advisoryEntry(0), g.advisoryEntry(1))
	g.add(vector{Name: "good-advisory-full", About: "a full bundle with advisories of levels 0 and 1"}, 0, r.build())
	bad := func(name, about string, list ...entry) {
		g.fault(bundle.LayerLevels, fault.Tampered, "advisory-"+name, "an advisory "+about, with(list...).build())
	}
	bad("unsorted", "stands before that of an earlier level", g.advisoryEntry(3), g.advisoryEntry(1))
	bad("start", "is of the level that the bundle starts from", g.advisoryEntry(0))
	bad("beyond", "is of a level beyond the end", g.advisoryEntry(9))
	bad("before-changelog", "stands before the changelog", g.advisoryEntry(1), entry{name: bundle.ChangelogName(0, 8), body: "new\n"})
	named := g.advisoryEntry(1)
	named.name = bundle.AdvisoryName(3)
	bad("other-level", "is called that of another level", named)
	bad("empty", "is empty", entry{name: bundle.AdvisoryName(1)})
	bad("oversized", "has more than 1 MiB", entry{name: bundle.AdvisoryName(1), body: strings.Repeat(" ", bundle.MaxAdvisory+1)})
	text := func(name, about, old, new string) {
		e := g.advisoryEntry(1)
		if !strings.Contains(e.body, old) {
			g.t.Fatalf("%q is not there", old)
		}
		e.body = strings.Replace(e.body, old, new, 1)
		bad(name, about, e)
	}
	text("version", "is of an unknown version", `"advisory":1`, `"advisory":2`)
	text("spaced", "has a space inside", `,"level"`, `, "level"`)
	text("no-newline", "does not end in a newline", "}\n", "}")
	text("trailing", "is followed by bytes", "}\n", "}\n{}\n")
	text("key-missing", "lacks a key", `"channel":"main",`, "")
	text("key-unknown", "has an unknown key", `"channel"`, `"severity":"high","channel"`)
	text("date", "has a date that is none", "2026-11-21T12", "2026-13-21T12")
	text("channel", "has a channel with a space", `"main"`, `"ma in"`)
	text("control", "has an escape sequence in its summary", "much", `\u001b[2J`)
	text("summary", "has a summary that is too long", "much", strings.Repeat("x", bundle.MaxSummary))
	text("security-null", "has null for its ids", `["CVE-2026-0001","CVE-2026-0002"]`, "null")
	text("security-unsorted", "has ids out of order", `["CVE-2026-0001","CVE-2026-0002"]`, `["CVE-2026-0002","CVE-2026-0001"]`)
	text("security-twice", "has an id twice", "0002", "0001")
	text("security-id", "has an id with a space", "CVE-2026-0001", "CVE 2026-0001")
	text("security-long", "has an id of 65 characters", "CVE-2026-0001", "A"+strings.Repeat("0", 64))
	var ids strings.Builder
	for n := range bundle.MaxSecurity - 1 {
		fmt.Fprintf(&ids, `"A-%04d",`, n)
	}
	text("security-cap", "has 1025 ids", `"CVE-2026-0001"`, ids.String()+`"CVE-2026-0001"`)
}
