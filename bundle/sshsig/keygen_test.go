package sshsig

import (
	"bytes"
	"crypto/ed25519"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/crypto/ssh"
)

// sshKeygen finds the real one, against which both directions are proven.
func sshKeygen(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("ssh-keygen")
	if err != nil {
		t.Skip("ssh-keygen is not on the PATH")
	}
	return path
}

func run(t *testing.T, stdin []byte, name string, args ...string) ([]byte, error) {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Stdin = bytes.NewReader(stdin)
	return cmd.CombinedOutput()
}

// accepts asks ssh-keygen whether sig is a signature of message for ns by key.
func accepts(t *testing.T, key ssh.PublicKey, sig, msg []byte) error {
	t.Helper()
	dir := t.TempDir()
	allowed, sigFile := filepath.Join(dir, "allowed_signers"), filepath.Join(dir, "sig")
	write(t, allowed, append([]byte("vendor "), ssh.MarshalAuthorizedKey(key)...))
	write(t, sigFile, sig)
	out, err := run(t, msg, sshKeygen(t), "-Y", "verify", "-f", allowed, "-I", "vendor", "-n", ns, "-s", sigFile)
	if err != nil {
		t.Logf("ssh-keygen: %s", out)
	}
	return err
}

func write(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestKeygenAcceptsOurs(t *testing.T) {
	sshKeygen(t)
	for name, signer := range signers(t) {
		t.Run(name, func(t *testing.T) {
			sig := mustSign(t, signer, ns, message)
			if err := accepts(t, signer.PublicKey(), sig, message); err != nil {
				t.Errorf("ssh-keygen refuses what Sign made: %v", err)
			}
			if err := accepts(t, signer.PublicKey(), sig, append(message, 'x')); err == nil {
				t.Error("ssh-keygen accepts another message: this test proves nothing")
			}
		})
	}
	t.Run("sk-ed25519", func(t *testing.T) {
		k := newSK(t)
		if err := accepts(t, k.pub, k.armoured(t, 1), message); err != nil {
			t.Errorf("ssh-keygen refuses the hardware key's signature: %v", err)
		}
	})
}

func TestWeVerifyKeygens(t *testing.T) {
	keygen := sshKeygen(t)
	for name, args := range map[string][]string{
		"ed25519": {"-t", "ed25519"}, "rsa": {"-t", "rsa", "-b", "2048"},
		"ecdsa-256": {"-t", "ecdsa", "-b", "256"}, "ecdsa-384": {"-t", "ecdsa", "-b", "384"}, "ecdsa-521": {"-t", "ecdsa", "-b", "521"},
	} {
		t.Run(name, func(t *testing.T) {
			key := filepath.Join(t.TempDir(), "key")
			if out, err := run(t, nil, keygen, append(args, "-N", "", "-q", "-f", key)...); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			for _, hash := range []string{"sha256", "sha512"} {
				keygenSigns(t, keygen, key, hash)
			}
		})
	}
}

func keygenSigns(t *testing.T, keygen, key, hash string) {
	t.Helper()
	msg := filepath.Join(t.TempDir(), "SHA256SUMS")
	write(t, msg, message)
	if out, err := run(t, nil, keygen, "-Y", "sign", "-f", key, "-n", ns, "-O", "hashalg="+hash, msg); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	text, err := os.ReadFile(msg + ".sig")
	if err != nil {
		t.Fatal(err)
	}
	s, err := Parse(text)
	if err != nil {
		t.Fatalf("what ssh-keygen writes is not canonical: %v", err)
	}
	if s.Hash() != hash || !bytes.Equal(s.Marshal(), text) {
		t.Errorf("hash %s, want %s, or another spelling", s.Hash(), hash)
	}
	if err := s.Verify(ns, message); err != nil {
		t.Error(err)
	}
}

// TestKeygenReadsOurKeys signs with a key that Go wrote, so that ssh-keygen
// has to read it, and compares: ed25519 signatures are deterministic.
func TestKeygenReadsOurKeys(t *testing.T) {
	keygen := sshKeygen(t)
	_, priv, _ := ed25519.GenerateKey(nil)
	block, err := ssh.MarshalPrivateKey(priv, "vendor")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	key, msg := filepath.Join(dir, "key"), filepath.Join(dir, "m")
	write(t, key, pem.EncodeToMemory(block))
	write(t, msg, message)
	if out, err := run(t, nil, keygen, "-Y", "sign", "-f", key, "-n", ns, msg); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	theirs, _ := os.ReadFile(msg + ".sig")
	signer, _ := ssh.NewSignerFromKey(priv)
	if ours := mustSign(t, signer, ns, message); !bytes.Equal(ours, theirs) {
		t.Errorf("ours and ssh-keygen's differ:\n%s\n%s", ours, theirs)
	}
}
