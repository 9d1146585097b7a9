package xzpar

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"
)

// What one Compressor writes, content after content, a Sequential reads back.
func TestCompressor(t *testing.T) {
	c := NewCompressor(true)
	for _, text := range []string{"a", strings.Repeat("some words ", 1000), strings.Repeat("x", StreamSize+7), strings.Repeat("y", StreamSize), "b"} {
		var out bytes.Buffer
		packed, plain, err := c.Compress(&out, strings.NewReader(text))
		if err != nil || packed != int64(out.Len()) || plain != int64(len(text)) {
			t.Fatalf("%d bytes: %d packed, %d plain: %v", len(text), packed, plain, err)
		}
		got, err := io.ReadAll(NewSequential(context.Background(), &out))
		if err != nil || string(got) != text {
			t.Errorf("%d bytes came back as %d: %v", len(text), len(got), err)
		}
	}
	if _, _, err := c.Compress(io.Discard, strings.NewReader("")); err == nil {
		t.Error("nothing was compressed, and no error told")
	}
}
