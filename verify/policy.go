package verify

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"packlift/internal/manifest"
)

// RoleAny is the role that every principal has; a policy cannot redefine it.
const RoleAny = "any"

// policy is policy.json. Roles list principals; Namespaces say how many
// distinct keys of which role must sign; Products, when not empty, are the
// only products (NAME, or NAME-VERSION) the set speaks for.
type policy struct {
	Roles      map[string][]string       `json:"roles"`
	Namespaces map[string]map[string]int `json:"namespaces"`
	Products   []string                  `json:"products,omitempty"`
}

func parsePolicy(b []byte, signers []signer) (policy, error) {
	var p policy
	if err := strictJSON(b, &p); err != nil {
		return p, err
	}
	known := map[string]bool{}
	for _, s := range signers {
		known[s.principal] = true
	}
	for _, check := range []func() error{
		func() error { return p.checkRoles(known) },
		func() error { return p.checkNamespaces(len(known)) },
		p.checkProducts,
	} {
		if err := check(); err != nil {
			return p, err
		}
	}
	return p, nil
}

// strictJSON reads one JSON value into v: keys known, none twice, nothing after it.
func strictJSON(b []byte, v any) error {
	if err := noDuplicates(json.NewDecoder(bytes.NewReader(b)), 0); err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("bytes follow the JSON value")
	}
	return nil
}

// maxDepth caps nesting; a policy needs three.
const maxDepth = 8

// noDuplicates walks one value. encoding/json takes the last of two equal
// keys, and matches keys whatever their case: both let a reader see one
// policy and the program another.
func noDuplicates(d *json.Decoder, depth int) error {
	t, err := d.Token()
	if err != nil {
		return err
	}
	open, ok := t.(json.Delim)
	if !ok {
		return nil
	}
	if depth == maxDepth {
		return fmt.Errorf("nested deeper than %d", maxDepth)
	}
	seen := map[string]bool{}
	for d.More() {
		if open == '{' {
			if err := nextKey(d, seen); err != nil {
				return err
			}
		}
		if err := noDuplicates(d, depth+1); err != nil {
			return err
		}
	}
	_, err = d.Token()
	return err
}

func nextKey(d *json.Decoder, seen map[string]bool) error {
	t, err := d.Token()
	if err != nil {
		return err
	}
	key, ok := t.(string)
	if !ok || key != strings.ToLower(key) && isPolicyKey(key) {
		return fmt.Errorf("key %.80v is misspelt", t)
	}
	if seen[key] {
		return fmt.Errorf("key %.80q stands twice", key)
	}
	seen[key] = true
	return nil
}

func isPolicyKey(key string) bool {
	return slices.ContainsFunc([]string{"roles", "namespaces", "products"}, func(k string) bool { return strings.EqualFold(k, key) })
}

func (p *policy) checkRoles(known map[string]bool) error {
	if len(p.Roles) > MaxRoles {
		return fmt.Errorf("more than %d roles", MaxRoles)
	}
	for _, role := range slices.Sorted(maps.Keys(p.Roles)) {
		if err := CheckPrincipal(role); err != nil || role == RoleAny {
			return fmt.Errorf("role %.80q is reserved or has no fit name", role)
		}
		seen := map[string]bool{}
		for _, m := range p.Roles[role] {
			if !known[m] {
				return fmt.Errorf("role %q lists %.80q, whom %s does not know", role, m, AllowedSignersFile)
			}
			if seen[m] {
				return fmt.Errorf("role %q lists %q twice", role, m)
			}
			seen[m] = true
		}
		if len(seen) == 0 {
			return fmt.Errorf("role %q has no member", role)
		}
	}
	return nil
}

func (p *policy) checkNamespaces(principals int) error {
	if len(p.Namespaces) == 0 {
		return errors.New("asks for no signature in any namespace; such a policy never passes")
	}
	if len(p.Namespaces) > MaxNamespaces {
		return fmt.Errorf("more than %d namespaces", MaxNamespaces)
	}
	for _, ns := range slices.Sorted(maps.Keys(p.Namespaces)) {
		if !namespaceName(ns) {
			return fmt.Errorf("namespace %.80q is not of the form packlift-…@v1", ns)
		}
		if err := p.checkRule(p.Namespaces[ns], principals); err != nil {
			return fmt.Errorf("namespace %q: %w", ns, err)
		}
	}
	return nil
}

// namespaceName lets namespaces of later tools pass: they are not used here.
func namespaceName(ns string) bool {
	name, version, ok := strings.Cut(ns, "@v")
	return ok && len(ns) <= 64 && strings.HasPrefix(name, "packlift-") && len(name) > len("packlift-") &&
		strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == "" &&
		version != "" && strings.Trim(version, "0123456789") == ""
}

func (p *policy) checkRule(rule map[string]int, principals int) error {
	if len(rule) == 0 {
		return errors.New("asks for no signature; such a rule never passes")
	}
	for _, role := range slices.Sorted(maps.Keys(rule)) {
		members, ok := len(p.Roles[role]), p.Roles[role] != nil
		if role == RoleAny {
			members, ok = principals, true
		}
		if n := rule[role]; !ok {
			return fmt.Errorf("role %.80q is not defined", role)
		} else if n < 1 {
			return fmt.Errorf("asks for %d of role %q; the least is 1", n, role)
		} else if n > members {
			return fmt.Errorf("asks for %d of role %q, which has %d", n, role, members)
		}
	}
	return nil
}

func (p *policy) checkProducts() error {
	if p.Products != nil && len(p.Products) == 0 {
		return errors.New("products is an empty list; leave it out for any product")
	}
	if len(p.Products) > MaxProducts {
		return fmt.Errorf("more than %d products", MaxProducts)
	}
	for _, s := range p.Products {
		name, version, err := manifest.SplitProduct(s)
		if err != nil {
			name, version = s, "0"
		}
		if err := manifest.CheckProduct(name, version); err != nil {
			return err
		}
	}
	return nil
}

// speaksFor reports whether the set may judge product, NAME-VERSION or, where
// no version is known, NAME.
func (p *policy) speaksFor(product string) bool {
	name, _, err := manifest.SplitProduct(product)
	if err != nil {
		name = product
	}
	return p.Products == nil || slices.ContainsFunc(p.Products, func(entry string) bool {
		entryName, _, entryErr := manifest.SplitProduct(entry)
		versionless := err != nil && entryErr == nil && entryName == name
		return entry == product || entry == name || versionless
	})
}

// rolesOf lists the roles of a principal, sorted, without RoleAny.
func (p *policy) rolesOf(principal string) []string {
	var out []string
	for _, role := range slices.Sorted(maps.Keys(p.Roles)) {
		if slices.Contains(p.Roles[role], principal) {
			out = append(out, role)
		}
	}
	return out
}
