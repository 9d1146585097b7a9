package depot

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"packlift/bundle"
	"packlift/bundle/sshsig"
	"packlift/internal/fault"
	"packlift/internal/fetch"
	"packlift/internal/manifest"
	"packlift/verify"
)

// View is a depot's product as one signed index shows it. Open alone makes one.
// It is safe for use by several goroutines.
type View struct {
	Index   Index
	Digest  manifest.Digest // of the index
	Signers []verify.Signer
	source  fetch.Source
	folder  string
	trust   *verify.TrustSet
}

// Options say which product of a depot is wanted, and who is trusted.
type Options struct {
	Source           fetch.Source
	Product, Version string
	Trust            *verify.TrustSet
	Seen             []*Seen // where it is kept what was seen before
}

// Open reads and verifies a product's index, and remembers its serial number.
// Errors have a class: Usage where there is none, Untrusted, Tampered, Rollback
// where a newer one was seen before.
func Open(ctx context.Context, o Options) (*View, error) {
	v := &View{source: o.Source, folder: Folder(o.Product, o.Version), trust: o.Trust}
	text, err := v.small(ctx, IndexName, MaxIndex)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.New(fault.Usage, "the depot has no levels of %s: %w", v.folder, err).
			WithHint("is it the right depot, and the product as its publisher names it? packlift-export publish begins one")
	}
	if err != nil {
		return nil, err
	}
	if err := v.verify(ctx, text); err != nil {
		return nil, err
	}
	if v.Index.Product != o.Product || v.Index.Version != o.Version {
		return nil, tampered(v.name(IndexName), "is about %s-%s", v.Index.Product, v.Index.Version)
	}
	for _, s := range o.Seen {
		if err := s.Judge(v); err != nil {
			return nil, err
		}
		if err := s.Keep(&v.Index, v.Digest); err != nil {
			return nil, err
		}
	}
	return v, nil
}

func (v *View) name(name string) string { return path.Join(v.folder, name) }

func (v *View) small(ctx context.Context, name string, max int64) ([]byte, error) {
	return v.source.Small(ctx, v.name(name), max)
}

// verify judges the signatures before the index is parsed, and once more with
// the signers' windows at the date that it states, as for a bundle.
func (v *View) verify(ctx context.Context, text []byte) error {
	v.Digest = manifest.Sum(text)
	sigs, unreadable, err := v.signatures(ctx)
	if err != nil {
		return err
	}
	if err := v.untrusted(v.trust.Evaluate(verify.NamespaceDepot, "", noTime, sigs, text), unreadable); err != nil {
		return err
	}
	x, err := parseIndex(text)
	if err != nil {
		return tampered(v.name(IndexName), "is signed, and yet: %w", err)
	}
	out := v.trust.Evaluate(verify.NamespaceDepot, Folder(x.Product, x.Version), x.Date, sigs, text)
	v.Index, v.Signers = *x, out.Signers
	return v.untrusted(out, unreadable)
}

// signatures reads all there are; one that cannot be read does not count.
func (v *View) signatures(ctx context.Context) (sigs []*sshsig.Signature, unreadable []string, err error) {
	for n := 1; n <= MaxSignatures; n++ {
		b, err := v.small(ctx, signatureName(v.Digest, n), bundle.MaxSignature)
		if errors.Is(err, fs.ErrNotExist) {
			break
		}
		if err != nil {
			return nil, nil, err
		}
		s, err := sshsig.Parse(b)
		if err != nil {
			unreadable = append(unreadable, fmt.Sprintf("signature %d: %v", n, err))
			continue
		}
		sigs = append(sigs, s)
	}
	return sigs, unreadable, nil
}

func (v *View) untrusted(out verify.Outcome, unreadable []string) error {
	if out.OK {
		return nil
	}
	why := []string{"missing " + strings.Join(out.Missing, ", ")}
	for _, s := range out.Signers {
		why = append(why, fmt.Sprintf("counted: %s %s", s.Principal, s.Fingerprint))
	}
	why = append(why, unreadable...)
	for _, r := range out.Refused {
		why = append(why, fmt.Sprintf("%s does not count: %s", r.Fingerprint, r.Reason))
	}
	if len(why) == 1 {
		why = append(why, "there is no signature over the index as it lies there")
	}
	e := fault.New(fault.Untrusted, "the depot's %s is not signed as the policy asks for %s; %s", v.name(IndexName), verify.NamespaceDepot, strings.Join(why, "; "))
	if v.trust.Rule(verify.NamespaceDepot) == "" {
		return e.WithHint("the trust set says nothing of depots: its maker adds %s to namespaces in %s", verify.NamespaceDepot, verify.PolicyFile)
	}
	return e.WithHint("a mirror that is being copied? Try again; else compare with the trust set's allowed_signers, revoked_keys and policy.json")
}
