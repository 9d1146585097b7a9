package manifest

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// Digest is a SHA-256 (FIPS 180-4), written as 64 lower-case hex digits.
type Digest [sha256.Size]byte

// ParseDigest reads 64 lower-case hex digits and nothing else.
func ParseDigest(s string) (Digest, error) {
	var d Digest
	if len(s) != hex.EncodedLen(len(d)) {
		return d, fmt.Errorf("digest has %d characters, want %d", len(s), hex.EncodedLen(len(d)))
	}
	for _, c := range s {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return d, fmt.Errorf("digest holds %q; it is lower-case hex", c)
		}
	}
	_, err := hex.Decode(d[:], []byte(s))
	return d, err
}

// Sum is the Digest of b.
func Sum(b []byte) Digest { return sha256.Sum256(b) }

// String gives the 64 hex digits.
func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// IsZero reports whether d was never set.
func (d Digest) IsZero() bool { return d == Digest{} }

// MarshalText gives the hex form.
func (d Digest) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads the hex form.
func (d *Digest) UnmarshalText(b []byte) (err error) {
	*d, err = ParseDigest(string(b))
	return err
}
