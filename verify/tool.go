package verify

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"strings"

	"filippo.io/age"

	"packlift/bundle"
	"packlift/bundle/tarball"
	"packlift/internal/fault"
	"packlift/internal/manifest"
)

// Tool is one importer inside a bundle whose statement was verified. WriteTo
// gives its bytes, once; Close ends the reading of the part, always.
type Tool struct {
	Statement bundle.Statement
	Signers   []Signer // of the statement

	body   io.Reader
	closer io.Closer
}

// Tool opens the importer for a platform. Its signed statement is checked
// before a byte of the binary is read: it must be what MANIFEST.json lists, and be
// signed under packlift-tool@v1 as the policy asks. A bundle without a tool for
// the platform is of class fault.General, a statement that lies fault.Tampered, one not
// signed well fault.Untrusted. It serves bundles of later formats too.
func (b *Bundle) Tool(ids []age.Identity, goos, goarch string) (*Tool, error) {
	if err := b.ready(false); err != nil {
		return nil, err
	}
	listed, err := b.listedTool(goos, goarch)
	if err != nil {
		return nil, err
	}
	part, err := b.openPart(bundle.ToolsName, ids, bundle.ReadOptions{})
	if err != nil {
		return nil, err
	}
	t, err := b.findTool(newToolReader(part), listed)
	if err != nil {
		part.Close()
		return nil, bundle.At(bundle.LayerTools, err)
	}
	t.closer = part
	return t, nil
}

func (b *Bundle) listedTool(goos, goarch string) (bundle.Tool, error) {
	var have []string
	for _, t := range b.frozen.Tools {
		if t.OS == goos && t.Arch == goarch {
			return t, nil
		}
		have = append(have, t.OS+"/"+t.Arch)
	}
	holds := "no importer at all"
	if len(have) > 0 {
		holds = "importers for " + strings.Join(have, ", ")
	}
	return bundle.Tool{}, fault.New(fault.General, "the bundle holds no importer for %s/%s, but %s", goos, goarch, holds).
		WithHint("ask for a bundle made with --platform %s/%s, or bring packlift-import by hand", goos, goarch)
}

func newToolReader(r io.Reader) *archive {
	perTool := 2 + bundle.MaxSignatures
	return newArchive(r, tarball.Limits{MaxEntries: bundle.MaxTools * perTool, MaxSize: bundle.MaxTool})
}

// toolGroup is what stands before a binary: its statement and signatures.
type toolGroup struct {
	text []byte
	sigs []claimed
}

// nextTool reads one group and stops at its binary, which tr reads then.
func nextTool(tr *archive) (*toolGroup, *tarball.Entry, error) {
	e, err := tr.Next()
	if err != nil {
		return nil, nil, err
	}
	name, ok := strings.CutSuffix(e.Name, ".statement")
	if !ok {
		return nil, nil, tampered("%s: %s stands where a statement should", bundle.ToolsName, e.Name)
	}
	g := &toolGroup{}
	if g.text, err = tr.small(e, bundle.MaxStatement); err != nil {
		return nil, nil, err
	}
	for n := 1; ; n++ {
		if e, err = tr.Next(); err != nil {
			return nil, nil, atEnd(err)
		}
		if e.Name == name {
			return g, e, nil
		}
		if e.Name != fmt.Sprintf("%s.%02d.sig", name, n) || n > bundle.MaxSignatures {
			return nil, nil, tampered("%s: %s stands where a signature or the binary of %s should", bundle.ToolsName, e.Name, name)
		}
		sig, err := tr.small(e, bundle.MaxSignature)
		if err != nil {
			return nil, nil, err
		}
		g.sigs = append(g.sigs, claim(e.Name, sig))
	}
}

// findTool goes to the listed tool and checks its statement.
func (b *Bundle) findTool(tr *archive, listed bundle.Tool) (*Tool, error) {
	want := bundle.ToolName(listed.OS, listed.Arch)
	for {
		g, e, err := nextTool(tr)
		if errors.Is(err, io.EOF) {
			return nil, tampered("%s lacks %s, which %s lists", bundle.ToolsName, want, bundle.ManifestName)
		}
		if err != nil {
			return nil, err
		}
		if e.Name == want {
			return b.checkTool(tr, g, e, listed)
		}
	}
}

// checkTool makes a Tool of a group whose statement is true and signed.
func (b *Bundle) checkTool(body io.Reader, g *toolGroup, e *tarball.Entry, listed bundle.Tool) (*Tool, error) {
	s, err := bundle.ParseStatement(g.text)
	if err != nil {
		return nil, err
	}
	// Signatures first: a lie is worth telling only of someone who may speak.
	o := evaluateClaims(b.trust, NamespaceTool, "", b.frozen.Created, g.sigs, g.text)
	if !o.OK {
		return nil, untrusted(e.Name+".statement", NamespaceTool, o)
	}
	if !s.Describes(listed) {
		return nil, tampered("the statement of %s says %s %s for %s/%s, %d bytes, SHA-256 %s; %s says version %s, %d bytes, SHA-256 %s", e.Name,
			s.Tool, s.Version, s.OS, s.Arch, s.Size, s.SHA256, bundle.ManifestName, listed.Version, listed.Size, listed.SHA256)
	}
	if e.Size != s.Size {
		return nil, tampered("%s has %d bytes, its statement says %d", e.Name, e.Size, s.Size)
	}
	return &Tool{Statement: *s, Signers: o.Signers, body: body}, nil
}

// WriteTo writes the binary to w and checks its size and digest. After an
// error, what was written is worth nothing.
func (t *Tool) WriteTo(w io.Writer) (int64, error) {
	if t == nil || t.body == nil {
		return 0, fault.New(fault.Untrusted, "this tool was not verified, or was read before")
	}
	body := t.body
	t.body = nil
	h := sha256.New()
	n, err := io.Copy(io.MultiWriter(w, h), io.LimitReader(body, t.Statement.Size+1))
	if err != nil {
		return n, err
	}
	if got := manifest.Digest(h.Sum(nil)); n != t.Statement.Size || got != t.Statement.SHA256 {
		return n, tampered("the importer for %s/%s has %d bytes and SHA-256 %s, its statement says %d and %s", t.Statement.OS, t.Statement.Arch,
			n, got, t.Statement.Size, t.Statement.SHA256)
	}
	return n, nil
}

// Close lets go of the part.
func (t *Tool) Close() error {
	if t == nil || t.closer == nil {
		return nil
	}
	t.body = nil
	return t.closer.Close()
}
