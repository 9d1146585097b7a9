package bundle

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"packlift/bundle/tarball"
	"packlift/internal/fault"
	"packlift/internal/manifest"
)

// memory is a destination in memory that refuses to write a byte twice.
type memory struct{ b []byte }

func (m *memory) WriteAt(p []byte, off int64) (int, error) {
	if n := off + int64(len(p)); n > int64(len(m.b)) {
		m.b = append(m.b, make([]byte, n-int64(len(m.b)))...)
	}
	if !tarball.IsZero(m.b[off : off+int64(len(p))]) {
		return 0, fmt.Errorf("bytes at %d are written twice", off)
	}
	return copy(m.b[off:], p), nil
}

var identity = func() *age.X25519Identity {
	i, err := age.GenerateX25519Identity()
	if err != nil {
		panic(err)
	}
	return i
}()

type entry struct{ name, content string }

func sampleInfo() Info {
	return Info{Product: "sample", Version: "1.0.0", Kind: Update, Channel: "main", Start: 3, End: 10, Sequence: manifest.Sequence{Level: 10}, MinimumTool: "1.3.0",
		Created: time.Date(2026, 11, 21, 21, 54, 38, 0, time.UTC), Tools: []Tool{{"linux", "amd64", "1.3.0", 5, manifest.Sum([]byte("hello"))}},
		BaseManifest: manifest.Sum([]byte("base")), TargetManifest: manifest.Sum([]byte("target")), TrustSet: "SHA256:abc"}
}

var sampleParts = map[string][]entry{
	ToolsName:   {{"packlift-import_linux_amd64.statement", "s"}, {"packlift-import_linux_amd64", "hello"}},
	LevelsName:  {{"manifest/0003.json", strings.Repeat("level ", 5000)}},
	PayloadName: {{"blob/" + strings.Repeat("ab", 32), strings.Repeat("x", 1<<20)}, {"blob/" + strings.Repeat("cd", 32), ""}},
}

func writeSample(t testing.TB, o WriterOptions) ([]byte, *Info) {
	t.Helper()
	if o.Recipients == nil {
		o.Recipients = []age.Recipient{identity.Recipient()}
	}
	dst := &memory{}
	w, err := NewWriter(dst, o)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range PartNames {
		p, err := w.Part(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range sampleParts[name] {
			if err := p.Add(e.name, int64(len(e.content)), strings.NewReader(e.content)); err != nil {
				t.Fatal(err)
			}
		}
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
	}
	info, err := w.Finish(func([]byte) ([][]byte, error) { return [][]byte{[]byte("signature one"), []byte("two")}, nil })
	if err != nil {
		t.Fatal(err)
	}
	return dst.b, info
}

type opened struct {
	l      *Layout
	info   *Info
	sums   map[string]manifest.Digest
	pieces *Pieces
}

func open(t testing.TB, b []byte) opened {
	t.Helper()
	r := bytes.NewReader(b)
	l, err := ReadLayout(r, int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	get := func(name string) []byte {
		m, _ := l.Find(name)
		c, err := ReadMember(r, m)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	o := opened{l: l}
	if o.info, err = ParseInfo(get(ManifestName)); err != nil {
		t.Fatal(err)
	}
	if o.sums, err = ParseSums(get(SumsName), l); err != nil {
		t.Fatal(err)
	}
	if o.pieces, err = ParsePieces(get(PiecesName), l); err != nil {
		t.Fatal(err)
	}
	return o
}

func readPart(b []byte, o opened, name string, table bool, ids ...age.Identity) ([]entry, error) {
	m, _ := o.l.Find(name)
	plain := o.info.Part(name).Plain
	pieces := o.pieces.Part(name)
	streams := pieces.Streams
	if !table {
		streams = nil
	}
	r, err := OpenPart(bytes.NewReader(b), m, pieces.SHA256, streams, &plain, ids, ReadOptions{})
	if err != nil {
		return nil, err
	}
	defer r.Close()
	x := tarball.NewReader(r, tarball.Limits{MaxEntries: 100, MaxSize: 1 << 30})
	var out []entry
	for {
		e, err := x.Next()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		c, err := io.ReadAll(x)
		if err != nil {
			return nil, err
		}
		out = append(out, entry{e.Name, string(c)})
	}
}

func TestWriteAndRead(t *testing.T) {
	b, info := writeSample(t, WriterOptions{Info: sampleInfo()})
	o := open(t, b)
	if o.info.ID != info.ID || o.info.Recipients != 1 || o.info.Parts != info.Parts || o.info.Format != FormatVersion {
		t.Errorf("read %+v\nwrote %+v", o.info, info)
	}
	for _, m := range o.l.Members {
		if sum, ok := o.sums[m.Name]; ok && sum != manifest.Sum(b[m.Offset:m.Offset+m.Size]) {
			t.Errorf("%s: digest differs", m.Name)
		}
	}
	for _, name := range PartNames {
		for _, table := range []bool{true, false} {
			got, err := readPart(b, o, name, table, identity)
			if err != nil || !slices.Equal(got, sampleParts[name]) {
				t.Errorf("%s, table %v: %d entries, %v", name, table, len(got), err)
			}
		}
	}
	if len(o.l.Signatures()) != 2 || o.l.Signatures()[1].Size != 3 {
		t.Errorf("signatures %v", o.l.Signatures())
	}
}

// TestReproducible writes twice: all but what age encrypts anew is the same.
func TestReproducible(t *testing.T) {
	_, one := writeSample(t, WriterOptions{Info: sampleInfo(), Jobs: 1})
	_, two := writeSample(t, WriterOptions{Info: sampleInfo(), Jobs: 5, MaxMemory: 2 << 30})
	if one.ID != two.ID {
		t.Error("the id depends on more than the input")
	}
	for _, name := range PartNames {
		if one.Part(name).Plain != two.Part(name).Plain || one.Part(name).Stored.Size != two.Part(name).Stored.Size {
			t.Errorf("%s differs", name)
		}
	}
}

func TestNoIdentity(t *testing.T) {
	b, _ := writeSample(t, WriterOptions{Info: sampleInfo()})
	other, _ := age.GenerateX25519Identity()
	for _, ids := range [][]age.Identity{nil, {other}} {
		_, err := readPart(b, open(t, b), PayloadName, true, ids...)
		if fault.ClassOf(err) != fault.Undecryptable || LayerOf(err) != LayerDecrypt {
			t.Errorf("%d identities: %v", len(ids), err)
		}
	}
}

// TestSwappedAfterCheck changes the file under an opened part.
func TestSwappedAfterCheck(t *testing.T) {
	b, _ := writeSample(t, WriterOptions{Info: sampleInfo()})
	o := open(t, b)
	m, _ := o.l.Find(PayloadName)
	for _, i := range []int64{0, 200, m.Size / 2, m.Size - 1} {
		bad := bytes.Clone(b)
		bad[m.Offset+i] ^= 1
		_, err := readPart(bad, o, PayloadName, true, identity)
		if fault.ClassOf(err) != fault.Tampered || LayerOf(err) != LayerDigest || !strings.Contains(err.Error(), "piece 0") {
			t.Errorf("byte %d: %v", i, err)
		}
	}
	_, err := readPart(b[:m.Offset+m.Size/2], o, PayloadName, true, identity)
	if fault.ClassOf(err) != fault.Truncated || strings.Contains(err.Error(), "header") {
		t.Errorf("shortened: %v", err)
	}
}

type brokenDisk struct{ bytes.Reader }

func (*brokenDisk) ReadAt([]byte, int64) (int, error) { return 0, errors.New("input/output error") }

// TestBrokenDisk: a read that fails is no tampering.
func TestBrokenDisk(t *testing.T) {
	b, _ := writeSample(t, WriterOptions{Info: sampleInfo()})
	o := open(t, b)
	m, _ := o.l.Find(PayloadName)
	_, err := OpenPart(&brokenDisk{}, m, o.pieces.Part(PayloadName).SHA256, nil, nil, []age.Identity{identity}, ReadOptions{})
	if err == nil || fault.ClassOf(err) != fault.General || LayerOf(err) != "" || !strings.HasPrefix(err.Error(), PayloadName) || !strings.HasSuffix(err.Error(), "input/output error") {
		t.Errorf("part: %v", err)
	}
	if _, err := ReadLayout(&brokenDisk{}, int64(len(b))); err == nil || fault.ClassOf(err) != fault.General || LayerOf(err) != "" {
		t.Errorf("layout: %v", err)
	}
}

func TestPlainLies(t *testing.T) {
	b, _ := writeSample(t, WriterOptions{Info: sampleInfo()})
	for name, lie := range map[string]func(*Blob){
		"size larger": func(p *Blob) { p.Size += 512 }, "size smaller": func(p *Blob) { p.Size -= 512 }, "digest": func(p *Blob) { p.SHA256[3] ^= 1 },
	} {
		for _, table := range []bool{true, false} {
			o := open(t, b)
			lie(&o.info.part(LevelsName).Plain)
			_, err := readPart(b, o, LevelsName, table, identity)
			if fault.ClassOf(err) != fault.Tampered || LayerOf(err) != LayerXZ {
				t.Errorf("%s, table %v: %v (%s)", name, table, err, LayerOf(err))
			}
		}
	}
}

// TestWriterRefuses covers misuse and input that changes while it is read.
func TestWriterRefuses(t *testing.T) {
	o := WriterOptions{Info: sampleInfo(), Recipients: []age.Recipient{identity.Recipient()}}
	if _, err := NewWriter(&memory{}, WriterOptions{Info: sampleInfo()}); err == nil {
		t.Error("no recipient")
	}
	bad := o
	bad.Info.Product = "a/b"
	if _, err := NewWriter(&memory{}, bad); err == nil {
		t.Error("bad product")
	}
	w, err := NewWriter(&memory{}, o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Part(LevelsName); err == nil {
		t.Error("part out of turn")
	}
	p, _ := w.Part(ToolsName)
	if p.Add("short", 10, strings.NewReader("123")) == nil {
		t.Error("short content")
	}
	if p.Close() == nil {
		t.Error("Close after a fault")
	}
	if _, err := w.Finish(nil); err == nil {
		t.Error("Finish after a fault")
	}
	w, _ = NewWriter(&memory{}, o)
	p, _ = w.Part(ToolsName)
	if p.Add("long", 2, strings.NewReader("123")) == nil {
		t.Error("long content")
	}
	w.Abort()
	w.Abort()
}

// full is a destination without room after n bytes.
type full struct{ n int64 }

func (f full) WriteAt(p []byte, off int64) (int, error) {
	if off+int64(len(p)) > f.n {
		return 0, errors.New("no space left on device")
	}
	return len(p), nil
}

// TestFullDisk: wherever the room ends, the error says so, and nothing hangs.
func TestFullDisk(t *testing.T) {
	b, _ := writeSample(t, WriterOptions{Info: sampleInfo()})
	for n := int64(0); n < int64(len(b)); n += 700 {
		w, err := NewWriter(full{n}, WriterOptions{Info: sampleInfo(), Recipients: []age.Recipient{identity.Recipient()}})
		for _, name := range PartNames {
			if err != nil {
				break
			}
			var p *PartWriter
			if p, err = w.Part(name); err != nil {
				break
			}
			for _, e := range sampleParts[name] {
				if err == nil {
					err = p.Add(e.name, int64(len(e.content)), strings.NewReader(e.content))
				}
			}
			if e := p.Close(); err == nil {
				err = e
			}
		}
		if err == nil {
			_, err = w.Finish(func([]byte) ([][]byte, error) { return [][]byte{[]byte("signature one"), []byte("two")}, nil })
		}
		if err == nil || !strings.Contains(err.Error(), "no space left") {
			t.Errorf("room for %d bytes: %v", n, err)
		}
		w.Abort()
	}
}

func TestEmbed(t *testing.T) {
	b, _ := writeSample(t, WriterOptions{Info: sampleInfo()})
	o := open(t, b)
	var out bytes.Buffer
	if err := Embed(&out, bytes.NewReader(b), o.l, [][]byte{[]byte("signature one"), []byte("two"), []byte("three")}); err != nil {
		t.Fatal(err)
	}
	again := open(t, out.Bytes())
	if len(again.l.Signatures()) != 3 || again.info.ID != o.info.ID {
		t.Error("signatures are not embedded")
	}
	out.Reset()
	if err := Embed(&out, bytes.NewReader(b), o.l, [][]byte{[]byte("signature one"), []byte("two")}); err != nil || !bytes.Equal(out.Bytes(), b) {
		t.Error("embedding the same changes the bundle")
	}
}

// TestStockTools lets tar, sha256sum, age and xz read what was written.
func TestStockTools(t *testing.T) {
	for _, tool := range []string{"tar", "sha256sum", "age", "xz", "sh"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("no %s here", tool)
		}
	}
	b, _ := writeSample(t, WriterOptions{Info: sampleInfo()})
	dir := t.TempDir()
	write := func(name string, b []byte) {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("b.packlift", b)
	write("key", []byte(identity.String()+"\n"))
	cmd := exec.Command("sh", "-ec", `tar -tf b.packlift
tar -xOf b.packlift sig/02.sig; echo
tar -xf b.packlift; sha256sum -c --strict SHA256SUMS
for p in tools levels payload; do age -d -i key $p.tar.xz.age | xz -dc | tar -t; done`)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	want := "MANIFEST.json\nSHA256SUMS\ntools.tar.xz.age\nlevels.tar.xz.age\npayload.tar.xz.age\nPIECES.json\nsig/01.sig\nsig/02.sig\ntwo\n" +
		"MANIFEST.json: OK\ntools.tar.xz.age: OK\nlevels.tar.xz.age: OK\npayload.tar.xz.age: OK\nPIECES.json: OK\n" +
		"packlift-import_linux_amd64.statement\npacklift-import_linux_amd64\nmanifest/0003.json\nblob/" + strings.Repeat("ab", 32) + "\nblob/" + strings.Repeat("cd", 32) + "\n"
	if err != nil || string(out) != want {
		t.Errorf("%v\n%s\nwant\n%s", err, out, want)
	}
	names := 0
	for r := tar.NewReader(bytes.NewReader(b)); ; names++ {
		if _, err := r.Next(); err != nil {
			break
		}
	}
	if names != 8 {
		t.Errorf("archive/tar reads %d members", names)
	}
}
