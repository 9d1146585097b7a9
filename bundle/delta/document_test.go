package delta

import (
	"bytes"
	"encoding/hex"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"packlift/bundle/delta/bytediff"
	"packlift/bundle/delta/streams"
	"packlift/bundle/delta/zipfile"
)

// TestDocumentedLimits holds the numbers of docs/deltas.md against the constants.
func TestDocumentedLimits(t *testing.T) {
	doc, err := os.ReadFile("../../docs/deltas.md")
	if err != nil {
		t.Fatal(err)
	}
	for text, value := range map[string]int64{
		"the count of bases (0 to %s)": MaxBases, "A recipe is at most %s bytes": MaxRecipe, "1 to %s bytes in all": streams.MaxSegment, "MUST write at most %s bytes": streams.MaxStep,
		"has at most %s\nbytes, and exactly": MaxInside, "the deepest has depth %s": maxDepth, "the count of items (0 to %s)": maxSources, "pieces of %s bytes": bytediff.MaxPiece,
		"bytes to copy, at most %s": bytediff.MaxPiece, "bytes to take from `extra`, at most %s": bytediff.MaxPiece, "the header (at most %s)": zipfile.MaxGzipHead, "*opens* is a count (0 to %s)": maxOpen,
		"has at most %s times the size": mostRatio, "a count of steps (at most %s)": bytediff.MaxSteps, "count of entries, at most %s": zipfile.MaxEntries, "a count of entries (1 to %s": zipfile.Rows,
		"a count (1 to %s, not": zipfile.Rows, "in one zip file %s": zipfile.MaxStrings, "%s bytes for each entry": zipfile.EntryMemory, "and %s bytes for form 4": bytediff.MaxSteps * bytediff.StepMemory,
		"plain size n is at most %s": aheadSize, "but at most %s; where": aheadMost, "asks for more than %s at once": MaxMemory, "holds back more than %s": MaxInside,
	} {
		if want := strings.Replace(text, "%s", spaced(value), 1); !strings.Contains(string(doc), want) {
			t.Errorf("docs/deltas.md lacks %q", want)
		}
	}
}

// spaced writes a number of five digits and more in groups of three.
func spaced(n int64) string {
	digits := strconv.FormatInt(n, 10)
	if len(digits) < 5 {
		return digits
	}
	out := ""
	for len(digits) > 3 {
		digits, out = digits[:len(digits)-3], " "+digits[len(digits)-3:]+out
	}
	return digits + out
}

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
