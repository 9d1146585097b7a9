package bundle

import (
	"bytes"
	"io"
	"testing"

	"filippo.io/age"

	"packlift/bundle/xzpar"
	"packlift/internal/fault"
	"packlift/internal/manifest"
)

// TestToolsBomb reads tools of a later format, whose plain size nobody stated,
// that unpack to more than the cap.
func TestToolsBomb(t *testing.T) {
	var stream, stored bytes.Buffer
	w := xzpar.NewWriter(&stream, xzpar.WriterOptions{Jobs: 1})
	w.Write(make([]byte, xzpar.StreamSize))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	a, err := age.Encrypt(&stored, identity.Recipient())
	if err != nil {
		t.Fatal(err)
	}
	for range MaxPlainTools/xzpar.StreamSize + 1 {
		a.Write(stream.Bytes())
	}
	a.Close()
	m := Member{ToolsName, 0, int64(stored.Len())}
	part, err := OpenPart(bytes.NewReader(stored.Bytes()), m, []manifest.Digest{manifest.Sum(stored.Bytes())}, nil, nil, []age.Identity{identity}, ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer part.Close()
	n, err := io.Copy(io.Discard, part)
	if n > MaxPlainTools || LayerOf(err) != LayerXZ || fault.ClassOf(err) != fault.Tampered {
		t.Errorf("%d bytes came out, %v", n, err)
	}
}
