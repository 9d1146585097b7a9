package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestBetween(t *testing.T) {
	dir := t.TempDir()
	put := func(name, text string) string {
		full := filepath.Join(dir, name)
		if err := os.WriteFile(full, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return full
	}
	pre, post := put("pre", "1764000000.250000000\n"), put("post", "1764000001.750000000\n")
	if got, err := between(pre, post); err != nil || got.Round(time.Millisecond) != 1500*time.Millisecond {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := between(pre, put("bad", "date")); err == nil {
		t.Error("what is no number passes")
	}
	if _, err := between(pre, filepath.Join(dir, "none")); err == nil {
		t.Error("a file that is missing passes")
	}
}
