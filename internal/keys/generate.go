package keys

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"strings"
	"time"

	"filippo.io/age"
	"golang.org/x/crypto/ssh"

	"packlift/internal/fault"
)

// GenerateSigner makes an OpenSSH ed25519 pair, as `ssh-keygen -t ed25519 -N ""
// -C name` writes it: private is PEM, public one line with name as its comment.
func GenerateSigner(name string) (private, public []byte, err error) {
	if name == "" || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return nil, nil, fault.New(fault.Usage, "%q cannot name a signer", name)
	}
	pub, priv, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	block, err := ssh.MarshalPrivateKey(priv, name)
	if err != nil {
		return nil, nil, err
	}
	key, err := ssh.NewPublicKey(pub)
	if err != nil {
		return nil, nil, err
	}
	line := append(bytes.TrimSpace(ssh.MarshalAuthorizedKey(key)), " "+name+"\n"...)
	return pem.EncodeToMemory(block), line, nil
}

// GenerateIdentity makes an age identity file, as age-keygen writes it, and
// its recipient (age1…).
func GenerateIdentity() (identityFile []byte, recipient string, err error) {
	id, err := age.GenerateX25519Identity()
	if err != nil {
		return nil, "", err
	}
	recipient = id.Recipient().String()
	text := fmt.Sprintf("# created: %s\n# public key: %s\n%s\n", time.Now().UTC().Format(time.RFC3339), recipient, id)
	return []byte(text), recipient, nil
}
