package export

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"runtime"
	"strings"
	"time"

	"packlift/bundle"
	"packlift/bundle/sshsig"
	"packlift/internal/fault"
	"packlift/internal/keys"
	"packlift/internal/manifest"
	"packlift/internal/probe"
	"packlift/internal/regular"
	"packlift/internal/version"
	"packlift/verify"
)

// platform is one target of an importer.
type platform struct{ os, arch string }

func (p platform) String() string { return p.os + "/" + p.arch }

func here() platform { return platform{runtime.GOOS, runtime.GOARCH} }

// tool is an importer that goes into the bundle.
type tool struct {
	bundle.Tool
	path      string
	statement []byte                        // canonical, as signed
	sigs      [][]byte                      // armoured SSHSIGs over statement
	from      func() (io.ReadCloser, error) // nil: from path
}

func (t *tool) platform() platform { return platform{t.OS, t.Arch} }

// Suffixes of what may lie beside a tool: its statement and one signature over it.
const (
	statementSuffix = ".statement"
	signatureSuffix = ".sig"
)

// loadTool reads what the executable at path is and proves it as far as this
// machine can: its build information names the platform that its name states,
// its version stands in its signed statement or in its bytes, and where it can
// run here it says the same.
func loadTool(ctx context.Context, path string, want platform) (*tool, error) {
	t, err := examine(path)
	if err != nil {
		return nil, fmt.Errorf("tool %s: %w", path, err)
	}
	if t.platform() != want {
		return nil, fault.New(fault.Usage, "tool %s is built for %s, its place says %s", path, t.platform(), want).
			WithHint("put each platform's tool under its own name, packlift-import_<os>_<arch>")
	}
	if err := t.readStatement(); err != nil {
		return nil, err
	}
	if want == here() {
		if err := t.run(ctx); err != nil {
			return nil, err
		}
	}
	if t.statement == nil {
		t.statement = t.newStatement().Marshal()
	}
	if version.Compare(t.Version, version.Minimum) < 0 {
		return nil, fault.New(fault.Usage, "tool %s has version %s; a bundle carries %s or newer", path, t.Version, version.Minimum).
			WithHint("give newer tools with --tools DIR")
	}
	return t, nil
}

// examine reads platform, size, digest and marked version.
func examine(path string) (*tool, error) {
	f, err := regular.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > bundle.MaxTool {
		return nil, fmt.Errorf("it is no regular file of at most %d bytes", int64(bundle.MaxTool))
	}
	t := &tool{path: path}
	if t.OS, t.Arch, err = probe.Platform(f); err != nil {
		return nil, err
	}
	h := sha256.New()
	t.Version, err = probe.Marker(io.TeeReader(io.NewSectionReader(f, 0, bundle.MaxTool+1), h))
	t.Size, t.SHA256 = info.Size(), manifest.Digest(h.Sum(nil))
	if errors.Is(err, probe.ErrNoMarker) && t.platform() == here() {
		return t, nil // it is asked when it runs
	}
	return t, err
}

// run starts the tool, which can only be done on its own platform.
func (t *tool) run(ctx context.Context) error {
	said, err := probe.Run(ctx, t.path)
	if err != nil {
		return fmt.Errorf("tool %s: %w", t.path, err)
	}
	if t.Version == "" {
		t.Version = said.Version
	}
	if said.Version != t.Version || said.OS != t.OS || said.Arch != t.Arch {
		return fmt.Errorf("tool %s says it is %s for %s/%s, and is %s for %s", t.path, said.Version, said.OS, said.Arch, t.Version, t.platform())
	}
	return nil
}

// readStatement takes the statement that came with the tool, if FILE.sig is
// there; the signature must hold, whoever made it.
func (t *tool) readStatement() error {
	sig, err := readSmall(t.path+signatureSuffix, bundle.MaxSignature)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	text, err := readSmall(t.path+statementSuffix, bundle.MaxStatement)
	if err != nil {
		return err
	}
	if err := t.accept(text, sig); err != nil {
		return fault.New(fault.Tampered, "tool %s: %w", t.path, err).
			WithHint("get the tool with its .statement and .sig again")
	}
	t.statement, t.sigs = text, [][]byte{sig}
	return nil
}

func (t *tool) newStatement() *bundle.Statement {
	return &bundle.Statement{Tool: bundle.ToolProduct, OS: t.OS, Arch: t.Arch, Version: t.Version, Size: t.Size, SHA256: t.SHA256}
}

func (t *tool) accept(text, sig []byte) error {
	parsed, err := sshsig.Parse(sig)
	if err == nil {
		err = parsed.Verify(verify.NamespaceTool, text)
	}
	if err != nil {
		return fmt.Errorf("its signature does not hold: %w", err)
	}
	stated, err := bundle.ParseStatement(text)
	if err != nil {
		return err
	}
	if t.Version == "" {
		t.Version = stated.Version
	}
	if !bytes.Equal(text, t.newStatement().Marshal()) {
		return errors.New("its signed statement is about another file")
	}
	return nil
}

// sign adds a signature by each signer whose key has not signed yet.
func (t *tool) sign(signers []keys.Signer) error {
	seen := map[string]bool{}
	for _, raw := range t.sigs {
		s, err := sshsig.Parse(raw)
		if err != nil {
			return err
		}
		seen[s.Fingerprint()] = true
	}
	sigs, err := signAll(signers, verify.NamespaceTool, t.statement, seen)
	t.sigs = append(t.sigs, sigs...)
	return err
}

// check asks the trust set whether the site would run this tool, signed by these.
func (t *tool) check(trust *verify.TrustSet, at time.Time, by []keys.Signer) error {
	var sigs []*sshsig.Signature
	for _, raw := range t.sigs {
		s, err := sshsig.Parse(raw)
		if err != nil {
			return err
		}
		sigs = append(sigs, s)
	}
	out := trust.Evaluate(verify.NamespaceTool, "", at, sigs, t.statement)
	if !out.OK {
		var names []string
		for _, k := range by {
			names = append(names, k.Name)
		}
		return untrusted(fmt.Sprintf("what is signed by %s alone (met first at the importer for %s)", strings.Join(names, " and "), t.platform()), out)
	}
	return nil
}

func readSmall(name string, max int64) ([]byte, error) {
	f, err := regular.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, max+1))
	if err == nil && int64(len(b)) > max {
		err = fmt.Errorf("%s is larger than %d bytes", name, max)
	}
	return b, err
}
