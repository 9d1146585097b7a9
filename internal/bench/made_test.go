package main

import (
	"archive/zip"
	"io"
	"path/filepath"
	"strings"
	"testing"
)

// TestMadeTrees: two levels differ as said, made twice they are the same, the
// front of a large product is a small one, and jars can be read.
func TestMadeTrees(t *testing.T) {
	n := 202
	a, b, c, d := t.TempDir(), t.TempDir(), t.TempDir(), t.TempDir()
	for _, err := range []error{makeTrees(a, b, n), makeTrees(c, d, n-50)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	changed, _, err := changes(a, b)
	if want := n / 101 * (4 + 1 + 1); err != nil || len(changed) != want {
		t.Errorf("%d files differ instead of %d: %v", len(changed), want, err)
	}
	gone, _, err := changes(b, a)
	if want := n / 101 * (4 + 1 + 1); err != nil || len(gone) != want {
		t.Errorf("the other way %d files differ instead of %d: %v", len(gone), want, err)
	}
	for small, all := range map[string]string{c: a, d: b} {
		if differ, _, err := changes(all, small); err != nil || len(differ) > 0 {
			t.Errorf("%d files of a small product are not in a large one: %v", len(differ), err)
		}
	}
	files, size, err := treeSize(b)
	if mean := size / int64(files); err != nil || mean < meanSize*3/4 || mean > meanSize*5/4 {
		t.Errorf("a file has %d bytes at the mean: %v", mean, err)
	}
	for _, name := range changed {
		if strings.HasSuffix(name, ".jar") {
			readJar(t, filepath.Join(b, name))
		}
	}
}

func readJar(t *testing.T, name string) {
	t.Helper()
	r, err := zip.OpenReader(name)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for _, f := range r.File {
		e, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		if n, err := io.Copy(io.Discard, e); err != nil || n == 0 {
			t.Fatalf("%s %s: %d bytes, %v", name, f.Name, n, err)
		}
	}
}
