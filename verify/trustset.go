package verify

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"packlift/internal/fault"
	"packlift/internal/manifest"
)

// The files of a trust set, all three of which must be there, sorted.
const (
	AllowedSignersFile = "allowed_signers"
	PolicyFile         = "policy.json"
	RevokedKeysFile    = "revoked_keys"
)

// The namespaces that packlift signs under.
const (
	NamespaceBundle  = "packlift-bundle@v1"
	NamespaceTool    = "packlift-tool@v1"
	NamespaceTrust   = "packlift-trust@v1"
	NamespaceReceipt = "packlift-receipt@v1"
	NamespaceDepot   = "packlift-depot@v1"
)

// Caps on a trust set.
const (
	MaxTrustFile  = 1 << 20 // bytes a file
	MaxPrincipals = 1024
	MaxRevoked    = 8192
	MaxRoles      = 64
	MaxNamespaces = 64
	MaxProducts   = 1024
)

// TrustSet says who may sign what: principals with their keys, revoked keys
// and the policy. It is immutable; ParseTrustSet is its only maker.
type TrustSet struct {
	files   map[string][]byte
	signers []signer        // in the file's order
	byKey   map[string]int  // wire form of the key → index into signers
	revoked map[string]bool // wire form of the key
	policy  policy
}

// ParseTrustSet reads the three files of a trust set from the top of fsys;
// other files there are ignored. Errors are of class fault.Untrusted and name
// file, line and cause.
func ParseTrustSet(fsys fs.FS) (*TrustSet, error) {
	files := map[string][]byte{}
	for _, name := range []string{AllowedSignersFile, PolicyFile, RevokedKeysFile} {
		b, err := readCapped(fsys, name)
		if err != nil {
			return nil, unreadable(name, err)
		}
		files[name] = b
	}
	return parseTrustFiles(files)
}

func parseTrustFiles(files map[string][]byte) (*TrustSet, error) {
	t := &TrustSet{files: files}
	var err error
	if t.signers, t.byKey, err = parseAllowedSigners(files[AllowedSignersFile]); err != nil {
		return nil, trustFault(AllowedSignersFile, err)
	}
	if t.revoked, err = parseRevokedKeys(files[RevokedKeysFile]); err != nil {
		return nil, trustFault(RevokedKeysFile, err)
	}
	if t.policy, err = parsePolicy(files[PolicyFile], t.signers); err != nil {
		return nil, trustFault(PolicyFile, err)
	}
	return t, nil
}

func trustFault(name string, err error) error {
	e := fault.New(fault.Untrusted, "trust set: %s: %w", name, err)
	if hint := fault.HintOf(err); hint != "" {
		return e.WithHint("%s", hint)
	}
	if name == RevokedKeysFile {
		return e.WithHint("each line is one public key as in a .pub file, or begins with #")
	}
	return e.WithHint("get the trust set again from its maker")
}

// unreadable is the fault of a file that could not be read at all.
func unreadable(name string, err error) error {
	e := fault.New(fault.Untrusted, "trust set: %s: %w", name, err)
	if errors.Is(err, fs.ErrNotExist) {
		return e.WithHint("a trust set is a folder with %s, %s and %s; make one with packlift-export trust new",
			AllowedSignersFile, PolicyFile, RevokedKeysFile)
	}
	return e.WithHint("each of the three is a file of at most %d bytes that can be read; get the trust set again from its maker", MaxTrustFile)
}

func readCapped(fsys fs.FS, name string) ([]byte, error) {
	if s, ok := fsys.(fs.StatFS); ok { // which may wait for a pipe when it opens one
		if err := isRegular(s.Stat(name)); err != nil {
			return nil, err
		}
	}
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if err := isRegular(f.Stat()); err != nil { // what is open, whatever has the name by now
		return nil, err
	}
	b, err := io.ReadAll(io.LimitReader(f, MaxTrustFile+1))
	if err == nil && len(b) > MaxTrustFile {
		err = fmt.Errorf("longer than %d bytes", MaxTrustFile)
	}
	return b, err
}

func isRegular(info fs.FileInfo, err error) error {
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("is not a regular file")
	}
	return err
}

// Fingerprint is the set's name: "SHA256:" and the unpadded base64 of the
// SHA-256 over what `sha256sum allowed_signers policy.json revoked_keys`
// prints in the set's folder. Stock tools give the same:
//
//	sha256sum allowed_signers policy.json revoked_keys | openssl dgst -sha256 -binary | base64
func (t *TrustSet) Fingerprint() string {
	if t.zero() {
		return ""
	}
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(t.files)) {
		fmt.Fprintf(h, "%s  %s\n", manifest.Sum(t.files[name]), name)
	}
	return "SHA256:" + base64.RawStdEncoding.EncodeToString(h.Sum(nil))
}

// Rule says how many of which role must sign under a namespace, as in
// "2 of vendor, 1 of site"; "" where it has no rule, and nothing passes.
func (t *TrustSet) Rule(namespace string) string {
	rule := t.policy.Namespaces[namespace]
	var words []string
	for _, role := range slices.Sorted(maps.Keys(rule)) {
		words = append(words, fmt.Sprintf("%d of %s", rule[role], role))
	}
	return strings.Join(words, ", ")
}

// Files gives a copy of the set's files, name to content.
func (t *TrustSet) Files() map[string][]byte {
	out := map[string][]byte{}
	if t.zero() {
		return out
	}
	for name, b := range t.files {
		out[name] = bytes.Clone(b)
	}
	return out
}

func (t *TrustSet) zero() bool { return t == nil || t.byKey == nil }
