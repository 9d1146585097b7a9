package selfupdate

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"filippo.io/age"
	"golang.org/x/crypto/ssh"

	"packlift/bundle"
	"packlift/bundle/sshsig"
	"packlift/internal/keys"
	"packlift/internal/manifest"
	"packlift/internal/pack"
	_ "packlift/internal/testenv"
	"packlift/verify"
)

var toolDir string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "selfupdate-test-")
	if err != nil {
		panic(err)
	}
	toolDir = dir
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// importer gives a small importer of that version for this machine: a shell
// script, which is quickly packed, or where there is no such thing a program.
func importer(t *testing.T, version string) []byte {
	t.Helper()
	if runtime.GOOS == "windows" {
		return program(t, version)
	}
	return fmt.Appendf(nil, "#!/bin/sh\n# packlift-tool-version:%[1]s;\necho '{\"version\":\"%[1]s\",\"os\":\"%s\",\"arch\":\"%s\"}'\n",
		version, runtime.GOOS, runtime.GOARCH)
}

// program builds a small importer; flags are settings of its main package.
func program(t *testing.T, version string, flags ...string) []byte {
	t.Helper()
	out := filepath.Join(toolDir, strings.Join(append([]string{"tool", version}, flags...), "-"))
	if _, err := os.Stat(out); err != nil {
		ld := "-s -w -X 'main.marker=packlift-tool-version:" + version + ";'"
		for _, f := range flags {
			ld += " -X main." + f
		}
		cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags", ld, "-o", out, "../internal/probe/testdata/tool")
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if b, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("building a tool: %v\n%s", err, b)
		}
	}
	return read(t, out)
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func write(t *testing.T, name string, content []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, content, 0o755); err != nil {
		t.Fatal(err)
	}
}

// site is a pack with its trust, and what it takes to make bundles for it.
type site struct {
	vendor   keys.Signer
	id       *age.X25519Identity
	trust    map[string][]byte
	pack     *pack.Pack
	dir      string
	toolName string // in bin
}

func newSigner(t *testing.T, name string) keys.Signer {
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

// newSite makes a pack whose bin holds current as its importer; nil for none.
func newSite(t *testing.T, current []byte) *site {
	t.Helper()
	s := &site{vendor: newSigner(t, "vendor"), dir: t.TempDir(), toolName: "packlift-import"}
	if runtime.GOOS == "windows" {
		s.toolName += ".exe"
	}
	var err error
	if s.id, err = age.GenerateX25519Identity(); err != nil {
		t.Fatal(err)
	}
	s.trust, err = verify.NewTrustSet(verify.NewTrust{Signers: []verify.NewSigner{{Name: "vendor", Key: ssh.MarshalAuthorizedKey(s.vendor.PublicKey())}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(s.dir, 0o755); err != nil { // whatever the umask
		t.Fatal(err)
	}
	write(t, filepath.Join(s.dir, "lib/a"), []byte("a"))
	if current != nil {
		write(t, s.tool(), current)
	}
	if s.pack, err = pack.Init(s.dir, pack.InitOptions{Product: "demo", Version: "1.0.0", Level: 3, Trust: s.trust}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.pack.Close() })
	return s
}

func (s *site) tool() string { return filepath.Join(s.dir, "bin", s.toolName) }

// carried is the tool of a bundle, and what is said of it.
type carried struct {
	binary    []byte
	version   string
	os, arch  string
	minimum   string
	signer    *keys.Signer // of the statement; nil: the vendor
	statement *bundle.Statement
}

// bundle makes and verifies a bundle that carries c.
func (s *site) bundle(t *testing.T, c carried) *verify.Bundle {
	t.Helper()
	raw := s.raw(t, &c)
	files := fstest.MapFS{}
	for name, b := range s.trust {
		files[name] = &fstest.MapFile{Data: b}
	}
	set, err := verify.ParseTrustSet(fs.FS(files))
	if err != nil {
		t.Fatal(err)
	}
	b, _, err := verify.Open(context.Background(), bytes.NewReader(raw), int64(len(raw)), verify.Options{Trust: set})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// raw gives the bundle's bytes.
func (s *site) raw(t *testing.T, c *carried) []byte {
	t.Helper()
	if c.os == "" {
		c.os, c.arch = runtime.GOOS, runtime.GOARCH
	}
	if c.minimum == "" {
		c.minimum = "1.3.0"
	}
	info := bundle.Tool{OS: c.os, Arch: c.arch, Version: c.version, Size: int64(len(c.binary)), SHA256: manifest.Sum(c.binary)}
	if c.statement == nil {
		c.statement = &bundle.Statement{Tool: bundle.ToolProduct, OS: c.os, Arch: c.arch, Version: c.version, Size: info.Size, SHA256: info.SHA256}
	}
	return s.write(t, *c, info)
}

func (s *site) write(t *testing.T, c carried, info bundle.Tool) []byte {
	t.Helper()
	m := &manifest.Manifest{Product: "demo", Version: "1.0.0", Level: 5}
	out, err := os.Create(filepath.Join(t.TempDir(), "b"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	w, err := bundle.NewWriter(out, bundle.WriterOptions{Recipients: []age.Recipient{s.id.Recipient()}, Info: bundle.Info{
		Product: "demo", Version: "1.0.0", Kind: bundle.Full, Channel: "full", Start: 5, End: 5, Sequence: manifest.Sequence{Level: 5},
		MinimumTool: c.minimum, Created: time.Unix(1e9, 0), Tools: []bundle.Tool{info}, TargetManifest: m.Digest(),
	}})
	if err != nil {
		t.Fatal(err)
	}
	by := s.vendor
	if c.signer != nil {
		by = *c.signer
	}
	sig, err := sshsig.Sign(by.Signer, verify.NamespaceTool, c.statement.Marshal())
	if err != nil {
		t.Fatal(err)
	}
	s.part(t, w, bundle.ToolsName, [][2]string{{bundle.StatementName(c.os, c.arch), string(c.statement.Marshal())},
		{bundle.StatementSigName(c.os, c.arch, 1), string(sig)}, {bundle.ToolName(c.os, c.arch), string(c.binary)}})
	s.part(t, w, bundle.LevelsName, [][2]string{{bundle.LevelName(5), string(m.Marshal())}})
	s.part(t, w, bundle.PayloadName, nil)
	_, err = w.Finish(func(sums []byte) ([][]byte, error) {
		sig, err := sshsig.Sign(s.vendor.Signer, verify.NamespaceBundle, sums)
		return [][]byte{sig}, err
	})
	if err != nil {
		t.Fatal(err)
	}
	return read(t, out.Name())
}

func (s *site) part(t *testing.T, w *bundle.Writer, name string, entries [][2]string) {
	t.Helper()
	p, err := w.Part(name)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if err := p.Add(e[0], int64(len(e[1])), strings.NewReader(e[1])); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
}

// options are those of a 1.2.0 that runs from the pack's bin.
func (s *site) options() Options {
	return Options{Identities: []age.Identity{s.id}, Current: "1.2.0", Executable: s.tool(), Args: []string{"apply-update", "a bundle"}}
}

// bin lists what the pack's bin holds.
func (s *site) bin(t *testing.T) string {
	t.Helper()
	list, err := os.ReadDir(filepath.Join(s.dir, "bin"))
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range list {
		out = append(out, e.Name())
	}
	return strings.Join(out, " ")
}
