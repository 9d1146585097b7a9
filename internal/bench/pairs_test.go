package main

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

func durations(seconds ...int) (out []time.Duration) {
	for _, s := range seconds {
		out = append(out, time.Duration(s)*time.Second)
	}
	return out
}

func lay(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		full := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestPairs: bsdiff gets the old file of the same name, of the same name of another version, or none.
func TestPairs(t *testing.T) {
	tr := &trees{
		oldTree: lay(t, map[string]string{"lib/a-1.2.0.jar": "a", "same": "1", "stays": "x", "gone": "g"}),
		newTree: lay(t, map[string]string{"lib/a-1.3.0.jar": "b", "same": "2", "stays": "x", "fresh": "f"}),
	}
	var err error
	if tr.changed, tr.bytes, err = changes(tr.oldTree, tr.newTree); err != nil || tr.bytes != 3 || len(tr.changed) != 3 {
		t.Fatal(tr.changed, tr.bytes, err)
	}
	matched, alone := pairs(tr)
	if !slices.Equal(matched, []pair{{"lib/a-1.2.0.jar", "lib/a-1.3.0.jar"}, {"same", "same"}}) || !slices.Equal(alone, []string{"fresh"}) {
		t.Error(matched, alone)
	}
}

// TestEqualTrees: files that differ, lack or are too many are told.
func TestEqualTrees(t *testing.T) {
	want := lay(t, map[string]string{"a": "1", "b/c": "2"})
	for _, c := range []struct {
		files map[string]string
		equal bool
	}{
		{map[string]string{"a": "1", "b/c": "2", "updates/x": "3"}, true},
		{map[string]string{"a": "1", "b/c": "3"}, false},
		{map[string]string{"a": "1"}, false},
		{map[string]string{"a": "1", "b/c": "2", "d": ""}, false},
	} {
		if err := equalTrees(lay(t, c.files), want, "updates"); (err == nil) != c.equal {
			t.Errorf("%v: %v", c.files, err)
		}
	}
}
