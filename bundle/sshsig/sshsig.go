// Package sshsig reads, checks and makes OpenSSH signatures (SSHSIG), the form
// that `ssh-keygen -Y sign` writes (OpenSSH, PROTOCOL.sshsig).
//
// It is stricter than ssh-keygen, so that one signature has one spelling and
// nothing rides along with it. Parse accepts exactly what Marshal writes:
//
//   - the first armour line, base64 in lines of 70 characters, the last armour line, each ended by one line feed;
//     nothing before, between or after, so neither junk nor a second signature
//   - at most MaxArmoured bytes
//   - version 1, an empty reserved field, no bytes after the last field, canonical base64 (RFC 4648, 3.5)
//   - a namespace of 1 to MaxNamespace printable ASCII characters
//   - sha256 or sha512 as the hash of the message
//   - a plain public key, no certificate: ssh-ed25519, ecdsa-sha2-nistp256/384/521, ssh-rsa of 2048 to 16384 bits,
//     sk-ssh-ed25519@openssh.com, sk-ecdsa-sha2-nistp256@openssh.com
//   - the signature algorithm that belongs to the key; for RSA rsa-sha2-256 or rsa-sha2-512, never SHA-1
//
// A signature by a hardware key (sk-…) verifies only when its user was present
// (touched it). Whether a key may sign at all is the business of package verify.
package sshsig

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"errors"
	"fmt"

	"golang.org/x/crypto/ssh"
)

// Caps on what comes from outside, in bytes.
const (
	MaxArmoured  = 16 << 10
	MaxNamespace = 255
)

const (
	magic   = "SSHSIG"
	version = 1
)

// Signature is one well-formed SSHSIG. That it is well formed says nothing of
// who made it: only Verify proves that the key it names signed a message.
type Signature struct {
	key       ssh.PublicKey
	namespace string
	hash      string
	sig       *ssh.Signature
}

// blob is the body after the magic bytes (PROTOCOL.sshsig, 2).
type blob struct {
	Version   uint32
	PublicKey []byte
	Namespace string
	Reserved  string
	Hash      string
	Signature []byte
}

// toSign is what the key signs, after the magic bytes (PROTOCOL.sshsig, 3).
type toSign struct {
	Namespace string
	Reserved  string
	Hash      string
	Digest    []byte
}

// PublicKey is the key that the signature claims to be made with.
func (s *Signature) PublicKey() ssh.PublicKey { return s.key }

// Fingerprint is the key's, in the form "SHA256:…".
func (s *Signature) Fingerprint() string { return ssh.FingerprintSHA256(s.key) }

// KeyType is the key's type, such as "ssh-ed25519".
func (s *Signature) KeyType() string { return s.key.Type() }

// Namespace is the purpose that the signature claims.
func (s *Signature) Namespace() string { return s.namespace }

// Hash is the message's hash algorithm: "sha256" or "sha512".
func (s *Signature) Hash() string { return s.hash }

// Parse reads one signature in canonical armour, and nothing else.
func Parse(armoured []byte) (*Signature, error) {
	raw, err := dearmour(armoured)
	if err != nil {
		return nil, fmt.Errorf("signature: %w", err)
	}
	s, err := parseBlob(raw)
	if err != nil {
		return nil, fmt.Errorf("signature: %w", err)
	}
	if !bytes.Equal(s.Marshal(), armoured) {
		return nil, errors.New("signature: not in canonical form")
	}
	return s, nil
}

func parseBlob(raw []byte) (*Signature, error) {
	body, ok := bytes.CutPrefix(raw, []byte(magic))
	if !ok {
		return nil, errors.New("does not begin with SSHSIG")
	}
	var b blob
	if err := ssh.Unmarshal(body, &b); err != nil {
		return nil, err
	}
	if b.Version != version {
		return nil, fmt.Errorf("version %d is unknown", b.Version)
	}
	if b.Reserved != "" {
		return nil, errors.New("the reserved field is not empty")
	}
	if err := checkNamespace(b.Namespace); err != nil {
		return nil, err
	}
	if _, err := digest(b.Hash, nil); err != nil {
		return nil, err
	}
	return parseKeyAndSig(&b)
}

func parseKeyAndSig(b *blob) (*Signature, error) {
	key, err := ssh.ParsePublicKey(b.PublicKey)
	if err != nil {
		return nil, err
	}
	if err := CheckKey(key); err != nil {
		return nil, err
	}
	sig := &ssh.Signature{}
	if err := ssh.Unmarshal(b.Signature, sig); err != nil {
		return nil, err
	}
	if err := checkAlgorithm(key, sig); err != nil {
		return nil, err
	}
	return &Signature{key: key, namespace: b.Namespace, hash: b.Hash, sig: sig}, nil
}

// Marshal gives the canonical armoured form.
func (s *Signature) Marshal() []byte {
	b := blob{Version: version, PublicKey: s.key.Marshal(), Namespace: s.namespace, Hash: s.hash, Signature: ssh.Marshal(s.sig)}
	return armour(append([]byte(magic), ssh.Marshal(&b)...))
}

// Verify returns nil if the key of s signed this message for this namespace.
// An empty namespace never verifies.
func (s *Signature) Verify(namespace string, message []byte) error {
	if s == nil || s.key == nil || s.sig == nil {
		return errors.New("signature: empty")
	}
	if err := checkNamespace(namespace); err != nil {
		return fmt.Errorf("signature: %w", err)
	}
	if s.namespace != namespace {
		return fmt.Errorf("signature: made for namespace %q, not %q", s.namespace, namespace)
	}
	data, err := signedData(namespace, s.hash, message)
	if err != nil {
		return fmt.Errorf("signature: %w", err)
	}
	if err := s.key.Verify(data, s.sig); err != nil {
		return fmt.Errorf("signature: does not verify: %w", err)
	}
	return nil
}

func signedData(namespace, hash string, message []byte) ([]byte, error) {
	d, err := digest(hash, message)
	if err != nil {
		return nil, err
	}
	return append([]byte(magic), ssh.Marshal(&toSign{Namespace: namespace, Hash: hash, Digest: d})...), nil
}

func digest(hash string, message []byte) ([]byte, error) {
	switch hash {
	case "sha256":
		d := sha256.Sum256(message)
		return d[:], nil
	case "sha512":
		d := sha512.Sum512(message)
		return d[:], nil
	}
	return nil, fmt.Errorf("hash %q is neither sha256 nor sha512", clip(hash))
}

func checkNamespace(ns string) error {
	if ns == "" {
		return errors.New("the namespace is empty")
	}
	if len(ns) > MaxNamespace {
		return fmt.Errorf("the namespace is longer than %d bytes", MaxNamespace)
	}
	for i := range len(ns) {
		if ns[i] <= ' ' || ns[i] > '~' {
			return fmt.Errorf("the namespace %q holds other than printable ASCII", clip(ns))
		}
	}
	return nil
}

// clip keeps an error line short whatever the input.
func clip(s string) string {
	if len(s) > 80 {
		return s[:80] + "…"
	}
	return s
}
