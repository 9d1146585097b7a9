package depot

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"strings"
	"time"

	"packlift/bundle"
	"packlift/bundle/sshsig"
	"packlift/bundle/xzpar"
	"packlift/internal/fault"
	"packlift/internal/fetch"
	"packlift/internal/manifest"
	"packlift/verify"
)

var noTime time.Time

// Manifest reads the manifest of a level.
func (v *View) Manifest(ctx context.Context, l Level) (*manifest.Manifest, error) {
	r, err := v.open(ctx, manifestName(l.Manifest.Plain.SHA256), l.Manifest)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	m, err := manifest.Parse(r)
	if err != nil {
		return nil, v.said(ctx, manifestName(l.Manifest.Plain.SHA256), err)
	}
	if m.Product != v.Index.Product || m.Version != v.Index.Version || m.Level != l.Level {
		return nil, tampered(v.name(manifestName(l.Manifest.Plain.SHA256)), "is of %s-%s level %d", m.Product, m.Version, m.Level)
	}
	return m, nil
}

// Objects reads the list of files that hold the contents of the level of m, and deltas that make some.
func (v *View) Objects(ctx context.Context, l Level, m *manifest.Manifest) ([]manifest.Object, error) {
	name := objectsName(l.Objects.Plain.SHA256)
	r, err := v.open(ctx, name, l.Objects)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	list, err := manifest.ParseObjects(r, m)
	if err != nil {
		return nil, v.said(ctx, name, err)
	}
	return list, nil
}

// said gives a fault of form the class of damage, and leaves others alone.
func (v *View) said(ctx context.Context, name string, err error) error {
	if ctx.Err() != nil || fault.ClassOf(err) != fault.General {
		return err
	}
	return tampered(v.name(name), "is damaged: %w", err)
}

// Advisory reads what a level says of itself.
func (v *View) Advisory(ctx context.Context, l Level) (*bundle.Advisory, error) {
	name := advisoryName(l.Advisory.SHA256)
	b, err := v.whole(ctx, name, l.Advisory)
	if err != nil {
		return nil, err
	}
	a, err := bundle.ParseAdvisory(b)
	if err != nil {
		return nil, v.said(ctx, name, err)
	}
	if a.Level != l.Level || a.Channel != l.Channel || !a.Date.Equal(l.Date) {
		return nil, tampered(v.name(name), "is of another level than %d", l.Level)
	}
	return a, nil
}

// whole reads a small file that is stored as it is.
func (v *View) whole(ctx context.Context, name string, b manifest.Blob) ([]byte, error) {
	o, err := v.source.Object(ctx, v.name(name), b.Size, b.SHA256)
	if err != nil {
		return nil, err
	}
	defer o.Close()
	text, err := io.ReadAll(io.LimitReader(o, b.Size+1))
	if err == nil && manifest.Sum(text) != b.SHA256 {
		err = tampered(v.name(name), "has another SHA-256 than is stated")
	}
	return text, err
}

// OpenObject gives the plain bytes of an object: a content, or a delta's. They
// are checked before io.EOF.
func (v *View) OpenObject(ctx context.Context, o *manifest.Object) (io.ReadCloser, error) {
	plain := o.Blob
	if o.Delta != nil {
		plain = *o.Delta
	}
	return v.open(ctx, objectName(o), File{plain, o.Stored})
}

// Fetch has objects at hand: those of a far depot are brought into the cache, several at a time.
func (v *View) Fetch(ctx context.Context, list []*manifest.Object) error {
	var wants []fetch.Want
	for _, o := range list {
		wants = append(wants, fetch.Want{Name: v.name(objectName(o)), Size: o.Stored.Size, SHA256: o.Stored.SHA256})
	}
	return fetch.Prefetch(ctx, v.source, wants)
}

// open reads a compressed file: its bytes as stored are compared with what is
// stated of them before one is decompressed.
func (v *View) open(ctx context.Context, name string, f File) (io.ReadCloser, error) {
	o, err := v.source.Object(ctx, v.name(name), f.Stored.Size, f.Stored.SHA256)
	if err != nil {
		return nil, err
	}
	if err := v.sameBytes(ctx, name, o, f.Stored); err != nil {
		o.Close()
		return nil, err
	}
	return &unpacked{r: xzpar.NewSequential(ctx, o), o: o, name: v.name(name), left: f.Plain.Size, want: f.Plain.SHA256, sum: sha256.New()}, nil
}

func (v *View) sameBytes(ctx context.Context, name string, o fetch.Object, want manifest.Blob) error {
	h := sha256.New()
	n, err := io.Copy(h, io.LimitReader(o, want.Size+1))
	if err != nil {
		return err
	}
	if n != want.Size || manifest.Digest(h.Sum(nil)) != want.SHA256 {
		return tampered(v.name(name), "has %d bytes with SHA-256 %x, not those that are stated", n, h.Sum(nil))
	}
	if _, err := o.Seek(0, io.SeekStart); err != nil {
		return err
	}
	return ctx.Err()
}

// unpacked checks the plain bytes, and fails in the place of the last of them
// where they are others than stated: who wants exactly the size never sees what follows.
type unpacked struct {
	r    io.Reader
	o    io.ReadCloser
	name string
	left int64
	want manifest.Digest
	sum  hash.Hash
	done bool
}

func (u *unpacked) Read(p []byte) (int, error) {
	if u.done {
		return 0, io.EOF
	}
	n, err := u.r.Read(p[:min(int64(len(p)), u.left)])
	u.sum.Write(p[:n])
	u.left -= int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, fmt.Errorf("the depot's %s: %w", u.name, err)
	}
	if u.left > 0 && err == nil {
		return n, nil
	}
	var more [1]byte
	if extra, _ := io.ReadFull(u.r, more[:]); u.left > 0 || extra > 0 || manifest.Digest(u.sum.Sum(nil)) != u.want {
		return 0, tampered(u.name, "unpacks to other bytes than are stated")
	}
	u.done = true
	return n, nil
}

func (u *unpacked) Close() error { return u.o.Close() }

// OpenTool gives the bytes of a tool, checked before io.EOF.
func (v *View) OpenTool(ctx context.Context, t *Tool) (io.ReadCloser, error) {
	return v.open(ctx, t.fileName(), File{manifest.Blob{SHA256: t.SHA256, Size: t.Size}, t.Stored})
}

// Statement reads what is signed about a tool, and the signatures.
func (v *View) Statement(ctx context.Context, t *Tool) (text []byte, sigs [][]byte, err error) {
	if text, err = v.whole(ctx, t.statementName(), t.Statement); err != nil {
		return nil, nil, err
	}
	want := bundle.Statement{Tool: t.Name, OS: t.OS, Arch: t.Arch, Version: t.Version, Size: t.Size, SHA256: t.SHA256}
	if !bytes.Equal(text, want.Marshal()) {
		return nil, nil, tampered(v.name(t.statementName()), "is about another tool")
	}
	for i, s := range t.Signatures {
		sig, err := v.whole(ctx, t.signatureName(i), s)
		if err != nil {
			return nil, nil, err
		}
		sigs = append(sigs, sig)
	}
	return text, sigs, nil
}

// CheckTool asks whether enough signers that the trust set knows stand for a tool.
func (v *View) CheckTool(ctx context.Context, t *Tool) error {
	text, raw, err := v.Statement(ctx, t)
	if err != nil {
		return err
	}
	var sigs []*sshsig.Signature
	for _, b := range raw {
		if s, err := sshsig.Parse(b); err == nil {
			sigs = append(sigs, s)
		}
	}
	out := v.trust.Evaluate(verify.NamespaceTool, "", v.Index.Date, sigs, text)
	if !out.OK {
		return fault.New(fault.Untrusted, "the depot's %s is not signed as the policy asks for %s; missing %s", v.name(t.fileName()), verify.NamespaceTool, strings.Join(out.Missing, ", "))
	}
	return nil
}
