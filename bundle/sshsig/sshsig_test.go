package sshsig

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"io"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
)

const ns = "packlift-bundle@v1"

var message = []byte("0123  payload.tar.xz.age\n")

// signers gives one signer of every kind that signs without hardware.
func signers(t testing.TB) map[string]ssh.Signer {
	t.Helper()
	_, ed, _ := ed25519.GenerateKey(rand.Reader)
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	keys := map[string]any{"ed25519": ed, "rsa-2048": rsaKey}
	for name, c := range map[string]elliptic.Curve{"ecdsa-256": elliptic.P256(), "ecdsa-384": elliptic.P384(), "ecdsa-521": elliptic.P521()} {
		if keys[name], err = ecdsa.GenerateKey(c, rand.Reader); err != nil {
			t.Fatal(err)
		}
	}
	out := map[string]ssh.Signer{}
	for name, k := range keys {
		if out[name], err = ssh.NewSignerFromKey(k); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

func edSigner(t testing.TB) ssh.Signer {
	t.Helper()
	_, k, _ := ed25519.GenerateKey(rand.Reader)
	s, err := ssh.NewSignerFromKey(k)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func mustSign(t testing.TB, s ssh.Signer, namespace string, msg []byte) []byte {
	t.Helper()
	b, err := Sign(s, namespace, msg)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestSignAndVerify(t *testing.T) {
	for name, signer := range signers(t) {
		t.Run(name, func(t *testing.T) {
			text := mustSign(t, signer, ns, message)
			s, err := Parse(text)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(s.Marshal(), text) {
				t.Error("Marshal(Parse(x)) is not x")
			}
			if err := s.Verify(ns, message); err != nil {
				t.Error(err)
			}
			if s.Fingerprint() != ssh.FingerprintSHA256(signer.PublicKey()) || s.Namespace() != ns || s.Hash() != "sha512" {
				t.Errorf("reads as %s %s %s", s.Fingerprint(), s.Namespace(), s.Hash())
			}
			if err := s.Verify(ns, append(message, '!')); err == nil {
				t.Error("another message verifies")
			}
			if err := s.Verify("packlift-tool@v1", message); err == nil {
				t.Error("another namespace verifies")
			}
			if err := s.Verify("", message); err == nil {
				t.Error("an empty namespace verifies")
			}
		})
	}
}

func TestSignRefuses(t *testing.T) {
	s := edSigner(t)
	for name, namespace := range map[string]string{"empty": "", "space": "a b", "newline": "a\n", "long": strings.Repeat("n", MaxNamespace+1)} {
		if _, err := Sign(s, namespace, message); err == nil {
			t.Errorf("%s namespace: signs", name)
		}
	}
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	ws, _ := ssh.NewSignerFromKey(weak)
	if _, err := Sign(ws, ns, message); err == nil || !strings.Contains(err.Error(), "1024 bits") {
		t.Errorf("RSA of 1024 bits: %v", err)
	}
	if _, err := Sign(liar{s, edSigner(t)}, ns, message); err == nil {
		t.Error("a signer whose signatures do not verify signs")
	}
}

// liar claims one key and signs with another.
type liar struct{ key, hand ssh.Signer }

func (l liar) PublicKey() ssh.PublicKey { return l.key.PublicKey() }
func (l liar) Sign(r io.Reader, data []byte) (*ssh.Signature, error) {
	return l.hand.Sign(r, data)
}

func TestZeroSignature(t *testing.T) {
	if (&Signature{}).Verify(ns, message) == nil || (*Signature)(nil).Verify(ns, message) == nil {
		t.Error("a zero signature verifies")
	}
}

func TestParseRefusesArmour(t *testing.T) {
	good := string(mustSign(t, edSigner(t), ns, message))
	body := strings.TrimSuffix(strings.TrimPrefix(good, begin), end)
	lines := strings.SplitAfter(body, "\n")
	bad := map[string]string{
		"empty":                    "",
		"text before":              "hello\n" + good,
		"newline before":           "\n" + good,
		"text after":               good + "x",
		"newline after":            good + "\n",
		"two signatures":           good + good,
		"no final newline":         strings.TrimSuffix(good, "\n"),
		"carriage returns":         strings.ReplaceAll(good, "\n", "\r\n"),
		"one long line":            begin + strings.ReplaceAll(body, "\n", "") + "\n" + end,
		"76 columns":               rewrap(body, 76),
		"empty line inside":        begin + lines[0] + "\n" + strings.Join(lines[1:], "") + end,
		"space inside":             begin + " " + body + end,
		"comment inside":           begin + "Comment: x\n" + body + end,
		"other armour":             strings.ReplaceAll(good, "SSH SIGNATURE", "PGP SIGNATURE"),
		"begin only":               begin,
		"nothing inside":           begin + end,
		"too long":                 begin + strings.Repeat("A", MaxArmoured) + "\n" + end,
		"padding dropped":          strings.ReplaceAll(good, "=", ""),
		"signature in a signature": begin + begin + body + end + end,
	}
	if _, err := Parse([]byte(good)); err != nil {
		t.Fatal(err)
	}
	for name, text := range bad {
		if text == good {
			continue // no padding in this one
		}
		if _, err := Parse([]byte(text)); err == nil {
			t.Errorf("%s: is read", name)
		}
	}
}

func rewrap(body string, n int) string {
	text := strings.ReplaceAll(body, "\n", "")
	out := begin
	for len(text) > 0 {
		m := min(n, len(text))
		out, text = out+text[:m]+"\n", text[m:]
	}
	return out + end
}

// TestParseRefusesBlobs signs rightly and changes one field of the binary form.
func TestParseRefusesBlobs(t *testing.T) {
	s, err := Parse(mustSign(t, edSigner(t), ns, message))
	if err != nil {
		t.Fatal(err)
	}
	good := func() blob {
		return blob{Version: 1, PublicKey: s.key.Marshal(), Namespace: ns, Hash: "sha512", Signature: ssh.Marshal(s.sig)}
	}
	weak, _ := rsa.GenerateKey(rand.Reader, 1024)
	weakKey, _ := ssh.NewPublicKey(&weak.PublicKey)
	strong, _ := rsa.GenerateKey(rand.Reader, 2048)
	strongKey, _ := ssh.NewPublicKey(&strong.PublicKey)
	cert := &ssh.Certificate{Key: s.key, SignatureKey: s.key, Signature: s.sig, CertType: ssh.UserCert}
	for name, change := range map[string]func(*blob){
		"version 2":             func(b *blob) { b.Version = 2 },
		"version 0":             func(b *blob) { b.Version = 0 },
		"empty namespace":       func(b *blob) { b.Namespace = "" },
		"namespace with space":  func(b *blob) { b.Namespace = "a b" },
		"reserved":              func(b *blob) { b.Reserved = "x" },
		"hash md5":              func(b *blob) { b.Hash = "md5" },
		"hash SHA512":           func(b *blob) { b.Hash = "SHA512" },
		"no key":                func(b *blob) { b.PublicKey = nil },
		"key with tail":         func(b *blob) { b.PublicKey = append(b.PublicKey, 0) },
		"certificate":           func(b *blob) { b.PublicKey = cert.Marshal() },
		"weak RSA":              func(b *blob) { b.PublicKey = weakKey.Marshal() },
		"RSA key, ed signature": func(b *blob) { b.PublicKey = strongKey.Marshal() },
		"no signature":          func(b *blob) { b.Signature = nil },
		"signature with tail":   func(b *blob) { b.Signature = append(b.Signature, 0) },
		"ssh-rsa (SHA-1)": func(b *blob) {
			b.PublicKey = strongKey.Marshal()
			b.Signature = ssh.Marshal(&ssh.Signature{Format: "ssh-rsa", Blob: make([]byte, 256)})
		},
	} {
		b := good()
		change(&b)
		if _, err := Parse(armour(append([]byte(magic), ssh.Marshal(&b)...))); err == nil {
			t.Errorf("%s: is read", name)
		}
	}
	b := good()
	if _, err := Parse(armour(append([]byte(magic), append(ssh.Marshal(&b), 0)...))); err == nil {
		t.Error("bytes after the last field: is read")
	}
	if _, err := Parse(armour(append([]byte("SSHSIH"), ssh.Marshal(&b)...))); err == nil {
		t.Error("wrong magic: is read")
	}
}

// TestEveryByteMatters flips each bit of a signature's binary form: none
// may verify.
func TestEveryByteMatters(t *testing.T) {
	text := mustSign(t, edSigner(t), ns, message)
	raw, err := dearmour(text)
	if err != nil {
		t.Fatal(err)
	}
	for i := range raw {
		for bit := range 8 {
			raw[i] ^= 1 << bit
			if s, err := Parse(armour(raw)); err == nil && s.Verify(ns, message) == nil {
				t.Errorf("bit %d of byte %d does not matter", bit, i)
			}
			raw[i] ^= 1 << bit
		}
	}
}

// skKey is a hardware ed25519 key as sk-ssh-ed25519@openssh.com writes it
// (PROTOCOL.u2f), in software.
type skKey struct {
	priv ed25519.PrivateKey
	pub  ssh.PublicKey
}

func newSK(t testing.TB) skKey {
	t.Helper()
	pub, priv, _ := ed25519.GenerateKey(rand.Reader)
	wire := ssh.Marshal(&struct {
		Name string
		Key  []byte
		App  string
	}{ssh.KeyAlgoSKED25519, pub, "ssh:"})
	key, err := ssh.ParsePublicKey(wire)
	if err != nil {
		t.Fatal(err)
	}
	return skKey{priv, key}
}

func (k skKey) sign(flags byte, data []byte) *ssh.Signature {
	app, msg := sha256.Sum256([]byte("ssh:")), sha256.Sum256(data)
	rest := binary.BigEndian.AppendUint32([]byte{flags}, 7)
	signed := append(append(app[:], rest...), msg[:]...)
	return &ssh.Signature{Format: ssh.KeyAlgoSKED25519, Blob: ed25519.Sign(k.priv, signed), Rest: rest}
}

func (k skKey) armoured(t testing.TB, flags byte) []byte {
	t.Helper()
	data, err := signedData(ns, "sha512", message)
	if err != nil {
		t.Fatal(err)
	}
	return (&Signature{key: k.pub, namespace: ns, hash: "sha512", sig: k.sign(flags, data)}).Marshal()
}

func TestHardwareKeys(t *testing.T) {
	k := newSK(t)
	s, err := Parse(k.armoured(t, 1))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Verify(ns, message); err != nil {
		t.Error(err)
	}
	if s, err = Parse(k.armoured(t, 0)); err != nil {
		t.Fatal(err)
	}
	if err := s.Verify(ns, message); err == nil {
		t.Error("verifies though nobody touched the key")
	}
	s.sig.Rest = nil
	if _, err := Parse(s.Marshal()); err == nil {
		t.Error("is read without flags and counter")
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(begin + end))
	f.Add([]byte(begin + base64.StdEncoding.EncodeToString([]byte(magic+"\x00\x00\x00\x01")) + "\n" + end))
	for _, s := range signers(f) {
		f.Add(mustSign(f, s, ns, message))
	}
	f.Add(newSK(f).armoured(f, 1))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := Parse(b)
		if err != nil {
			return
		}
		if !bytes.Equal(s.Marshal(), b) {
			t.Fatal("two spellings of one signature")
		}
		if s.Namespace() == "" || CheckKey(s.PublicKey()) != nil {
			t.Fatal("read against the rules")
		}
		if s.Verify("another", message) == nil {
			t.Fatal("verifies for another namespace")
		}
	})
}
