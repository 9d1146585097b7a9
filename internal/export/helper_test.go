package export

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"filippo.io/age"

	"packlift/bundle"
	"packlift/internal/keys"
	"packlift/internal/manifest"
	_ "packlift/internal/testenv"
	"packlift/verify"
)

// toolDir holds real executables that the tests build once, by version.
var toolDir string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "export-test-")
	if err != nil {
		panic(err)
	}
	toolDir = dir
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// importer builds a small importer of that version for this machine, once.
func importer(t *testing.T, version string, flags ...string) string {
	t.Helper()
	return buildTool(t, here(), version, flags...)
}

var builds sync.Map // name → func() error

func buildTool(t *testing.T, p platform, version string, flags ...string) string {
	t.Helper()
	out := filepath.Join(toolDir, strings.Join(append([]string{p.os, p.arch, version}, flags...), "-"))
	build, _ := builds.LoadOrStore(out, sync.OnceValue(func() error { return goBuild(p, version, flags, out) }))
	if err := build.(func() error)(); err != nil {
		t.Fatalf("building a tool: %v", err)
	}
	return out
}

func goBuild(p platform, version string, flags []string, out string) error {
	ld := "-s -w"
	if version != "" {
		ld += " -X 'main.marker=packlift-tool-version:" + version + ";'"
	}
	for _, f := range flags {
		ld += " -X main." + f
	}
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags", ld, "-o", out, "../probe/testdata/tool")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+p.os, "GOARCH="+p.arch)
	b, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w\n%s", err, b)
	}
	return nil
}

// toolsWith makes a tools folder: file name → executable.
func toolsWith(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, from := range files {
		copyFile(t, from, filepath.Join(dir, name), 0o755)
	}
	return dir
}

func copyFile(t *testing.T, from, to string, mode os.FileMode) {
	t.Helper()
	b, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	write(t, to, string(b), mode)
}

func write(t *testing.T, name, content string, mode os.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(name, mode); err != nil {
		t.Fatal(err)
	}
}

func signer(t *testing.T, name string) keys.Signer {
	t.Helper()
	private, _, err := keys.GenerateSigner(name)
	if err != nil {
		t.Fatal(err)
	}
	s, err := keys.LoadSigner(name, private, keys.SignerOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func identity(t *testing.T) *age.X25519Identity {
	t.Helper()
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// trees makes an old and a new product tree that differ in every way.
func trees(t *testing.T) (old, new string) {
	t.Helper()
	old, new = filepath.Join(t.TempDir(), "old"), filepath.Join(t.TempDir(), "new")
	for _, dir := range []string{old, new} {
		write(t, dir+"/bin/run.sh", "#!/bin/sh\n", 0o755)
		write(t, dir+"/lib/same.jar", strings.Repeat("same", 1000), 0o644)
		write(t, dir+"/lib/mode", "mode", 0o644)
		write(t, dir+"/updates/product.txt", "demo-1.0.0\n", 0o644)
		write(t, dir+"/bin/packlift-import", "not a tool", 0o755)
	}
	write(t, old+"/lib/gone.jar", "gone", 0o644)
	write(t, old+"/conf/a.conf", "level=3\n", 0o644)
	write(t, new+"/conf/a.conf", "level=10\n", 0o644)
	write(t, new+"/lib/twice-1.jar", strings.Repeat("twice", 5000), 0o644)
	write(t, new+"/lib/twice-2.jar", strings.Repeat("twice", 5000), 0o644)
	write(t, new+"/lib/empty", "", 0o644)
	if err := os.Chmod(new+"/lib/mode", 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("same.jar", new+"/lib/link.jar"); err != nil {
		t.Fatal(err)
	}
	return old, new
}

var day = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// options are those of an update of the trees from 3 to 10.
func options(t *testing.T) (CreateOptions, *age.X25519Identity) {
	t.Helper()
	old, new := trees(t)
	id := identity(t)
	return CreateOptions{
		From: old, To: new, Product: "demo", Version: "1.0.0", Start: 3, End: 10,
		Recipients: []age.Recipient{id.Recipient()}, Signers: []keys.Signer{signer(t, "vendor")},
		ToolsDir: toolsWith(t, map[string]string{"packlift-import": importer(t, "1.3.0")}),
		Output:   t.TempDir(), Created: day, Now: func() time.Time { return day },
	}, id
}

func create(t *testing.T, o CreateOptions) *Created {
	t.Helper()
	made, err := CreateUpdate(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func trustOf(t *testing.T, signers ...keys.Signer) *verify.TrustSet {
	t.Helper()
	set, err := ownTrust(signers)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// openBundle verifies the bundle at path as a site that trusts the signers.
func openBundle(t *testing.T, path string, trust *verify.TrustSet) *verify.Bundle {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b, _, err := verify.Open(context.Background(), bytes.NewReader(raw), int64(len(raw)), verify.Options{Trust: trust, Now: day})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// payload reads every content of the bundle, as a site that has the old files does.
func payload(t *testing.T, b *verify.Bundle, id age.Identity, old ...string) map[manifest.Digest]string {
	t.Helper()
	blobs, err := b.Payload([]age.Identity{id}, verify.PayloadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer blobs.Close()
	out := map[manifest.Digest]string{}
	for {
		item, err := blobs.Next()
		if err == io.EOF {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(item)
		if err == nil && item.Delta {
			content, err = rebuild(item.Content, content, old)
		}
		if err != nil {
			t.Fatal(err)
		}
		out[item.SHA256] = string(content)
	}
}

func rebuild(c manifest.Content, d []byte, old []string) ([]byte, error) {
	r, err := verify.OpenDelta(c, bytes.NewReader(d))
	if err != nil {
		return nil, err
	}
	var bases []io.ReaderAt
	for _, digest := range c.Bases {
		for _, text := range old {
			if manifest.Sum([]byte(text)) == digest {
				bases = append(bases, strings.NewReader(text))
				break
			}
		}
	}
	var out bytes.Buffer
	err = r.Apply(&out, bases)
	return out.Bytes(), err
}

// describeEntries prints a manifest's entries one a line.
func describeEntries(m []manifest.Entry) string {
	var lines []string
	for _, e := range m {
		lines = append(lines, fmt.Sprintf("%s %s %04o %d %s", e.Path, e.Type, e.Mode, e.Size, e.Target))
	}
	return strings.Join(lines, "\n")
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range list {
		out = append(out, e.Name())
	}
	slices.Sort(out)
	return out
}

func part(i *bundle.Info, name string) bundle.Blob { return i.Part(name).Plain }
