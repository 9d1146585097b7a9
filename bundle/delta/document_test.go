package delta

import (
	"bytes"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestDocumentedExample: the bytes that docs/deltas.md takes apart are those of the vector.
func TestDocumentedExample(t *testing.T) {
	doc, err := os.ReadFile("../../docs/deltas.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(doc), "<!-- example: begin -->\n```\n")
	listing, _, ended := strings.Cut(rest, "```\n<!-- example: end -->")
	if !ok || !ended {
		t.Fatal("docs/deltas.md shows no example")
	}
	var got []byte
	for line := range strings.Lines(listing) {
		digits, meaning, _ := strings.Cut(line, "|")
		part, err := hex.DecodeString(strings.ReplaceAll(digits, " ", ""))
		if err != nil || strings.TrimSpace(meaning) == "" {
			t.Fatalf("%q is not bytes and what they mean: %v", line, err)
		}
		got = append(got, part...)
	}
	want, err := os.ReadFile(filepath.Join(vectorDir, "zip.delta"))
	if err != nil || len(want) == 0 {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("docs/deltas.md shows\n%X, zip.delta is\n%X", got, want)
	}
}
