package export

import (
	"fmt"
	"strings"

	"golang.org/x/crypto/ssh"

	"packlift/bundle/sshsig"
	"packlift/internal/fault"
	"packlift/internal/keys"
	"packlift/verify"
)

// signAll signs message with each signer whose key is not in seen
// (fingerprints), and adds it there: a key signs once.
func signAll(signers []keys.Signer, namespace string, message []byte, seen map[string]bool) ([][]byte, error) {
	var out [][]byte
	for _, s := range signers {
		print := fingerprint(s)
		if seen[print] {
			continue
		}
		seen[print] = true
		sig, err := sshsig.Sign(s.Signer, namespace, message)
		if err != nil {
			return nil, fmt.Errorf("signing with %s: %w", s.Name, err)
		}
		out = append(out, sig)
	}
	return out, nil
}

// checkSigners refuses a list in which a key or a name stands twice.
func checkSigners(signers []keys.Signer) error {
	if len(signers) == 0 {
		return fault.New(fault.Usage, "nobody signs").WithHint("give --sign-key FILE; `packlift-export keygen --name vendor -o DIR` makes one")
	}
	byKey, byName := map[string]string{}, map[string]bool{}
	for _, s := range signers {
		print := fingerprint(s)
		if other, ok := byKey[print]; ok {
			return fault.New(fault.Usage, "the keys of %s and %s are one and the same (%s)", other, s.Name, print).
				WithHint("give each --sign-key once")
		}
		if byName[s.Name] {
			return fault.New(fault.Usage, "two signers are called %s", s.Name).WithHint("name each with --signer NAME")
		}
		byKey[print], byName[s.Name] = s.Name, true
	}
	return nil
}

// ownTrust is a trust set of the signing keys alone: it proves that what was
// written is whole and signed by them, not that a site accepts it.
func ownTrust(signers []keys.Signer) (*verify.TrustSet, error) { return trustIn(publicKeys(signers)) }

func publicKeys(signers []keys.Signer) (out []ssh.PublicKey) {
	for _, s := range signers {
		out = append(out, s.Signer.PublicKey())
	}
	return out
}

// trustIn is ownTrust of keys of which only the public part is here.
func trustIn(keys []ssh.PublicKey) (*verify.TrustSet, error) {
	var o verify.NewTrust
	for i, k := range keys {
		o.Signers = append(o.Signers, verify.NewSigner{
			Name: fmt.Sprintf("signer-%02d", i+1),
			Key:  ssh.MarshalAuthorizedKey(k),
		})
	}
	files, err := verify.NewTrustSet(o)
	if err != nil {
		return nil, err
	}
	return verify.ParseTrustSet(memoryFS(files))
}

func untrusted(what string, out verify.Outcome) error {
	var why []string
	if len(out.Missing) > 0 {
		why = append(why, "missing "+strings.Join(out.Missing, ", "))
	}
	for _, r := range out.Refused {
		why = append(why, fmt.Sprintf("%s does not count: %s", r.Fingerprint, r.Reason))
	}
	return fault.New(fault.Untrusted, "the site would not accept %s: %s", what, strings.Join(why, "; ")).
		WithHint("sign with the keys that the policy asks for (--sign-key), or give the site's trust set (--trust)")
}

func fingerprint(s keys.Signer) string { return ssh.FingerprintSHA256(s.Signer.PublicKey()) }
