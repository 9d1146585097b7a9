package verify

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"packlift/internal/fault"
)

// Namespaces are those that a new trust set has rules for.
var Namespaces = []string{NamespaceBundle, NamespaceTool, NamespaceTrust, NamespaceReceipt, NamespaceDepot}

// NewSigner is one signer of a new trust set. Key is a public key as in a
// .pub file: "type base64 [comment]".
type NewSigner struct {
	Name string
	Key  []byte
}

// NewTrust describes a new trust set. Policy gives for a namespace how many of
// which role must sign. Of a namespace left out any one signer will do, but
// packlift-trust@v1 and packlift-depot@v1 follow packlift-bundle@v1: who may change the
// set, or say what bundles are made of, must not be fewer than who may sign these. A tool needs no more than one, as it lies inside a
// bundle that the bundle's rule covers whole. Products empty: any product.
type NewTrust struct {
	Signers  []NewSigner
	Roles    map[string][]string
	Policy   map[string]map[string]int
	Products []string
}

// NewTrustSet gives the files of a new trust set, name to content. They have
// passed ParseTrustSet; what is wrong with o is of class fault.Usage.
func NewTrustSet(o NewTrust) (map[string][]byte, error) {
	signers, err := o.allowedSigners()
	if err != nil {
		return nil, err
	}
	policy, err := o.policyFile()
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{
		AllowedSignersFile: signers,
		PolicyFile:         policy,
		RevokedKeysFile:    []byte("# Public keys that no longer count, one a line, as in a .pub file.\n"),
	}
	if _, err := parseTrustFiles(files); err != nil {
		return nil, fault.New(fault.Usage, "%w", err)
	}
	return files, nil
}

func (o *NewTrust) allowedSigners() ([]byte, error) {
	b := bytes.NewBufferString("# One principal and its key a line; options as in ssh-keygen(1), ALLOWED SIGNERS.\n")
	for _, s := range o.Signers {
		key := strings.TrimSpace(string(s.Key))
		if strings.ContainsAny(key, "\r\n") {
			return nil, fault.New(fault.Usage, "signer %s: the key file holds more than one line", s.Name).
				WithHint("give the .pub file of one key, not the private key")
		}
		if first, _ := cutField(key); !isKeyType(first) {
			return nil, fault.New(fault.Usage, "signer %s: the file is not an OpenSSH public key", s.Name).
				WithHint("give the .pub file that keygen or ssh-keygen wrote")
		}
		fmt.Fprintf(b, "%s %s\n", s.Name, key)
	}
	return b.Bytes(), nil
}

func (o *NewTrust) policyFile() ([]byte, error) {
	p := policy{Roles: o.Roles, Namespaces: map[string]map[string]int{}, Products: o.Products}
	if p.Roles == nil {
		p.Roles = map[string][]string{}
	}
	for _, ns := range Namespaces {
		p.Namespaces[ns] = map[string]int{RoleAny: 1}
	}
	if rule := o.Policy[NamespaceBundle]; rule != nil {
		p.Namespaces[NamespaceTrust], p.Namespaces[NamespaceDepot] = rule, rule
	}
	for _, ns := range slices.Sorted(maps.Keys(o.Policy)) {
		if p.Namespaces[ns] == nil {
			return nil, fault.New(fault.Usage, "policy: namespace %q is unknown", ns).
				WithHint("use one of %s", strings.Join(Namespaces, ", "))
		}
		p.Namespaces[ns] = o.Policy[ns]
	}
	b, err := json.MarshalIndent(p, "", "  ")
	return append(b, '\n'), err
}
