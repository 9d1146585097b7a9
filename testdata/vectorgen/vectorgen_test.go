package vectorgen

import (
	"bytes"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"testing/cryptotest"
)

var write = flag.Bool("write", false, "write testdata/vectors anew")

func TestVectors(t *testing.T) {
	cryptotest.SetGlobalRandom(t, 1)
	dir := filepath.Join("..", "vectors")
	g := &generator{t: t, keys: readKeys(t, filepath.Join("..", "keys")), dir: dir}
	if !*write {
		g.dir = t.TempDir()
	} else if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	g.must(os.MkdirAll(g.dir, 0o755))
	g.all()
	t.Logf("%d vectors, %d bytes", len(g.vectors), g.bytes)
	if !*write {
		same(t, g.dir, dir)
		same(t, dir, g.dir)
	}
}

// same fails for each file of a that b lacks or holds otherwise.
func same(t *testing.T, a, b string) {
	err := filepath.WalkDir(a, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(a, path)
		if err != nil {
			return err
		}
		one, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if two, err := os.ReadFile(filepath.Join(b, rel)); err != nil || !bytes.Equal(one, two) {
			t.Errorf("%s differs from what the generator writes: %v", rel, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
