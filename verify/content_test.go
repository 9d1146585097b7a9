package verify

import (
	"bytes"
	"context"
	"io"
	"slices"
	"strings"
	"testing"

	"packlift/bundle"
	"packlift/internal/fault"
	"packlift/internal/manifest"
)

func TestToolRefuses(t *testing.T) {
	alice := anyOne("alice")
	two := set{signers: []string{"alice", "bob"}, rules: map[string]map[string]int{NamespaceTool: {RoleAny: 2}}}
	bundlesOnly := set{signers: []string{"alice", "bob"}, options: map[string]string{"alice": `namespaces="packlift-bundle@v1"`}}
	listed := newMaker(t).info.Tools[0]
	lie := func(change func(*bundle.Tool)) bundle.Tool { l := listed; change(&l); return l }
	for name, c := range map[string]struct {
		stated  bundle.Tool
		binary  string
		ns      string
		signers []string
		set     set
		class   fault.Class
		reason  string
	}{
		"unsigned":               {listed, linuxTool, NamespaceTool, nil, alice, fault.Untrusted, "no signature"},
		"signed by a stranger":   {listed, linuxTool, NamespaceTool, []string{"mallory"}, alice, fault.Untrusted, "not in allowed_signers"},
		"signed as a bundle":     {listed, linuxTool, NamespaceBundle, []string{"alice"}, alice, fault.Untrusted, "made for namespace"},
		"key not for tools":      {listed, linuxTool, NamespaceTool, []string{"alice"}, bundlesOnly, fault.Untrusted, "may not sign"},
		"one signer of two":      {listed, linuxTool, NamespaceTool, []string{"alice"}, two, fault.Untrusted, "any: 1 of 2"},
		"one signer twice":       {listed, linuxTool, NamespaceTool, []string{"alice", "alice"}, two, fault.Untrusted, "any: 1 of 2"},
		"states another version": {lie(func(l *bundle.Tool) { l.Version = "9.9.9" }), linuxTool, NamespaceTool, []string{"alice"}, alice, fault.Tampered, "9.9.9"},
		"states another size":    {lie(func(l *bundle.Tool) { l.Size++ }), linuxTool, NamespaceTool, []string{"alice"}, alice, fault.Tampered, "bytes"},
		"states another digest":  {lie(func(l *bundle.Tool) { l.SHA256[0]++ }), linuxTool, NamespaceTool, []string{"alice"}, alice, fault.Tampered, "SHA-256"},
		"other bytes":            {listed, strings.ToUpper(linuxTool), NamespaceTool, []string{"alice"}, alice, fault.Tampered, "statement says"},
		"more bytes":             {listed, linuxTool + "!", NamespaceTool, []string{"alice"}, alice, fault.Tampered, "bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMaker(t)
			m.setTool(t, c.stated, c.binary, c.ns, c.signers...)
			v := mustOpen(t, m.make(t), c.set.parse(t))
			err := usePart(v, bundle.ToolsName)
			if fault.ClassOf(err) != c.class || !strings.Contains(err.Error(), c.reason) {
				t.Errorf("class %v, %v; want %v, %q", fault.ClassOf(err), err, c.class, c.reason)
			}
			if _, err := v.CheckContent(context.Background(), ids); fault.ClassOf(err) != c.class {
				t.Errorf("CheckContent: %v", err)
			}
		})
	}
}

func TestToolOfAnotherPlatform(t *testing.T) {
	v := mustOpen(t, newMaker(t).make(t), anyOne("alice").parse(t))
	_, err := v.Tool(ids, "linux", "arm64")
	if fault.ClassOf(err) != fault.General || !strings.Contains(err.Error(), "linux/amd64, windows/amd64") || fault.HintOf(err) == "" {
		t.Errorf("%v", err)
	}
	m := newMaker(t)
	m.info.Tools, m.parts[bundle.ToolsName] = nil, nil
	v = mustOpen(t, m.make(t), anyOne("alice").parse(t))
	if _, err := v.Tool(ids, "linux", "amd64"); fault.ClassOf(err) != fault.General {
		t.Errorf("%v", err)
	}
	if r, err := v.CheckContent(context.Background(), ids); err != nil {
		t.Errorf("without tools: %v %v", err, r)
	}
}

// TestToolsForm gives tools.tar other shapes than the format's.
func TestToolsForm(t *testing.T) {
	group := func(m *maker) []entry { return m.parts[bundle.ToolsName] }
	for name, change := range map[string]func(m *maker) []entry{
		"empty":         func(m *maker) []entry { return nil },
		"linux missing": func(m *maker) []entry { return group(m)[3:] },
		"no statement":  func(m *maker) []entry { return group(m)[1:] },
		"binary first":  func(m *maker) []entry { g := slices.Clone(group(m)); g[0], g[2] = g[2], g[0]; return g },
		"sig numbered 02": func(m *maker) []entry {
			g := slices.Clone(group(m))
			g[1].name = bundle.StatementSigName("linux", "amd64", 2)
			return g
		},
		"ends early": func(m *maker) []entry { return group(m)[:2] },
		"statement large": func(m *maker) []entry {
			g := slices.Clone(group(m))
			g[0].content = strings.Repeat(" ", bundle.MaxStatement+1)
			return g
		},
		"statements exchanged": func(m *maker) []entry {
			g := slices.Clone(group(m))
			g[0].content, g[3].content = g[3].content, g[0].content
			g[1].content, g[4].content = g[4].content, g[1].content
			return g
		},
	} {
		m := newMaker(t)
		m.parts[bundle.ToolsName] = change(m)
		v := mustOpen(t, m.make(t), anyOne("alice").parse(t))
		if err := usePart(v, bundle.ToolsName); fault.ClassOf(err) != fault.Tampered {
			t.Errorf("%s: class %v, %v", name, fault.ClassOf(err), err)
		}
		if _, err := v.CheckContent(context.Background(), ids); fault.ClassOf(err) != fault.Tampered {
			t.Errorf("%s: CheckContent: %v", name, err)
		}
	}
	m := newMaker(t)
	m.parts[bundle.ToolsName] = append(m.parts[bundle.ToolsName], entry{"virus.exe", "x"})
	v := mustOpen(t, m.make(t), anyOne("alice").parse(t))
	if _, err := v.CheckContent(context.Background(), ids); fault.ClassOf(err) != fault.Tampered {
		t.Errorf("a stranger after the tools: %v", err)
	}
}

func TestLevelsRefuse(t *testing.T) {
	foreign := tree(3, map[string]string{"a": "same", "b": "old"})
	foreign.Product = "other"
	for name, change := range map[string]func(m *maker){
		"empty":         func(m *maker) { m.parts[bundle.LevelsName] = nil },
		"no difference": func(m *maker) { m.parts[bundle.LevelsName] = m.parts[bundle.LevelsName][:1] },
		"base digest":   func(m *maker) { m.info.BaseManifest[0]++ },
		"target digest": func(m *maker) { m.info.TargetManifest[0]++ },
		"another level": func(m *maker) {
			m.info.Start = 4
			m.parts[bundle.LevelsName][0].name = bundle.LevelName(4)
			m.parts[bundle.LevelsName][1].name = bundle.DifferenceName(4, 10)
			m.parts[bundle.LevelsName][2].name = bundle.ContentsName(4, 10)
		},
		"another product": func(m *maker) {
			m.parts[bundle.LevelsName][0].content = string(foreign.Marshal())
			m.info.BaseManifest = foreign.Digest()
		},
		"damaged manifest": func(m *maker) { m.parts[bundle.LevelsName][0].content += " " },
		"damaged change":   func(m *maker) { m.parts[bundle.LevelsName][1].content = "{}" },
		"no list":          func(m *maker) { m.parts[bundle.LevelsName] = slices.Delete(m.parts[bundle.LevelsName], 2, 3) },
		"damaged list":     func(m *maker) { m.parts[bundle.LevelsName][2].content = "{}" },
		"empty list":       func(m *maker) { m.parts[bundle.LevelsName][2].content = listOf(nil) },
		"stranger":         func(m *maker) { m.parts[bundle.LevelsName][3].name = "notes.txt" },
		"more after":       func(m *maker) { m.parts[bundle.LevelsName] = append(m.parts[bundle.LevelsName], entry{"x", "y"}) },
		"order": func(m *maker) {
			p := m.parts[bundle.LevelsName]
			p[0], p[1] = p[1], p[0]
		},
	} {
		m := newMaker(t)
		change(m)
		v := mustOpen(t, m.make(t), anyOne("alice").parse(t))
		_, err := v.Levels(ids)
		if fault.ClassOf(err) != fault.Tampered && fault.ClassOf(err) != fault.Truncated {
			t.Errorf("%s: class %v, %v", name, fault.ClassOf(err), err)
		}
		if _, err := v.Payload(ids, PayloadOptions{}); err == nil {
			t.Errorf("%s: the payload opens", name)
		}
	}
}

func TestPayloadRefuses(t *testing.T) {
	zero := bundle.BlobName(manifest.Digest{})
	for name, change := range map[string]func(p []entry) []entry{
		"empty":         func(p []entry) []entry { return nil },
		"first missing": func(p []entry) []entry { return p[1:] },
		"last missing":  func(p []entry) []entry { return p[:len(p)-1] },
		"one too many":  func(p []entry) []entry { return append([]entry{{zero, "x"}}, p...) },
		"one at the end": func(p []entry) []entry {
			return append(p, entry{"blob/" + strings.Repeat("f", 64), "x"})
		},
		"doubled":      func(p []entry) []entry { return append(p[:1:1], p...) },
		"order":        func(p []entry) []entry { p[0], p[1] = p[1], p[0]; return p },
		"content":      func(p []entry) []entry { p[0].content = strings.ToUpper(p[0].content); return p },
		"longer":       func(p []entry) []entry { p[0].content += "x"; return p },
		"shorter":      func(p []entry) []entry { p[0].content = ""; return p },
		"a delta":      func(p []entry) []entry { p[0].name = strings.Replace(p[0].name, "blob/", "delta/", 1); return p },
		"other prefix": func(p []entry) []entry { p[0].name = strings.Replace(p[0].name, "blob/", "blub/", 1); return p },
	} {
		m := newMaker(t, "brand new", "another")
		m.parts[bundle.PayloadName] = change(m.parts[bundle.PayloadName])
		v := mustOpen(t, m.make(t), anyOne("alice").parse(t))
		if err := usePart(v, bundle.PayloadName); fault.ClassOf(err) != fault.Tampered {
			t.Errorf("%s: class %v, layer %q, %v", name, fault.ClassOf(err), bundle.LayerOf(err), err)
		}
	}
}

// TestUnreadBlobsAreChecked: a caller that skips a content's bytes still
// learns that they are wrong.
func TestUnreadBlobsAreChecked(t *testing.T) {
	m := newMaker(t, "brand new", "another")
	p := m.parts[bundle.PayloadName]
	p[0].content = strings.ToUpper(p[0].content)
	v := mustOpen(t, m.make(t), anyOne("alice").parse(t))
	b, err := v.Payload(ids, PayloadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if _, err := b.Next(); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Next(); fault.ClassOf(err) != fault.Tampered {
		t.Errorf("%v", err)
	}
}

// TestLaterFormat meets a bundle of format 2 whose manifest and piece list
// have other forms: only the frozen keys and the tools serve.
func TestLaterFormat(t *testing.T) {
	good := newMaker(t).make(t)
	later := remake(t, good, func(name, content string) string {
		switch name {
		case bundle.ManifestName:
			return strings.Replace(content, `"format":1,`, `"format":2,"shape":"new",`, 1)
		case bundle.PiecesName:
			return "a form that nobody knows yet"
		}
		return content
	}, "alice")
	v, report, err := openBytes(later, anyOne("alice").parse(t))
	if err != nil {
		t.Fatal(err)
	}
	if !v.LaterFormat() || v.Info() != nil || v.Frozen().Format != 2 || v.Frozen().MinimumTool != "1.3.0" {
		t.Errorf("%+v", v.Frozen())
	}
	if !slices.ContainsFunc(report.Checks, func(c Check) bool { return c.Result == Warning && strings.Contains(c.Evidence, "format 2") }) {
		t.Errorf("the report does not warn: %v", report)
	}
	if got := readTool(t, v, "linux"); got != linuxTool {
		t.Errorf("%q", got)
	}
	_, e1 := v.Levels(ids)
	_, e2 := v.Payload(ids, PayloadOptions{})
	for _, err := range []error{e1, e2} {
		if fault.ClassOf(err) != fault.General || !strings.Contains(fault.HintOf(err), "update the tool") {
			t.Errorf("%v, hint %q", err, fault.HintOf(err))
		}
	}
	if r, err := v.CheckContent(context.Background(), ids); err != nil || r.Checks[len(r.Checks)-1].Result != NotChecked {
		t.Errorf("%v %v", err, r)
	}
	// Swapped after Open, the tools of a later format are caught as well.
	stick := &mutable{b: later}
	if v, _, err = Open(context.Background(), stick, int64(len(later)), Options{Trust: anyOne("alice").parse(t)}); err != nil {
		t.Fatal(err)
	}
	m, _ := v.layout.Find(bundle.ToolsName)
	evil := bytes.Clone(later)
	evil[m.Offset+m.Size/2] ^= 1
	stick.swap(evil)
	if err := usePart(v, bundle.ToolsName); fault.ClassOf(err) != fault.Tampered {
		t.Errorf("%v", err)
	}
	// A later format that nobody signed stays out.
	unsigned := remake(t, later, replace(bundle.ManifestName, `"1.3.0"`, `"1.9.0"`))
	if _, _, err := openBytes(unsigned, anyOne("alice").parse(t)); fault.ClassOf(err) != fault.Tampered {
		t.Errorf("%v", err)
	}
}

func TestCloseEarly(t *testing.T) {
	v := mustOpen(t, bigBundle(), anyOne("alice").parse(t))
	p, err := v.Payload(ids, PayloadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	r, err := p.Next()
	if err != nil {
		t.Fatal(err)
	}
	io.ReadFull(r, make([]byte, 10))
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if _, err := p.Next(); err == nil || err == io.EOF {
		t.Errorf("goes on after Close: %v", err)
	}
}
