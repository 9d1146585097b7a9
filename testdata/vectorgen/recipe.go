package vectorgen

import (
	"bytes"
	"strings"
	"time"

	"filippo.io/age"
	"golang.org/x/crypto/ssh"

	"packlift/bundle"
	"packlift/bundle/tarball"
	"packlift/bundle/xzpar"
	"packlift/internal/manifest"
	"packlift/verify"
)

// entry is one member of an inner tar. header, if set, edits its header block,
// whose checksum is then made right again.
type entry struct {
	name, body string
	header     func(*[512]byte)
}

// member is one outer member: header, content and padding are written as they are.
type member struct {
	name   string
	header [512]byte
	body   []byte
	pad    []byte
}

// recipe is a bundle about to be made, with a hook at each layer. All that a
// later layer states about an earlier one follows the hooks.
type recipe struct {
	g          *generator
	info       bundle.Info
	recipients []age.Recipient
	parts      map[string][]entry

	tar       map[string]func([]byte) []byte
	pack      map[string]func([]byte) ([]byte, []bundle.Stream)
	age       map[string]func([]byte) []byte
	lie       func(*bundle.Info) // after parts are filled in, before the id
	infoBytes func([]byte) []byte
	pieces    func(*bundle.Pieces)
	pieceText func([]byte) []byte
	sums      func(map[string]manifest.Digest)
	sumsBytes func([]byte) []byte
	signers   []ssh.Signer
	sigs      func([][]byte) [][]byte
	outer     func([]member) []member
}

func (g *generator) recipe(info bundle.Info) *recipe {
	return &recipe{g: g, info: info, recipients: g.keys.recipients[:1], parts: map[string][]entry{}, signers: []ssh.Signer{g.keys.vendor},
		tar: map[string]func([]byte) []byte{}, pack: map[string]func([]byte) ([]byte, []bundle.Stream){}, age: map[string]func([]byte) []byte{}}
}

// The products of the vectors: three files on level 0, changed on level 1.
var files = []map[string]string{
	{"README.txt": "the first level\n", "lib/core.jar": "PK core 0\n", "old.txt": "goes away\n"},
	{"README.txt": "the second level\n", "lib/core.jar": "PK core 1\n", "lib/new.jar": "PK new\n"},
}

func level(n int) *manifest.Manifest {
	m := &manifest.Manifest{Product: "sample", Version: "1.0.0", Level: n}
	add := func(name string) {
		m.Entries = append(m.Entries, manifest.Entry{Path: name, Type: manifest.File, Mode: 0o644, Size: int64(len(files[n][name])), SHA256: manifest.Sum([]byte(files[n][name]))})
	}
	add("README.txt")
	m.Entries = append(m.Entries, manifest.Entry{Path: "lib", Type: manifest.Dir, Mode: 0o755})
	add("lib/core.jar")
	if n == 0 {
		add("old.txt")
	} else {
		add("lib/new.jar")
	}
	return m
}

// blobs gives the payload that leads from old to new.
func blobs(old, new *manifest.Manifest) []entry {
	content := map[manifest.Digest]string{}
	for _, level := range files {
		for _, body := range level {
			content[manifest.Sum([]byte(body))] = body
		}
	}
	var out []entry
	for _, b := range manifest.Needed(old, new) {
		out = append(out, entry{name: bundle.BlobName(b.SHA256), body: content[b.SHA256]})
	}
	return out
}

// contents is the list of that payload.
func contents(start int, old, new *manifest.Manifest) entry {
	var list []manifest.Content
	for _, b := range manifest.Needed(old, new) {
		list = append(list, manifest.Content{Blob: b})
	}
	return listed(start, list)
}

func listed(start int, list []manifest.Content) entry {
	var b strings.Builder
	manifest.WriteContents(&b, list)
	return entry{name: bundle.ContentsName(start, 1), body: b.String()}
}

const importer = "#!/bin/sh\necho an importer for the test vectors\n"

// tools gives the entries of one tool whose statement is signed by vendor.
func (g *generator) tools() ([]bundle.Tool, []entry) {
	t := bundle.Tool{OS: "linux", Arch: "amd64", Version: "1.3.0", Size: int64(len(importer)), SHA256: manifest.Sum([]byte(importer))}
	return []bundle.Tool{t}, g.toolEntries(t, g.keys.vendor)
}

func (g *generator) toolEntries(t bundle.Tool, signer ssh.Signer) []entry {
	s := bundle.Statement{Tool: bundle.ToolProduct, OS: t.OS, Arch: t.Arch, Version: t.Version, Size: t.Size, SHA256: t.SHA256}
	text := s.Marshal()
	sig := g.sign(verify.NamespaceTool, text, signer)[0]
	return []entry{{name: bundle.StatementName(t.OS, t.Arch), body: string(text)}, {name: bundle.StatementSigName(t.OS, t.Arch, 1), body: string(sig)},
		{name: bundle.ToolName(t.OS, t.Arch), body: importer}}
}

func base() bundle.Info {
	return bundle.Info{Format: 1, Product: "sample", Version: "1.0.0", Channel: "main", End: 1, Sequence: manifest.Sequence{Level: 1}, MinimumTool: "1.3.0",
		Created: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC), Recipients: 1}
}

// update is the good update from level 0 to level 1.
func (g *generator) update() *recipe {
	old, new := level(0), level(1)
	info := base()
	info.Kind, info.BaseManifest, info.TargetManifest = bundle.Update, old.Digest(), new.Digest()
	r := g.recipe(info)
	r.info.Tools, r.parts[bundle.ToolsName] = g.tools()
	r.parts[bundle.LevelsName] = []entry{{name: bundle.LevelName(0), body: string(old.Marshal())}, {name: bundle.DifferenceName(0, 1), body: string(manifest.MarshalDifference(old, new))},
		contents(0, old, new), {name: bundle.ChangelogName(0, 1), body: "level 1: a new library\n"}}
	r.parts[bundle.PayloadName] = blobs(old, new)
	return r
}

// full is the good full bundle of level 1.
func (g *generator) full() *recipe { return g.fullOf(level(1), level(1).Marshal()) }

// fullOf is a full bundle whose one manifest is text; the payload is that of m.
func (g *generator) fullOf(m *manifest.Manifest, text []byte) *recipe {
	info := base()
	info.Kind, info.Start, info.TargetManifest = bundle.Full, 1, manifest.Sum(text)
	r := g.recipe(info)
	r.parts[bundle.LevelsName] = []entry{{name: bundle.LevelName(1), body: string(text)}, contents(1, nil, m)}
	r.parts[bundle.PayloadName] = blobs(nil, m)
	return r
}

// tarOf writes an inner tar.
func (g *generator) tarOf(entries []entry) []byte {
	var b bytes.Buffer
	for _, e := range entries {
		h, err := tarball.Header(e.name, int64(len(e.body)))
		g.must(err)
		if e.header != nil {
			e.header(&h)
			checksum(&h)
		}
		b.Write(h[:])
		b.WriteString(e.body)
		b.Write(make([]byte, tarball.Padding(int64(len(e.body)))))
	}
	b.Write(make([]byte, tarball.Trailer))
	return b.Bytes()
}

// checksum makes a header's checksum right.
func checksum(h *[512]byte) {
	copy(h[148:], "        ")
	sum := 0
	for _, c := range h {
		sum += int(c)
	}
	for i := range 6 {
		h[148+i] = byte('0' + sum>>(15-3*i)&7)
	}
	h[154] = 0
}

// streams packs each piece of plain as a stream of its own.
func (g *generator) streams(plain ...[]byte) ([]byte, []bundle.Stream) {
	var out bytes.Buffer
	var table []bundle.Stream
	at := int64(0)
	for _, p := range plain {
		table = append(table, bundle.Stream{Offset: int64(out.Len()), Plain: at})
		w := xzpar.NewWriter(&out, xzpar.WriterOptions{Jobs: 1})
		_, err := w.Write(p)
		g.must(err)
		g.must(w.Close())
		at += int64(len(p))
	}
	return out.Bytes(), table
}

func (g *generator) encrypt(b []byte, recipients []age.Recipient) []byte {
	var out bytes.Buffer
	w, err := age.Encrypt(&out, recipients...)
	g.must(err)
	_, err = w.Write(b)
	g.must(err)
	g.must(w.Close())
	return out.Bytes()
}
