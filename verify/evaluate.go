package verify

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"packlift/bundle/sshsig"
)

// Signer is one principal whose signature counts.
type Signer struct {
	Principal   string   `json:"principal"`
	Fingerprint string   `json:"fingerprint"` // of the key, "SHA256:…"
	KeyType     string   `json:"key_type"`
	Roles       []string `json:"roles,omitempty"`
}

// Refusal is one signature that does not count, and why.
type Refusal struct {
	Fingerprint string `json:"fingerprint,omitempty"` // of the key claimed; empty where the signature cannot be read
	Reason      string `json:"reason"`
}

// Outcome is what a trust set makes of some signatures. OK is true only if
// Missing is empty and at least one signer counts.
type Outcome struct {
	OK      bool      `json:"ok"`
	Signers []Signer  `json:"signers"`
	Refused []Refusal `json:"refused,omitempty"`
	Missing []string  `json:"missing,omitempty"` // such as "vendor: 1 of 2"
}

// Evaluate judges the signatures over message under namespace. Distinct keys
// count, not signatures: a key counts once in each role its principal has.
// Revoked keys never count. Validity windows are judged at the time at; the
// zero time leaves them out. product is NAME-VERSION, NAME where no version
// is known, or empty where the product does not matter.
func (t *TrustSet) Evaluate(namespace, product string, at time.Time, sigs []*sshsig.Signature, message []byte) Outcome {
	var o Outcome
	if t.zero() {
		o.Missing = []string{"a trust set"}
		return o
	}
	counted := map[int]bool{}
	for _, s := range sigs {
		i, err := t.judge(namespace, at, s, message)
		if err == nil && counted[i] {
			err = fmt.Errorf("second signature by the key of %s; a key counts once", t.signers[i].principal)
		}
		if err != nil {
			o.Refused = append(o.Refused, refusal(s, err))
			continue
		}
		counted[i] = true
		o.Signers = append(o.Signers, t.describe(i, s))
	}
	o.Missing = t.missing(namespace, product, o.Signers)
	o.OK = len(o.Missing) == 0 && len(o.Signers) > 0
	return o
}

func refusal(s *sshsig.Signature, err error) Refusal {
	if s == nil {
		return Refusal{Reason: err.Error()}
	}
	return Refusal{Fingerprint: s.Fingerprint(), Reason: err.Error()}
}

// judge returns the index of the signer if the signature counts. Revocation
// comes first: a revoked key's signature is not worth a computation.
func (t *TrustSet) judge(namespace string, at time.Time, s *sshsig.Signature, message []byte) (int, error) {
	if s == nil {
		return 0, fmt.Errorf("no signature")
	}
	wire := s.PublicKey().Marshal()
	if t.revoked[string(wire)] {
		return 0, fmt.Errorf("key is revoked (%s)", RevokedKeysFile)
	}
	i, ok := t.byKey[string(wire)]
	if !ok {
		return 0, fmt.Errorf("key is not in %s", AllowedSignersFile)
	}
	if err := s.Verify(namespace, message); err != nil {
		return 0, err
	}
	if p := &t.signers[i]; !p.allows(namespace) {
		return 0, fmt.Errorf("key of %s may not sign under %s (namespaces=)", p.principal, namespace)
	} else if !at.IsZero() {
		return i, p.checkWindow(at)
	}
	return i, nil
}

func (t *TrustSet) describe(i int, s *sshsig.Signature) Signer {
	p := t.signers[i].principal
	return Signer{Principal: p, Fingerprint: s.Fingerprint(), KeyType: s.KeyType(), Roles: t.policy.rolesOf(p)}
}

// missing lists what the policy still asks for.
func (t *TrustSet) missing(namespace, product string, signers []Signer) []string {
	var out []string
	rule := t.policy.Namespaces[namespace]
	if len(rule) == 0 {
		out = append(out, fmt.Sprintf("a rule for %s in %s", namespace, PolicyFile))
	}
	for _, role := range slices.Sorted(maps.Keys(rule)) {
		if have := countRole(role, signers); have < rule[role] {
			out = append(out, fmt.Sprintf("%s: %d of %d", role, have, rule[role]))
		}
	}
	if product != "" && !t.policy.speaksFor(product) {
		out = append(out, fmt.Sprintf("the product %s in %s (products: %s)", product, PolicyFile, strings.Join(t.policy.Products, ", ")))
	}
	return out
}

func countRole(role string, signers []Signer) int {
	n := 0
	for i := range signers {
		if role == RoleAny || slices.Contains(signers[i].Roles, role) {
			n++
		}
	}
	return n
}
