package vectorgen

import (
	"encoding/json"
	"os"
	"path/filepath"

	"filippo.io/age"
	"golang.org/x/crypto/ssh"

	"packlift/bundle"
	"packlift/verify"
)

// good writes the vectors that every reader accepts whole.
func (g *generator) good() {
	add := func(name, about, identity string, r *recipe) {
		g.add(vector{Name: name, About: about, Identity: identity}, 0, r.build())
	}
	add("good-update", "an update from level 0 to 1 with one tool", "", g.update())
	add("good-delta", "the same with a content told from its old one", "", g.deltaUpdate())
	add("good-full", "a full bundle of level 1 without tools", "", g.full())

	r := g.update()
	r.recipients = g.keys.recipients
	b := r.build()
	g.add(vector{Name: "good-recipients", About: "three recipients: X25519, ssh-ed25519, ssh-rsa"}, 0, b)
	g.vectors = append(g.vectors, g.again("good-recipients", "recipient_ed25519"), g.again("good-recipients", "recipient_rsa"))

	r = g.update()
	scrypt, err := age.NewScryptRecipient(g.keys.passphrase)
	g.must(err)
	scrypt.SetWorkFactor(10)
	r.recipients = []age.Recipient{scrypt}
	add("good-passphrase", "encrypted with a passphrase", "passphrase.txt", r)

	r = g.update()
	r.recipients = []age.Recipient{g.keys.hybrid}
	add("good-postquantum", "a hybrid post-quantum recipient", "pq_identity.txt", r)

	r = g.update()
	r.pack[bundle.PayloadName] = func(b []byte) ([]byte, []bundle.Stream) { return g.streams(b[:1], b[1:700], b[700:]) }
	add("good-streams", "a payload cut into three xz streams", "", r)

	r = g.update()
	r.info.Unknown = map[string]json.RawMessage{"advisory": json.RawMessage(`{"id":"SA-1"}`), "note": json.RawMessage(`"unknown keys are ignored"`)}
	r.info.Critical = []string{"channel", "levels"}
	add("good-unknown-key", "unknown keys that are not critical, known ones that are", "", r)
	g.goodSignatures()
}

// again lists a vector's file a second time, opened with another identity.
func (g *generator) again(name, identity string) vector {
	for _, v := range g.vectors {
		if v.Name == name {
			v.Name, v.Identity = v.Name+"-"+identity, identity
			return v
		}
	}
	g.t.Fatalf("no vector %s", name)
	return vector{}
}

func (g *generator) goodSignatures() {
	r := g.update()
	r.signers = []ssh.Signer{g.keys.vendor, g.keys.site}
	g.add(vector{Name: "good-two-signatures", About: "signed by vendor and site, as the policy asks", Trust: "trust-two"}, 0, r.build())

	r = g.update()
	r.signers = []ssh.Signer{g.keys.stranger, g.keys.vendor}
	g.add(vector{Name: "good-stranger-too", About: "a stranger's signature stands before the vendor's"}, 0, r.build())

	r = g.update()
	var sums []byte
	r.sumsBytes = func(b []byte) []byte { sums = b; return b }
	b := r.build()
	sig := g.sign(verify.NamespaceBundle, sums, g.keys.site)[0]
	g.must(os.MkdirAll(filepath.Join(g.dir, "good-detached.packlift.sigs"), 0o755))
	g.must(os.WriteFile(filepath.Join(g.dir, "good-detached.packlift.sigs", "site.sig"), sig, 0o644))
	g.add(vector{Name: "good-detached", About: "signed by the vendor inside and by the site beside it", Trust: "trust-two",
		Detached: []string{"good-detached.packlift.sigs/site.sig"}}, 0, b)
}
