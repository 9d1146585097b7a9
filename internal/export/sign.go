package export

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/crypto/ssh"

	"packlift/bundle"
	"packlift/bundle/sshsig"
	"packlift/internal/fault"
	"packlift/internal/keys"
	"packlift/internal/regular"
	"packlift/internal/rootfs"
	"packlift/internal/sigfiles"
	"packlift/verify"
)

// SignOptions says who countersigns which bundle.
type SignOptions struct {
	Bundle   string // path
	Signers  []keys.Signer
	Embed    bool // into the bundle, which is rewritten; else into <bundle>.sigs/
	Jobs     int
	Now      func() time.Time
	Progress func(n int64)

	Signatures []GivenSignature // made elsewhere; they are added before those of Signers
}

// Sign countersigns a bundle. The bundle is read whole first: what is damaged
// is not signed. It returns the files written. A key that has signed already,
// embedded or detached, and a number above bundle.MaxSignatures are of class
// fault.Usage.
func Sign(ctx context.Context, o SignOptions) ([]string, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if len(o.Signers) > 0 || len(o.Signatures) == 0 {
		if err := checkSigners(o.Signers); err != nil {
			return nil, err
		}
	}
	f, err := regular.Open(o.Bundle)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	s := &signing{SignOptions: o, ctx: ctx, seen: map[string]bool{}}
	if err := s.read(f); err != nil {
		return nil, err
	}
	sigs, err := s.signatures()
	if err != nil {
		return nil, err
	}
	if err := s.check(f, s.size, sigs); err != nil {
		return nil, err
	}
	if o.Embed {
		return s.embed(f, sigs)
	}
	return s.detach(sigs)
}

// signatures are those to be added: the given ones, and then those made now.
func (s *signing) signatures() (sigs [][]byte, err error) {
	if sigs, s.by, err = s.given(); err != nil {
		return nil, err
	}
	if err := s.mayAll(); err != nil {
		return nil, err
	}
	s.by = append(s.by, publicKeys(s.Signers)...)
	made, err := signAll(s.Signers, verify.NamespaceBundle, s.sums, s.seen)
	return append(sigs, made...), err
}

// signing is one countersignature on its way.
type signing struct {
	SignOptions
	ctx      context.Context
	size     int64
	sums     []byte
	seen     map[string]bool // fingerprints of the keys that signed
	by       []ssh.PublicKey // keys of the signatures that are added
	count    int             // signatures, embedded and detached
	embedded [][]byte
	layout   *bundle.Layout
}

// read takes SHA256SUMS and who has signed it. Signatures that cannot be read
// are left alone; they count in the number only.
func (s *signing) read(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	s.size = info.Size()
	l, err := bundle.ReadLayout(f, s.size)
	if err != nil {
		return err
	}
	s.layout = l
	raw, err := sigfiles.Read(s.Bundle)
	if err != nil {
		return err
	}
	sums, _ := l.Find(bundle.SumsName)
	if s.sums, err = bundle.ReadMember(f, sums); err != nil {
		return err
	}
	for _, m := range l.Signatures() {
		sig, err := bundle.ReadMember(f, m)
		if err != nil {
			return err
		}
		s.embedded = append(s.embedded, sig)
	}
	raw = append(raw, s.embedded...)
	s.count = len(raw)
	for _, b := range raw {
		if sig, err := sshsig.Parse(b); err == nil && sig.Verify(verify.NamespaceBundle, s.sums) == nil {
			s.seen[sig.Fingerprint()] = true
		}
	}
	return nil
}

func (s *signing) mayAll() error {
	for _, k := range s.Signers {
		if s.seen[fingerprint(k)] {
			return fault.New(fault.Usage, "the key of %s (%s) has signed this bundle already", k.Name, fingerprint(k)).
				WithHint("a key counts once; sign with another one")
		}
	}
	if n := s.count + len(s.Signatures) + len(s.Signers); n > bundle.MaxSignatures {
		return fault.New(fault.Usage, "the bundle would have %d signatures, the most is %d", n, bundle.MaxSignatures)
	}
	return nil
}

// check verifies the whole bundle with the new signatures, detached where it
// does not hold them yet.
func (s *signing) check(r io.ReaderAt, size int64, detached [][]byte) error {
	trust, err := trustIn(s.by)
	if err != nil {
		return err
	}
	_, _, err = verify.Open(s.ctx, r, size, verify.Options{
		Trust: trust, Detached: detached, Now: s.Now(), Jobs: s.Jobs, Progress: s.Progress,
	})
	return err
}

func (s *signing) detach(sigs [][]byte) ([]string, error) {
	dir := sigfiles.Dir(s.Bundle)
	root, err := rootfs.MkdirAllOpen(dir, defaultDir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	names, err := sigfiles.Names(s.Bundle)
	if err != nil {
		return nil, err
	}
	var out []string
	for n := 1; len(sigs) > 0; n++ {
		name := fmt.Sprintf("%02d.sig", n)
		if slices.Contains(names, name) {
			continue
		}
		if err := root.WriteFile(name, sigs[0], bundleMode); err != nil {
			return out, err
		}
		out, sigs = append(out, filepath.Join(dir, name)), sigs[1:]
	}
	return out, nil
}

// embed writes a copy with the signatures as its last members, verifies it,
// and puts it in the bundle's place.
func (s *signing) embed(f *os.File, sigs [][]byte) ([]string, error) {
	out, err := newOutput(s.Bundle)
	if err != nil {
		return nil, err
	}
	defer out.cleanup()
	if err := bundle.Embed(out, f, s.layout, append(s.embedded, sigs...)); err != nil {
		return nil, err
	}
	size, err := out.size()
	if err != nil {
		return nil, err
	}
	if err := s.check(out, size, nil); err != nil {
		return nil, fmt.Errorf("the bundle as rewritten: %w", err)
	}
	sum, err := out.digest(s.ctx, size)
	if err != nil {
		return nil, err
	}
	return []string{s.Bundle}, out.publish(sum)
}
