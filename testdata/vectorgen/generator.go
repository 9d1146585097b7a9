package vectorgen

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"
	"filippo.io/age/agessh"
	"golang.org/x/crypto/ssh"

	"packlift/bundle"
	"packlift/bundle/sshsig"
	"packlift/internal/fault"
)

// vector is one entry of vectors.json. A good one has no layer.
type vector struct {
	Name     string       `json:"name"`
	File     string       `json:"file"`
	About    string       `json:"about"`
	Layer    bundle.Layer `json:"layer,omitempty"`
	Class    string       `json:"class,omitempty"`
	Exit     int          `json:"exit"`
	Identity string       `json:"identity"`
	Trust    string       `json:"trust"`
	Detached []string     `json:"detached,omitempty"`
	Later    bool         `json:"later_format,omitempty"`
}

type generator struct {
	t       *testing.T
	keys    keys
	dir     string
	vectors []vector
	bytes   int
}

// all writes every vector and the index.
func (g *generator) all() {
	for _, group := range []func(){g.good, g.outerFaults, g.truncations, g.flips, g.signatureFaults, g.sumsFaults, g.manifestFaults, g.piecesFaults,
		g.decryptFaults, g.xzFaults, g.tarFaults, g.contentFaults, g.betweens, g.advisories, g.pathFaults, g.originals, g.spellings, g.forms, g.index} {
		group()
	}
}

func (g *generator) must(err error) {
	if err != nil {
		g.t.Fatal(err)
	}
}

// exits are the exit codes of the classes that vectors end with.
var exits = map[fault.Class]int{fault.NotABundle: 10, fault.Truncated: 10, fault.Tampered: 10, fault.Untrusted: 11, fault.Undecryptable: 12}

// add writes one vector. The name is the layer's and the fault's.
func (g *generator) add(v vector, class fault.Class, b []byte) {
	if v.Layer != "" {
		v.Name = string(v.Layer) + "-" + v.Name
		v.Class, v.Exit = class.String(), exits[class]
	}
	if v.Identity == "" {
		v.Identity = "identity.txt"
	}
	if v.Trust == "" {
		v.Trust = "trust"
	}
	v.File = v.Name + ".packlift"
	g.bytes += len(b)
	g.must(os.WriteFile(filepath.Join(g.dir, v.File), b, 0o644))
	g.vectors = append(g.vectors, v)
}

// fault writes a vector that layer refuses.
func (g *generator) fault(layer bundle.Layer, class fault.Class, name, about string, b []byte) {
	g.add(vector{Name: name, About: about, Layer: layer}, class, b)
}

// tampered writes a vector that layer refuses as tampered with, made of the
// good update with one edit.
func (g *generator) tampered(layer bundle.Layer, name, about string, edit func(r *recipe)) {
	r := g.update()
	edit(r)
	g.fault(layer, fault.Tampered, name, about, r.build())
}

func (g *generator) index() {
	names := map[string]bool{}
	for _, v := range g.vectors {
		if names[v.Name] {
			g.t.Errorf("vector %s stands twice", v.Name)
		}
		names[v.Name] = true
	}
	b, err := json.MarshalIndent(g.vectors, "", "  ")
	g.must(err)
	g.must(os.WriteFile(filepath.Join(g.dir, "vectors.json"), append(b, '\n'), 0o644))
}

type keys struct {
	vendor, site, stranger ssh.Signer
	identity               *age.X25519Identity
	recipients             []age.Recipient // x25519, ssh-ed25519, ssh-rsa
	hybrid                 age.Recipient
	passphrase             string
}

func readKeys(t *testing.T, dir string) keys {
	read := func(name string) string {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(b))
	}
	signer := func(name string) ssh.Signer {
		s, err := ssh.ParsePrivateKey([]byte(read(name)))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	secret := func(name string) string {
		lines := strings.Split(read(name), "\n")
		return lines[len(lines)-1]
	}
	k := keys{vendor: signer("vendor"), site: signer("site"), stranger: signer("stranger"), passphrase: read("passphrase.txt")}
	var err error
	if k.identity, err = age.ParseX25519Identity(secret("identity.txt")); err != nil {
		t.Fatal(err)
	}
	h, err := age.ParseHybridIdentity(secret("pq_identity.txt"))
	if err != nil {
		t.Fatal(err)
	}
	k.hybrid = h.Recipient()
	k.recipients = []age.Recipient{k.identity.Recipient()}
	for _, name := range []string{"recipient_ed25519.pub", "recipient_rsa.pub"} {
		r, err := agessh.ParseRecipient(read(name))
		if err != nil {
			t.Fatal(err)
		}
		k.recipients = append(k.recipients, r)
	}
	return k
}

// sign makes the armoured signatures of signers over a message.
func (g *generator) sign(namespace string, message []byte, signers ...ssh.Signer) [][]byte {
	var out [][]byte
	for _, s := range signers {
		sig, err := sshsig.Sign(s, namespace, message)
		g.must(err)
		out = append(out, sig)
	}
	return out
}
