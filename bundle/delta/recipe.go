package delta

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
)

// Limits of a recipe.
const (
	MaxBases  = 16
	MaxSize   = 1 << 40 // bytes of a result or base
	MaxRecipe = 1024    // bytes of a recipe
)

var magic = []byte("PLD\x01")

// Content names a content by its size and digest.
type Content struct {
	Size   int64
	SHA256 [sha256.Size]byte
}

// Recipe says what a delta makes, and of which contents.
type Recipe struct {
	Result Content
	Bases  []Content
}

// Marshal gives the recipe in its one spelling.
func (r Recipe) Marshal() []byte {
	out := r.Result.append(bytes.Clone(magic))
	out = binary.AppendUvarint(out, uint64(len(r.Bases)))
	for _, b := range r.Bases {
		out = b.append(out)
	}
	return out
}

func (c Content) append(out []byte) []byte {
	return append(binary.AppendUvarint(out, uint64(c.Size)), c.SHA256[:]...)
}

// ParseRecipe reads a recipe from the front of p and returns its length.
func ParseRecipe(p []byte) (Recipe, int, error) {
	var r Recipe
	if !bytes.HasPrefix(p, magic) {
		return r, 0, errors.New("delta: not a delta of a known version")
	}
	rest, err := r.Result.parse(p[len(magic):])
	if err != nil {
		return r, 0, err
	}
	n, used := binary.Uvarint(rest)
	if used <= 0 || n > MaxBases {
		return r, 0, errors.New("delta: a number of bases out of bounds")
	}
	rest = rest[used:]
	r.Bases = make([]Content, n)
	for i := range r.Bases {
		if rest, err = r.Bases[i].parse(rest); err != nil {
			return r, 0, err
		}
	}
	size := len(p) - len(rest)
	if !bytes.Equal(r.Marshal(), p[:size]) {
		return r, 0, errors.New("delta: a recipe that is not canonical")
	}
	return r, size, nil
}

func (c *Content) parse(p []byte) ([]byte, error) {
	n, used := binary.Uvarint(p)
	if used <= 0 || n > MaxSize {
		return nil, fmt.Errorf("delta: a size out of bounds")
	}
	p = p[used:]
	if len(p) < len(c.SHA256) {
		return nil, errors.New("delta: a recipe that ends too early")
	}
	c.Size = int64(n)
	copy(c.SHA256[:], p)
	return p[len(c.SHA256):], nil
}
