package verify

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"filippo.io/age"

	"packlift/bundle"
	"packlift/bundle/tarball"
	"packlift/internal/manifest"
)

// reader is the site's identity in these tests.
var reader = func() *age.X25519Identity {
	id, err := age.GenerateX25519Identity()
	if err != nil {
		panic(err)
	}
	return id
}()

var ids = []age.Identity{reader}

type memory struct{ b []byte }

func (m *memory) WriteAt(p []byte, off int64) (int, error) {
	if n := off + int64(len(p)); n > int64(len(m.b)) {
		m.b = append(m.b, make([]byte, n-int64(len(m.b)))...)
	}
	return copy(m.b[off:], p), nil
}

type entry struct{ name, content string }

// maker makes a bundle of the product "sample"; a test changes what it wants
// to be wrong. By default all is right, and alice signs.
type maker struct {
	base, target *manifest.Manifest
	info         bundle.Info
	parts        map[string][]entry
	signers      []string
	namespace    string
}

var linuxTool = "this is the importer for linux/amd64"
var windowsTool = "and this the one for windows/amd64"

func tree(level int, files map[string]string) *manifest.Manifest {
	m := &manifest.Manifest{Product: "sample", Version: "1.0.0", Level: level}
	for _, p := range []string{"a", "b", "c", "d"} {
		if content, ok := files[p]; ok {
			m.Entries = append(m.Entries, manifest.Entry{Path: p, Type: manifest.File, Mode: 0o644, Size: int64(len(content)), SHA256: manifest.Sum([]byte(content))})
		}
	}
	return m
}

func newMaker(t testing.TB, contents ...string) *maker {
	t.Helper()
	old, now := map[string]string{"a": "same", "b": "old"}, map[string]string{"a": "same", "b": "new"}
	byDigest := map[manifest.Digest]string{manifest.Sum([]byte("new")): "new"}
	for i, c := range contents {
		now[string(rune('c'+i))] = c
		byDigest[manifest.Sum([]byte(c))] = c
	}
	m := &maker{base: tree(3, old), target: tree(10, now), signers: []string{"alice"}, namespace: NamespaceBundle}
	tools := []bundle.Tool{
		{OS: "linux", Arch: "amd64", Version: "1.3.0", Size: int64(len(linuxTool)), SHA256: manifest.Sum([]byte(linuxTool))},
		{OS: "windows", Arch: "amd64", Version: "1.3.0", Size: int64(len(windowsTool)), SHA256: manifest.Sum([]byte(windowsTool))},
	}
	m.info = bundle.Info{Product: "sample", Version: "1.0.0", Kind: bundle.Update, Channel: "full", Start: 3, End: 10,
		Sequence: manifest.Sequence{Level: 10}, MinimumTool: "1.3.0", Created: created, Tools: tools,
		BaseManifest: m.base.Digest(), TargetManifest: m.target.Digest()}
	m.parts = map[string][]entry{bundle.LevelsName: {
		{bundle.LevelName(3), string(m.base.Marshal())},
		{bundle.DifferenceName(3, 10), string(manifest.MarshalDifference(m.base, m.target))},
		{bundle.ContentsName(3, 10), listOf(whole(m.base, m.target))},
		{bundle.ChangelogName(3, 10), "# what changed\n"},
	}}
	m.addTool(t, tools[0], linuxTool, NamespaceTool, "alice")
	m.addTool(t, tools[1], windowsTool, NamespaceTool, "alice")
	for _, b := range manifest.Needed(m.base, m.target) {
		m.parts[bundle.PayloadName] = append(m.parts[bundle.PayloadName], entry{bundle.BlobName(b.SHA256), byDigest[b.SHA256]})
	}
	return m
}

// whole lists what leads from base to target, nothing as a delta.
func whole(base, target *manifest.Manifest) (out []manifest.Content) {
	for _, b := range manifest.Needed(base, target) {
		out = append(out, manifest.Content{Blob: b})
	}
	return out
}

func listOf(list []manifest.Content) string {
	var b strings.Builder
	manifest.WriteContents(&b, list)
	return b.String()
}

// addTool adds a tool's group: statement, signatures, binary.
func (m *maker) addTool(t testing.TB, s bundle.Tool, binary, namespace string, signers ...string) {
	t.Helper()
	st := bundle.Statement{Tool: bundle.ToolProduct, OS: s.OS, Arch: s.Arch, Version: s.Version, Size: s.Size, SHA256: s.SHA256}
	text := st.Marshal()
	group := []entry{{bundle.StatementName(s.OS, s.Arch), string(text)}}
	for i, sig := range signText(t, namespace, text, signers...) {
		group = append(group, entry{bundle.StatementSigName(s.OS, s.Arch, i+1), string(sig)})
	}
	m.parts[bundle.ToolsName] = append(m.parts[bundle.ToolsName], append(group, entry{bundle.ToolName(s.OS, s.Arch), binary})...)
}

// setTool replaces the whole tools part by one tool.
func (m *maker) setTool(t testing.TB, stated bundle.Tool, binary, namespace string, signers ...string) {
	t.Helper()
	m.parts[bundle.ToolsName] = nil
	m.info.Tools = m.info.Tools[:1]
	m.addTool(t, stated, binary, namespace, signers...)
}

func (m *maker) make(t testing.TB) []byte {
	t.Helper()
	dst := &memory{}
	w, err := bundle.NewWriter(dst, bundle.WriterOptions{Info: m.info, Recipients: []age.Recipient{reader.Recipient()}})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range bundle.PartNames {
		p, err := w.Part(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range m.parts[name] {
			if err := p.Add(e.name, int64(len(e.content)), strings.NewReader(e.content)); err != nil {
				t.Fatal(err)
			}
		}
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.Finish(func(sums []byte) ([][]byte, error) { return signText(t, m.namespace, sums, m.signers...), nil }); err != nil {
		t.Fatal(err)
	}
	return dst.b
}

// members splits a bundle into its members, in order.
func members(t testing.TB, b []byte) []entry {
	t.Helper()
	l, err := bundle.ReadLayout(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	var out []entry
	for _, m := range l.Members {
		out = append(out, entry{m.Name, string(b[m.Offset : m.Offset+m.Size])})
	}
	return out
}

func pack(t testing.TB, list []entry) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tarball.NewWriter(&b)
	for _, e := range list {
		if err := w.Create(e.name, int64(len(e.content))); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(e.content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// remake changes a bundle's members and puts its sums right; with signers it
// is signed anew, as a malicious but trusted signer would.
func remake(t testing.TB, b []byte, edit func(name, content string) string, signers ...string) []byte {
	t.Helper()
	var out []entry
	sums := &strings.Builder{}
	at := 0
	for _, e := range members(t, b) {
		e.content = edit(e.name, e.content)
		switch {
		case e.name == bundle.SumsName:
			at = len(out)
		case strings.HasPrefix(e.name, "sig/"):
			if len(signers) > 0 {
				continue
			}
		default:
			fmt.Fprintf(sums, "%s  %s\n", manifest.Sum([]byte(e.content)), e.name)
		}
		out = append(out, e)
	}
	if len(signers) > 0 {
		out[at].content = sums.String()
		for i, s := range signText(t, NamespaceBundle, []byte(sums.String()), signers...) {
			out = append(out, entry{bundle.SignatureName(i + 1), string(s)})
		}
	}
	return pack(t, out)
}

// replace returns an edit of one member.
func replace(member, old, new string) func(string, string) string {
	return func(name, content string) string {
		if name != member {
			return content
		}
		return strings.Replace(content, old, new, 1)
	}
}

func openBytes(b []byte, ts *TrustSet) (*Bundle, *Report, error) {
	return Open(context.Background(), bytes.NewReader(b), int64(len(b)), Options{Trust: ts, Now: created.AddDate(0, 0, 3)})
}

func mustOpen(t testing.TB, b []byte, ts *TrustSet) *Bundle {
	t.Helper()
	v, _, err := openBytes(b, ts)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func (r *Report) String() string {
	b, _ := json.MarshalIndent(r, "", " ")
	return string(b)
}
