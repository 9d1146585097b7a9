package sshsig

import (
	"crypto/rsa"
	"errors"
	"fmt"

	"golang.org/x/crypto/ssh"
)

// RSA key sizes in bits: ssh-keygen's RequiredRSASize and its largest key.
const (
	MinRSABits = 2048
	MaxRSABits = 16384
)

// algorithms lists, by key type, the signature algorithms that count.
var algorithms = map[string][]string{
	ssh.KeyAlgoED25519:    {ssh.KeyAlgoED25519},
	ssh.KeyAlgoECDSA256:   {ssh.KeyAlgoECDSA256},
	ssh.KeyAlgoECDSA384:   {ssh.KeyAlgoECDSA384},
	ssh.KeyAlgoECDSA521:   {ssh.KeyAlgoECDSA521},
	ssh.KeyAlgoRSA:        {ssh.KeyAlgoRSASHA256, ssh.KeyAlgoRSASHA512},
	ssh.KeyAlgoSKED25519:  {ssh.KeyAlgoSKED25519},
	ssh.KeyAlgoSKECDSA256: {ssh.KeyAlgoSKECDSA256},
}

// skTrailer is the length of what follows a hardware key's signature: flags
// (one byte) and counter (four), PROTOCOL.u2f.
const skTrailer = 5

// CheckKey returns an error unless key is of a kind that may sign here: a
// plain key (no certificate) of a listed type, RSA of MinRSABits to MaxRSABits.
func CheckKey(key ssh.PublicKey) error {
	if _, ok := key.(*ssh.Certificate); ok {
		return errors.New("certificates are not supported; use the plain public key")
	}
	if _, ok := algorithms[key.Type()]; !ok {
		return fmt.Errorf("keys of type %s are not supported; use ssh-ed25519", clip(key.Type()))
	}
	if key.Type() == ssh.KeyAlgoRSA {
		return checkRSA(key)
	}
	return nil
}

func checkRSA(key ssh.PublicKey) error {
	c, ok := key.(ssh.CryptoPublicKey)
	if !ok {
		return errors.New("RSA key of unknown make")
	}
	k, ok := c.CryptoPublicKey().(*rsa.PublicKey)
	if !ok || k.N.Sign() <= 0 {
		return errors.New("RSA key is damaged")
	}
	if n := k.N.BitLen(); n < MinRSABits || n > MaxRSABits {
		return fmt.Errorf("RSA key has %d bits; %d to %d are allowed", n, MinRSABits, MaxRSABits)
	}
	return nil
}

func checkAlgorithm(key ssh.PublicKey, sig *ssh.Signature) error {
	for _, a := range algorithms[key.Type()] {
		if sig.Format == a {
			return checkTrailer(key, sig)
		}
	}
	return fmt.Errorf("algorithm %q does not go with a key of type %s", clip(sig.Format), key.Type())
}

func checkTrailer(key ssh.PublicKey, sig *ssh.Signature) error {
	want := 0
	if t := key.Type(); t == ssh.KeyAlgoSKED25519 || t == ssh.KeyAlgoSKECDSA256 {
		want = skTrailer
	}
	if len(sig.Rest) != want {
		return fmt.Errorf("%d bytes follow the signature of a key of type %s, want %d", len(sig.Rest), key.Type(), want)
	}
	return nil
}
