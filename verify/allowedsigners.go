package verify

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/crypto/ssh"

	"packlift/bundle/sshsig"
	"packlift/internal/fault"
	"packlift/internal/safepath"
)

// maxKeyLine is the longest line of allowed_signers or revoked_keys, in bytes.
const maxKeyLine = 16 << 10

// signer is one principal and its one key.
type signer struct {
	principal  string
	key        ssh.PublicKey
	namespaces []string  // patterns; nil: every namespace
	after      time.Time // zero: no limit
	before     time.Time // zero: no limit
}

// parseAllowedSigners reads ssh-keygen(1)'s ALLOWED SIGNERS format, narrowed:
// each line names one principal (no list, no pattern) and each principal one
// key, no key stands twice, certificate authorities are refused.
func parseAllowedSigners(b []byte) ([]signer, map[string]int, error) {
	var out []signer
	byKey := map[string]int{}
	var names safepath.Collisions
	err := eachLine(b, func(line string) error {
		s, err := parseSignerLine(line)
		if err != nil {
			return err
		}
		if err := names.Add(s.principal); err != nil {
			return fmt.Errorf("one line and one key a principal: %w", err)
		}
		wire := string(s.key.Marshal())
		if i, ok := byKey[wire]; ok {
			return fmt.Errorf("the key of %s is the key of %s as well; a key belongs to one principal", s.principal, out[i].principal)
		}
		if len(out) == MaxPrincipals {
			return fmt.Errorf("more than %d principals", MaxPrincipals)
		}
		byKey[wire] = len(out)
		out = append(out, *s)
		return nil
	})
	if err == nil && len(out) == 0 {
		err = errors.New("names no principal")
	}
	return out, byKey, err
}

// eachLine calls f with each line that is neither empty nor a comment, and
// puts the line's number in front of its error.
func eachLine(b []byte, f func(line string) error) error {
	for n, line := range numbered(b) {
		err := checkLine(line)
		if s := strings.Trim(string(line), " \t"); err == nil && s != "" && s[0] != '#' {
			err = f(s)
		}
		if err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
	}
	return nil
}

func numbered(b []byte) iter.Seq2[int, []byte] {
	return func(yield func(int, []byte) bool) {
		n := 0
		for line := range bytes.Lines(b) {
			n++
			if !yield(n, bytes.TrimSuffix(line, []byte{'\n'})) {
				return
			}
		}
	}
}

// checkLine refuses what editors or attackers hide in a line: a reader must
// see what the program sees.
func checkLine(line []byte) error {
	if len(line) > maxKeyLine {
		return fmt.Errorf("longer than %d bytes", maxKeyLine)
	}
	if !utf8.Valid(line) {
		return errors.New("is not UTF-8")
	}
	if bytes.HasSuffix(line, []byte{'\r'}) {
		return errors.New("ends in a carriage return; save the file with Unix line ends")
	}
	for _, r := range string(line) {
		if r != '\t' && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)) {
			return fmt.Errorf("holds the control character %U", r)
		}
	}
	return nil
}

func parseSignerLine(line string) (*signer, error) {
	principal, rest := cutField(line)
	if err := CheckPrincipal(principal); err != nil {
		return nil, err
	}
	s := &signer{principal: principal}
	// As in ssh-keygen: what is not a key is a list of options, then the key.
	if first, _ := cutField(rest); !isKeyType(first) {
		options, after, err := cutOptions(rest)
		if err != nil {
			return nil, err
		}
		if err := s.setOptions(options); err != nil {
			return nil, err
		}
		rest = after
	}
	key, err := parseKey(rest)
	if err != nil {
		return nil, err
	}
	s.key = key
	return s, sshsig.CheckKey(key)
}

// CheckPrincipal returns an error unless name can be a principal: 1 to 64 of
// a-z A-Z 0-9 . _ + @ -, starting with a letter or digit, and a file name on
// every platform (signature files are named after signers).
func CheckPrincipal(name string) error {
	if strings.ContainsAny(name, "*?!") {
		return fmt.Errorf("principal %.80q is a pattern; name one principal", name)
	}
	if strings.Contains(name, ",") {
		return fmt.Errorf("principal %.80q is a list; name one principal a line", name)
	}
	if len(name) == 0 || len(name) > 64 {
		return fmt.Errorf("principal %.80q has not 1 to 64 characters", name)
	}
	for i, c := range name {
		alnum := c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !alnum && (i == 0 || !strings.ContainsRune("._+@-", c)) {
			return fmt.Errorf("principal %.80q: use a-z A-Z 0-9 . _ + @ -, and start with a letter or digit", name)
		}
	}
	return safepath.Check(name)
}

func isKeyType(s string) bool {
	return strings.HasPrefix(s, "ssh-") || strings.HasPrefix(s, "ecdsa-") || strings.HasPrefix(s, "sk-") ||
		strings.HasPrefix(s, "rsa-sha2-")
}

// parseKey reads "type base64 [comment]".
func parseKey(s string) (ssh.PublicKey, error) {
	kind, rest := cutField(s)
	text, _ := cutField(rest)
	if kind == "" || text == "" {
		return nil, errors.New("holds no public key (type and base64)")
	}
	wire, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("key: %w", err)
	}
	key, err := ssh.ParsePublicKey(wire)
	if err != nil {
		return nil, fmt.Errorf("key: %w", err)
	}
	if key.Type() != kind {
		return nil, fmt.Errorf("key of type %s is called %.40q", key.Type(), kind)
	}
	// Keys are compared by their wire form, so each must have only one.
	if !bytes.Equal(key.Marshal(), wire) {
		return nil, errors.New("key is not in canonical form")
	}
	return key, nil
}

func cutField(s string) (field, rest string) {
	i := strings.IndexAny(s, " \t")
	if i < 0 {
		return s, ""
	}
	return s[:i], strings.TrimLeft(s[i:], " \t")
}

// parseRevokedKeys reads plain public keys, one a line, as `ssh-keygen -Y
// verify -r` does. ssh-keygen's binary lists (KRL) are refused.
func parseRevokedKeys(b []byte) (map[string]bool, error) {
	if bytes.HasPrefix(b, []byte("SSHKRL")) {
		return nil, fault.New(fault.Untrusted, "is a KRL (binary), which is not read").
			WithHint("list the revoked public keys as text, one a line")
	}
	out := map[string]bool{}
	err := eachLine(b, func(line string) error {
		key, err := parseKey(line)
		if err != nil {
			return err
		}
		if len(out) == MaxRevoked {
			return fmt.Errorf("more than %d keys", MaxRevoked)
		}
		out[string(key.Marshal())] = true
		return nil
	})
	return out, err
}
