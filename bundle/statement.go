package bundle

import (
	"bytes"
	"encoding/json"
	"fmt"

	"packlift/internal/manifest"
)

// ToolProduct is the name of the tool that statements speak of.
const ToolProduct = "packlift-import"

// Statement says what a tool binary is. It is signed under packlift-tool@v1.
type Statement struct {
	Tool    string          `json:"tool"`
	OS      string          `json:"os"`
	Arch    string          `json:"arch"`
	Version string          `json:"version"`
	Size    int64           `json:"size"`
	SHA256  manifest.Digest `json:"sha256"`
}

// Describes reports whether the statement speaks of t.
func (s *Statement) Describes(t Tool) bool {
	return s.Tool == ToolProduct && Tool{s.OS, s.Arch, s.Version, s.Size, s.SHA256} == t
}

// Marshal gives the canonical form: compact JSON and a newline.
func (s *Statement) Marshal() []byte {
	b, err := compact(s)
	if err != nil {
		return nil // strings, a number and a digest always marshal
	}
	return append(b, '\n')
}

// ParseStatement reads a statement in its canonical form. Faults are Tampered,
// of the layer LayerTools.
func ParseStatement(b []byte) (*Statement, error) {
	s, err := parseStatement(b)
	if err != nil {
		return nil, damaged(LayerTools, "statement", err)
	}
	return s, nil
}

func parseStatement(b []byte) (*Statement, error) {
	if len(b) > MaxStatement {
		return nil, fmt.Errorf("has %d bytes, the most is %d", len(b), MaxStatement)
	}
	var s Statement
	if err := json.Unmarshal(b, &s); err != nil {
		return nil, err
	}
	if !bytes.Equal(s.Marshal(), b) {
		return nil, fmt.Errorf("is not in canonical form")
	}
	if s.Tool != ToolProduct {
		return nil, fmt.Errorf("speaks of %.80q, not of %s", s.Tool, ToolProduct)
	}
	t := Tool{s.OS, s.Arch, s.Version, s.Size, s.SHA256}
	return &s, t.check()
}
