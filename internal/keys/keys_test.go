package keys

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"
	"filippo.io/age/armor"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"packlift/internal/fault"
)

var secret = []byte("the secret word")

func ask(answer string) func(string) ([]byte, error) {
	return func(string) ([]byte, error) { return []byte(answer), nil }
}

func encrypt(t *testing.T, rs ...age.Recipient) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := age.Encrypt(&b, rs...)
	if err != nil {
		t.Fatal(err)
	}
	w.Write(secret)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func opens(data []byte, ids ...age.Identity) error {
	r, err := age.Decrypt(bytes.NewReader(data), ids...)
	if err != nil {
		return err
	}
	b, err := io.ReadAll(r)
	if err == nil && !bytes.Equal(b, secret) {
		err = errors.New("other bytes")
	}
	return err
}

// sshPair gives a private key in OpenSSH form, with a passphrase if not empty, and its public line.
func sshPair(t *testing.T, key any, passphrase string) (private, public []byte) {
	t.Helper()
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	var block *pem.Block
	if passphrase == "" {
		block, err = ssh.MarshalPrivateKey(key, "test")
	} else {
		block, err = ssh.MarshalPrivateKeyWithPassphrase(key, "test", []byte(passphrase))
	}
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(block), ssh.MarshalAuthorizedKey(signer.PublicKey())
}

func newEd(t *testing.T) ed25519.PrivateKey {
	t.Helper()
	_, k, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// TestEveryKindOfRecipient encrypts to each kind and decrypts with what
// ReadIdentities makes of its private half.
func TestEveryKindOfRecipient(t *testing.T) {
	x, _ := age.GenerateX25519Identity()
	pq, _ := age.GenerateHybridIdentity()
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	edPriv, edPub := sshPair(t, newEd(t), "")
	lockedPriv, lockedPub := sshPair(t, newEd(t), "open")
	rsaPriv, rsaPub := sshPair(t, rsaKey, "")
	for name, c := range map[string]struct{ recipient, identity string }{
		"age1":                   {x.Recipient().String(), "# mine\n\n" + x.String() + "\n"},
		"age1pq1":                {pq.Recipient().String(), pq.String()},
		"ssh-ed25519":            {string(edPub), string(edPriv)},
		"ssh-ed25519 encrypted":  {string(lockedPub), string(lockedPriv)},
		"ssh-rsa":                {string(rsaPub), string(rsaPriv)},
		"age1 in encrypted file": {x.Recipient().String(), string(lockFile(t, x.String(), "open", false))},
		"age1 in armoured file":  {x.Recipient().String(), string(lockFile(t, x.String(), "open", true))},
	} {
		t.Run(name, func(t *testing.T) {
			rs, err := ParseRecipients([]string{c.recipient}, nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			asked := 0
			ids, err := ReadIdentities("identity", []byte(c.identity), func(string) ([]byte, error) { asked++; return []byte("open"), nil })
			if err != nil {
				t.Fatal(err)
			}
			if asked > 0 {
				t.Error("asks before anything is opened")
			}
			data := encrypt(t, rs...)
			for range 3 {
				if err := opens(data, ids...); err != nil {
					t.Fatal(err)
				}
			}
			if asked > 1 {
				t.Errorf("asks %d times", asked)
			}
		})
	}
}

func lockFile(t *testing.T, text, passphrase string, armoured bool) []byte {
	t.Helper()
	r, err := age.NewScryptRecipient(passphrase)
	if err != nil {
		t.Fatal(err)
	}
	r.SetWorkFactor(10)
	var b bytes.Buffer
	var out io.Writer = &b
	var a io.WriteCloser
	if armoured {
		a = armor.NewWriter(&b)
		out = a
	}
	w, err := age.Encrypt(out, r)
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(w, text+"\n")
	w.Close()
	if a != nil {
		a.Close()
	}
	return b.Bytes()
}

func TestRecipientsRefused(t *testing.T) {
	x, _ := age.GenerateX25519Identity()
	pq, _ := age.GenerateHybridIdentity()
	_, ec := sshPair(t, mustECDSA(t), "")
	for name, c := range map[string]struct {
		specs  []string
		files  map[string][]byte
		pass   func() (string, error)
		reason string
	}{
		"none":                  {nil, nil, nil, "no recipient"},
		"empty file":            {nil, map[string][]byte{"r": []byte("# x\n")}, nil, "no recipient"},
		"junk":                  {[]string{"bob"}, nil, nil, "no recipient"},
		"damaged":               {[]string{x.Recipient().String() + "q"}, nil, nil, "recipient"},
		"an identity":           {[]string{x.String()}, nil, nil, "identity, which is secret"},
		"ecdsa":                 {[]string{string(ec)}, nil, nil, "ssh-rsa keys only"},
		"hybrid and classic":    {[]string{x.Recipient().String(), pq.Recipient().String()}, nil, nil, "recipients"},
		"passphrase and others": {[]string{x.Recipient().String()}, nil, func() (string, error) { return "x", nil }, "alone"},
		"empty passphrase":      {nil, nil, func() (string, error) { return "", nil }, "passphrase"},
		"missing plugin":        {[]string{"age1nosuchplugin1qyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgp7w3u8r"}, nil, nil, ""},
		"line in a file":        {nil, map[string][]byte{"team": []byte("# a\n\nbob\n")}, nil, "team, line 3"},
	} {
		if c.pass != nil && c.specs != nil {
			c.reason = "refuses to mix"
		}
		_, err := ParseRecipients(c.specs, c.files, c.pass)
		if fault.ClassOf(err) != fault.Usage || !strings.Contains(err.Error(), c.reason) {
			t.Errorf("%s: class %v, %v; want %q", name, fault.ClassOf(err), err, c.reason)
		}
		if err != nil && strings.Contains(err.Error(), x.String()) {
			t.Errorf("%s: the message holds the secret", name)
		}
	}
}

func mustECDSA(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestRecipientsOnceEach(t *testing.T) {
	x, _ := age.GenerateX25519Identity()
	y, _ := age.GenerateX25519Identity()
	a, b := x.Recipient().String(), y.Recipient().String()
	rs, err := ParseRecipients([]string{a, " " + a + "\n"}, map[string][]byte{"team": []byte(a + "\n# other\r\n" + b + "\r\n")}, nil)
	if err != nil || len(rs) != 2 {
		t.Errorf("%d recipients, %v", len(rs), err)
	}
}

func TestPassphraseBundle(t *testing.T) {
	rs, err := ParseRecipients(nil, nil, func() (string, error) { return "sesame", nil })
	if err != nil || len(rs) != 1 {
		t.Fatal(err)
	}
	rs[0].(*age.ScryptRecipient).SetWorkFactor(10)
	data := encrypt(t, rs...)
	asked := 0
	id := PassphraseIdentity(func() ([]byte, error) { asked++; return []byte("sesame"), nil })
	for range 3 {
		if err := opens(data, id); err != nil {
			t.Fatal(err)
		}
	}
	if asked != 1 {
		t.Errorf("asks %d times", asked)
	}
	wrong := PassphraseIdentity(func() ([]byte, error) { return []byte("open"), nil })
	if err := opens(data, wrong); fault.ClassOf(err) != fault.Undecryptable {
		t.Errorf("wrong passphrase: %v", err)
	}
	x, _ := age.GenerateX25519Identity()
	never := PassphraseIdentity(func() ([]byte, error) { t.Error("asks for a bundle that has no passphrase"); return nil, nil })
	if err := opens(encrypt(t, x.Recipient()), never); err == nil {
		t.Error("opens")
	}
}

func TestPassphraseWorkIsCapped(t *testing.T) {
	header := "age-encryption.org/v1\n-> scrypt bBjlhJVYZeE4aqUdmtRHfw 30\n" + strings.Repeat("A", 43) + "\n--- " + strings.Repeat("A", 43) + "\n"
	id := PassphraseIdentity(func() ([]byte, error) { return []byte("x"), nil })
	if err := opens([]byte(header), id); err == nil || !strings.Contains(err.Error(), "work factor") {
		t.Errorf("%v", err)
	}
}

func TestIdentitiesRefused(t *testing.T) {
	x, _ := age.GenerateX25519Identity()
	ecPriv, _ := sshPair(t, mustECDSA(t), "")
	for name, text := range map[string]string{
		"empty":         "",
		"comments":      "# nothing\n",
		"a recipient":   x.Recipient().String(),
		"damaged":       x.String() + "Q",
		"junk":          "hunter2",
		"ssh public":    "ssh-ed25519 AAAA",
		"ecdsa private": string(ecPriv),
		"broken PEM":    "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n",
		"too long":      strings.Repeat("#\n", MaxKeyFile),
	} {
		_, err := ReadIdentities("identity", []byte(text), nil)
		if fault.ClassOf(err) != fault.Usage {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && (strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), x.String())) {
			t.Errorf("%s: the message holds the secret: %v", name, err)
		}
	}
}

func TestLockedIdentityFiles(t *testing.T) {
	x, _ := age.GenerateX25519Identity()
	data := encrypt(t, x.Recipient())
	file := lockFile(t, x.String(), "open", false)
	for name, c := range map[string]struct {
		file  []byte
		ask   func(string) ([]byte, error)
		class fault.Class
	}{
		"wrong passphrase": {file, ask("shut"), fault.Undecryptable},
		"no prompt":        {file, nil, fault.Undecryptable},
		"to a key":         {encrypt(t, x.Recipient()), ask("open"), fault.Usage},
	} {
		ids, err := ReadIdentities("identity", c.file, c.ask)
		if err != nil {
			t.Fatal(err)
		}
		if err := opens(data, ids...); fault.ClassOf(err) != c.class {
			t.Errorf("%s: class %v, %v", name, fault.ClassOf(err), err)
		}
	}
}

func TestLoadSigner(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for name, key := range map[string]any{"ed25519": newEd(t), "ecdsa": mustECDSA(t), "rsa": rsaKey} {
		for _, passphrase := range []string{"", "open"} {
			private, public := sshPair(t, key, passphrase)
			s, err := LoadSigner("vendor", private, SignerOptions{Passphrase: ask("open")})
			if err != nil {
				t.Fatalf("%s %q: %v", name, passphrase, err)
			}
			if s.Name != "vendor" || !bytes.Equal(ssh.MarshalAuthorizedKey(s.PublicKey()), public) {
				t.Errorf("%s: another key", name)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}
	}
	locked, public := sshPair(t, newEd(t), "open")
	for name, c := range map[string]struct {
		data   []byte
		o      SignerOptions
		reason string
	}{
		"wrong passphrase": {locked, SignerOptions{Passphrase: ask("shut")}, "passphrase"},
		"no prompt":        {locked, SignerOptions{}, "passphrase"},
		"no agent":         {public, SignerOptions{AgentSocket: filepath.Join(t.TempDir(), "none")}, "agent"},
		"junk":             {[]byte("hello"), SignerOptions{}, "neither"},
		"two keys":         {append(bytes.Clone(public), public...), SignerOptions{}, "neither"},
		"empty":            {nil, SignerOptions{}, "neither"},
	} {
		_, err := LoadSigner("vendor", c.data, c.o)
		if fault.ClassOf(err) != fault.Usage || !strings.Contains(err.Error(), c.reason) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// startAgent serves an agent with these keys on a Unix socket.
func startAgent(t *testing.T, keys ...any) string {
	t.Helper()
	ring := agent.NewKeyring()
	for _, k := range keys {
		if err := ring.Add(agent.AddedKey{PrivateKey: k}); err != nil {
			t.Fatal(err)
		}
	}
	socket := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Skipf("no Unix sockets here: %v", err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { agent.ServeAgent(ring, c); c.Close() }()
		}
	}()
	return socket
}

func TestAgent(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ed := newEd(t)
	socket := startAgent(t, &ed, rsaKey)
	for _, key := range []any{ed, rsaKey} {
		_, public := sshPair(t, key, "")
		s, err := LoadSigner("vendor", public, SignerOptions{AgentSocket: socket})
		if err != nil {
			t.Fatal(err)
		}
		sig, err := s.Sign(rand.Reader, secret)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.PublicKey().Verify(secret, sig); err != nil {
			t.Error(err)
		}
		if _, ok := s.Signer.(ssh.AlgorithmSigner); !ok {
			t.Error("an agent's RSA key could only sign with SHA-1")
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	_, stranger := sshPair(t, newEd(t), "")
	if _, err := LoadSigner("vendor", stranger, SignerOptions{AgentSocket: socket}); err == nil || !strings.Contains(err.Error(), "does not hold") {
		t.Errorf("%v", err)
	}
}

func TestGenerate(t *testing.T) {
	private, public, err := GenerateSigner("vendor")
	if err != nil {
		t.Fatal(err)
	}
	s, err := LoadSigner("vendor", private, SignerOptions{})
	if err != nil {
		t.Fatal(err)
	}
	key, comment, _, _, err := ssh.ParseAuthorizedKey(public)
	if err != nil || comment != "vendor" || !bytes.Equal(key.Marshal(), s.PublicKey().Marshal()) {
		t.Errorf("%s: %v", public, err)
	}
	if _, _, err := GenerateSigner("a\nb"); err == nil {
		t.Error("a name with a newline is taken")
	}
	file, recipient, err := GenerateIdentity()
	if err != nil {
		t.Fatal(err)
	}
	ids, err := ReadIdentities("identity", file, nil)
	if err != nil {
		t.Fatal(err)
	}
	rs, err := ParseRecipients([]string{recipient}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := opens(encrypt(t, rs...), ids...); err != nil {
		t.Error(err)
	}
}
