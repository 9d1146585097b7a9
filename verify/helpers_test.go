package verify

import (
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"golang.org/x/crypto/ssh"

	"packlift/bundle/sshsig"
)

// created is when test bundles are made.
var created = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// person has a key made from their name, so that runs are alike.
func person(t testing.TB, name string) ssh.Signer {
	t.Helper()
	seed := make([]byte, ed25519.SeedSize)
	copy(seed, name)
	s, err := ssh.NewSignerFromKey(ed25519.NewKeyFromSeed(seed))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func keyLine(t testing.TB, name string) string {
	t.Helper()
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(person(t, name).PublicKey())))
}

// set describes a trust set in a test. options are by principal, as in allowed_signers.
type set struct {
	signers []string
	options map[string]string
	revoked []string
	roles   map[string][]string
	rules   map[string]map[string]int
	product []string
}

func anyOne(signers ...string) set { return set{signers: signers} }

func (s set) files(t testing.TB) map[string][]byte {
	t.Helper()
	var allowed, revoked strings.Builder
	for _, name := range s.signers {
		fmt.Fprintln(&allowed, strings.Join(slices.DeleteFunc([]string{name, s.options[name], keyLine(t, name)}, func(f string) bool { return f == "" }), " "))
	}
	for _, name := range s.revoked {
		fmt.Fprintln(&revoked, keyLine(t, name))
	}
	p := policy{Roles: s.roles, Namespaces: map[string]map[string]int{NamespaceBundle: {RoleAny: 1}, NamespaceTool: {RoleAny: 1}}, Products: s.product}
	maps.Copy(p.Namespaces, s.rules)
	b, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	return map[string][]byte{AllowedSignersFile: []byte(allowed.String()), RevokedKeysFile: []byte(revoked.String()), PolicyFile: b}
}

func (s set) parse(t testing.TB) *TrustSet {
	t.Helper()
	ts, err := ParseTrustSet(asFS(s.files(t)))
	if err != nil {
		t.Fatal(err)
	}
	return ts
}

func asFS(files map[string][]byte) fstest.MapFS {
	out := fstest.MapFS{}
	for name, b := range files {
		out[name] = &fstest.MapFile{Data: b}
	}
	return out
}

func signText(t testing.TB, namespace string, message []byte, names ...string) [][]byte {
	t.Helper()
	var out [][]byte
	for _, n := range names {
		b, err := sshsig.Sign(person(t, n), namespace, message)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, b)
	}
	return out
}

func signed(t testing.TB, namespace string, message []byte, names ...string) []*sshsig.Signature {
	t.Helper()
	var out []*sshsig.Signature
	for _, b := range signText(t, namespace, message, names...) {
		s, err := sshsig.Parse(b)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, s)
	}
	return out
}
