package export

import (
	"golang.org/x/crypto/ssh"

	"packlift/bundle/sshsig"
	"packlift/internal/fault"
	"packlift/verify"
)

// GivenSignature is one that was made elsewhere, by ssh-keygen, say. Name is for messages.
type GivenSignature struct {
	Name string
	Text []byte
}

// given takes the signatures that were made elsewhere, each proved against the bundle's
// SHA256SUMS: one that would not count is not added. Their keys go among those that signed.
func (s *signing) given() (texts [][]byte, keys []ssh.PublicKey, err error) {
	for _, g := range s.Signatures {
		sig, err := sshsig.Parse(g.Text)
		if err != nil {
			return nil, nil, fault.New(fault.Usage, "%s is no signature: %w", g.Name, err).
				WithHint("give the .sig that ssh-keygen wrote, byte for byte")
		}
		if err := sig.Verify(verify.NamespaceBundle, s.sums); err != nil {
			return nil, nil, fault.New(fault.Untrusted, "%s by %s is no signature of this bundle: %w", g.Name, sig.Fingerprint(), err).
				WithHint("sign what the bundle holds: tar -xOf BUNDLE SHA256SUMS >SHA256SUMS; ssh-keygen -Y sign -n %s -f KEY SHA256SUMS", verify.NamespaceBundle)
		}
		if s.seen[sig.Fingerprint()] {
			return nil, nil, fault.New(fault.Usage, "%s: the key %s has signed this bundle already", g.Name, sig.Fingerprint()).
				WithHint("a key counts once; sign with another one")
		}
		s.seen[sig.Fingerprint()] = true
		texts, keys = append(texts, g.Text), append(keys, sig.PublicKey())
	}
	return texts, keys, nil
}
