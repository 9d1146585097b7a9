package verify

import (
	"fmt"
	"strings"
	"time"

	"packlift/bundle"
	"packlift/bundle/sshsig"
	"packlift/internal/count"
	"packlift/internal/fault"
)

const timeForm = time.RFC3339

// claimed is one signature found in the bundle or beside it.
type claimed struct {
	where string
	sig   *sshsig.Signature
	err   error // why it cannot be read
}

// signatures asks whether enough known keys signed SHA256SUMS. Windows of
// validity are left for later: the time to judge them at stands in
// MANIFEST.json, which nobody reads before this step has passed.
func (v *opener) signatures() (err error) {
	if v.o.Trust.zero() {
		return fault.New(fault.Untrusted, "no trust set says who may sign").WithHint("give one with --trust DIR")
	}
	if v.sumsText, err = v.member(bundle.SumsName); err != nil {
		return err
	}
	if v.sigs, err = v.collect(); err != nil {
		return err
	}
	o := v.evaluate("", time.Time{})
	for _, s := range o.Signers {
		v.report.pass("signature", "%s", describeSigner(s))
	}
	for _, r := range o.Refused {
		v.report.warn("signature", "does not count: %s", describeRefusal(r))
	}
	if !o.OK {
		return untrusted(bundle.SumsName, NamespaceBundle, o)
	}
	v.report.pass("policy", "%s: enough signatures by %s; trust set %s", NamespaceBundle, count.Of(len(o.Signers), "distinct key"), v.o.Trust.Fingerprint())
	return nil
}

// collect reads the bundle's signatures and those beside it. One that cannot
// be read does not hide the others, and does not count.
func (v *opener) collect() ([]claimed, error) {
	if len(v.o.Detached) > MaxDetached {
		return nil, fault.New(fault.Untrusted, "%d detached signatures, the most is %d", len(v.o.Detached), MaxDetached)
	}
	var out []claimed
	for _, m := range v.layout.Signatures() {
		b, err := bundle.ReadMember(v.r, m)
		if err != nil {
			return nil, err
		}
		out = append(out, claim(m.Name, b))
	}
	for i, b := range v.o.Detached {
		out = append(out, claim(fmt.Sprintf("detached signature %d", i+1), b))
	}
	return out, nil
}

func claim(where string, armoured []byte) claimed {
	s, err := sshsig.Parse(armoured)
	return claimed{where, s, err}
}

// evaluate adds the unreadable signatures to what the trust set refuses.
func (v *opener) evaluate(product string, at time.Time) Outcome {
	return evaluateClaims(v.o.Trust, NamespaceBundle, product, at, v.sigs, v.sumsText)
}

func evaluateClaims(t *TrustSet, namespace, product string, at time.Time, claims []claimed, message []byte) Outcome {
	var sigs []*sshsig.Signature
	var unreadable []Refusal
	for _, c := range claims {
		if c.err != nil {
			unreadable = append(unreadable, Refusal{Reason: fmt.Sprintf("%s: %v", c.where, c.err)})
		} else {
			sigs = append(sigs, c.sig)
		}
	}
	o := t.Evaluate(namespace, product, at, sigs, message)
	o.Refused = append(o.Refused, unreadable...)
	return o
}

// validity judges the policy again, now at the time of creation that the
// signed manifest states and for its product. The machine's own clock plays
// no part, so every machine comes to the same answer.
func (v *opener) validity() error {
	product, at := v.frozen.Product, v.frozen.Created
	if v.info != nil {
		product = v.info.Product + "-" + v.info.Version
	}
	o := v.evaluate(product, at)
	if !o.OK {
		return untrusted(bundle.SumsName, NamespaceBundle, o)
	}
	v.signers = o.Signers
	v.report.pass("validity", "%s valid at %s, and the trust set speaks for %s", count.Of(len(o.Signers), "key"), at.Format(timeForm), product)
	return nil
}

// untrusted tells what is missing and why each signature was refused.
func untrusted(what, namespace string, o Outcome) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s is not signed as the policy asks for %s; missing %s", what, namespace, strings.Join(o.Missing, ", "))
	for _, s := range o.Signers {
		fmt.Fprintf(&b, "; counted: %s", describeSigner(s))
	}
	for _, r := range o.Refused {
		fmt.Fprintf(&b, "; refused: %s", describeRefusal(r))
	}
	if len(o.Signers)+len(o.Refused) == 0 {
		b.WriteString("; there is no signature")
	}
	return fault.New(fault.Untrusted, "%s", b.String()).
		WithHint("inspect shows who signed; compare with allowed_signers, revoked_keys and policy.json of the trust set")
}

func describeSigner(s Signer) string {
	text := fmt.Sprintf("%s %s %s", s.Principal, s.Fingerprint, s.KeyType)
	if len(s.Roles) > 0 {
		text += " (" + strings.Join(s.Roles, ", ") + ")"
	}
	return text
}

func describeRefusal(r Refusal) string {
	if r.Fingerprint == "" {
		return r.Reason
	}
	return r.Fingerprint + ": " + r.Reason
}
