package sshsig

import (
	"crypto/rand"
	"errors"
	"fmt"

	"golang.org/x/crypto/ssh"
)

// hashForSigning is ssh-keygen's default.
const hashForSigning = "sha512"

// Sign makes the armoured signature of message for namespace. The message is
// hashed with SHA-512; RSA keys sign with rsa-sha2-512. The result was
// verified with the signer's own public key before it is returned, so that a
// faulty token or agent is noticed here.
func Sign(signer ssh.Signer, namespace string, message []byte) ([]byte, error) {
	if err := checkNamespace(namespace); err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	// Agents hand out their own key type: parse it to one that can be looked into.
	key, err := ssh.ParsePublicKey(signer.PublicKey().Marshal())
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	if err := CheckKey(key); err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	data, err := signedData(namespace, hashForSigning, message)
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	sig, err := signData(signer, data)
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	s := &Signature{key: key, namespace: namespace, hash: hashForSigning, sig: sig}
	out := s.Marshal()
	if s, err = Parse(out); err == nil {
		err = s.Verify(namespace, message)
	}
	if err != nil {
		return nil, fmt.Errorf("sign: the signer's own %w", err)
	}
	return out, nil
}

func signData(signer ssh.Signer, data []byte) (*ssh.Signature, error) {
	if signer.PublicKey().Type() != ssh.KeyAlgoRSA {
		return signer.Sign(rand.Reader, data)
	}
	as, ok := signer.(ssh.AlgorithmSigner)
	if !ok {
		return nil, errors.New("this RSA signer can only make SHA-1 signatures")
	}
	return as.SignWithAlgorithm(rand.Reader, data, ssh.KeyAlgoRSASHA512)
}
