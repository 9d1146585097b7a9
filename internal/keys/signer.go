package keys

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"packlift/internal/fault"
)

// SignerOptions says where a signer's secret comes from.
type SignerOptions struct {
	Passphrase  func(prompt string) ([]byte, error) // nil: an encrypted key is refused
	AgentSocket string                              // SSH_AUTH_SOCK; empty: the platform's default, if it has one
}

// Signer signs under a principal's name. Close lets go of the agent, if one
// holds the key.
type Signer struct {
	Name string
	ssh.Signer
	agent io.Closer
}

// Close ends the connection to the agent; without one it does nothing.
func (s Signer) Close() error {
	if s.agent == nil {
		return nil
	}
	return s.agent.Close()
}

// LoadSigner makes a signer from a key file: a private key (OpenSSH or PEM,
// encrypted or not), or a public key whose private half an ssh agent holds.
// name is the principal. Faults are of class fault.Usage.
func LoadSigner(name string, data []byte, o SignerOptions) (Signer, error) {
	if len(data) > MaxKeyFile {
		return Signer{}, fault.New(fault.Usage, "signer %s: the key file is longer than %d bytes", name, MaxKeyFile)
	}
	s, conn, err := loadSigner(name, bytes.TrimSpace(data), o)
	if err != nil {
		return Signer{}, wrap("signer "+name, err)
	}
	return Signer{Name: name, Signer: s, agent: conn}, nil
}

func loadSigner(name string, data []byte, o SignerOptions) (ssh.Signer, io.Closer, error) {
	if bytes.HasPrefix(data, []byte("-----BEGIN ")) {
		s, err := privateSigner(name, data, o)
		return s, nil, err
	}
	key, _, _, rest, err := ssh.ParseAuthorizedKey(data)
	if err != nil || len(bytes.TrimSpace(rest)) > 0 {
		return nil, nil, fault.New(fault.Usage, "the file is neither one private nor one public OpenSSH key").
			WithHint("make a pair with packlift-export keygen --name %s -o DIR", name)
	}
	return agentSigner(key, o.AgentSocket)
}

func privateSigner(name string, pem []byte, o SignerOptions) (ssh.Signer, error) {
	s, err := ssh.ParsePrivateKey(pem)
	var locked *ssh.PassphraseMissingError
	if !errors.As(err, &locked) {
		return s, err
	}
	if o.Passphrase == nil {
		return nil, errNoPrompt
	}
	text, err := o.Passphrase(fmt.Sprintf("Passphrase for the signing key %s: ", name))
	if err != nil {
		return nil, err
	}
	s, err = ssh.ParsePrivateKeyWithPassphrase(pem, text)
	if err != nil {
		return nil, fmt.Errorf("the passphrase is wrong, or the key is damaged: %w", err)
	}
	return s, nil
}

func agentSigner(key ssh.PublicKey, socket string) (ssh.Signer, io.Closer, error) {
	conn, err := dialAgent(socket)
	if err != nil {
		return nil, nil, fault.New(fault.Usage, "the file is a public key, and no ssh agent answers: %w", err).
			WithHint("start ssh-agent and ssh-add the key, or give the private key file")
	}
	signers, err := agent.NewClient(conn).Signers()
	for _, s := range signers {
		if bytes.Equal(s.PublicKey().Marshal(), key.Marshal()) {
			return s, conn, nil
		}
	}
	conn.Close()
	if err != nil {
		return nil, nil, fmt.Errorf("ssh agent: %w", err)
	}
	return nil, nil, fault.New(fault.Usage, "the ssh agent does not hold the key %s", ssh.FingerprintSHA256(key)).
		WithHint("ssh-add the private key, and check with ssh-add -l")
}
