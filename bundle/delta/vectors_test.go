package delta

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"testing"
)

const vectorDir = "../../testdata/vectors/deltas"

// TestVectors applies a delta of each form, and a fault of each.
func TestVectors(t *testing.T) {
	read := func(name string) []byte {
		b, err := os.ReadFile(filepath.Join(vectorDir, name))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	var list []struct {
		Name, About, Delta, Result string
		Form                       int
		Bases                      []string
		Fault                      bool
	}
	if err := json.Unmarshal(read("deltas.json"), &list); err != nil {
		t.Fatal(err)
	}
	seen, files := map[int]int{}, map[string]bool{"deltas.json": true}
	for _, v := range list {
		var bases []io.ReaderAt
		for _, name := range v.Bases {
			bases = append(bases, bytes.NewReader(read(name)))
			files[name] = true
		}
		files[v.Delta], files[v.Result] = true, true
		d, err := NewReader(bytes.NewReader(read(v.Delta)))
		if err != nil {
			t.Fatalf("%s: %v", v.Name, err)
		}
		first, err := d.Next()
		if err != nil || int(first[0][0]) != v.Form {
			t.Errorf("%s: form %d, want %d, %v", v.Name, first[0][0], v.Form, err)
		}
		d, _ = NewReader(bytes.NewReader(read(v.Delta)))
		var out bytes.Buffer
		err = d.Apply(&out, bases)
		switch {
		case v.Fault && err == nil:
			t.Errorf("%s: %s: not refused", v.Name, v.About)
		case !v.Fault && (err != nil || !bytes.Equal(out.Bytes(), read(v.Result))):
			t.Errorf("%s: %s: %v, or another result", v.Name, v.About, err)
		}
		if v.Fault {
			t.Logf("%s: %v", v.Name, err)
		}
		seen[v.Form]++
	}
	for f := range forms {
		if seen[f] < 2 {
			t.Errorf("form %d has %d vectors", f, seen[f])
		}
	}
	entries, err := os.ReadDir(vectorDir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !files[e.Name()] {
			t.Errorf("%s is not listed", e.Name())
		}
	}
}
