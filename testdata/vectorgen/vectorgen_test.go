package vectorgen

import (
	"bytes"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
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
	showExample(t, g)
}

// showExample holds docs/format.md against the good update, or puts it in.
func showExample(t *testing.T, g *generator) {
	name := filepath.Join("..", "..", "docs", "format.md")
	doc, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(g.dir, "good-update.packlift"))
	if err != nil {
		t.Fatal(err)
	}
	front, rest, ok := strings.Cut(string(doc), exampleBegin)
	_, back, ok2 := strings.Cut(rest, exampleEnd)
	if !ok || !ok2 {
		t.Fatal("docs/format.md lacks the marks of the example")
	}
	want := front + exampleBegin + g.example(b) + exampleEnd + back
	if want == string(doc) {
		return
	}
	if !*write {
		t.Error("the example in docs/format.md is not that of good-update.packlift; run make vectors")
	} else if err := os.WriteFile(name, []byte(want), 0o644); err != nil {
		t.Fatal(err)
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
