package export

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"testing"

	"packlift/bundle/delta"
	"packlift/internal/manifest"
)

// oneFile is a tree of one file that can be read anywhere.
type oneFile []byte

type openFile struct{ *bytes.Reader }

func (openFile) Close() error { return nil }

func (s oneFile) entries() []manifest.Entry          { return nil }
func (s oneFile) open(string) (io.ReadCloser, error) { return openFile{bytes.NewReader(s)}, nil }
func (s oneFile) Close() error                       { return nil }

// TestComparingEnds: a delta of large files that is being made ends when the run does.
func TestComparingEnds(t *testing.T) {
	p := oneFile(bytes.Repeat([]byte("some content that is compared "), 20000))
	content := delta.Content{Size: int64(len(p)), SHA256: sha256.Sum256(p)}
	ctx, cancel := context.WithCancel(context.Background())
	data, done, err := readable(ctx, p, "f", content.Size)
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	b := delta.Blob{Content: content, Data: data}
	if _, err := delta.Make(b, []delta.Blob{b}, delta.Options{}); err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := delta.Make(b, []delta.Blob{b}, delta.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("a delta of an ended run gives %v", err)
	}
	if _, err := sketchOf(ctx, p, "f"); !errors.Is(err, context.Canceled) {
		t.Errorf("a sketch of an ended run gives %v", err)
	}
}
