package export

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestStreamCache(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "cache")
	c := openCache(dir)
	if c.Get("a") != nil {
		t.Error("an empty cache gives something")
	}
	c.Put("a", []byte("stream"))
	if string(c.Get("a")) != "stream" {
		t.Error("what was put is not there")
	}
	for what, b := range map[string]string{"short": "x", "empty": ""} {
		if err := os.WriteFile(filepath.Join(dir, "b"), []byte(b), 0o600); err != nil {
			t.Fatal(err)
		}
		if c.Get("b") != nil {
			t.Errorf("a %s entry is taken", what)
		}
	}
	b, err := os.ReadFile(filepath.Join(dir, "a"))
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)-1] ^= 1
	if err := os.WriteFile(filepath.Join(dir, "a"), b, 0o600); err != nil {
		t.Fatal(err)
	}
	if c.Get("a") != nil {
		t.Error("a damaged entry is taken")
	}
	for i := range mostStreams + 3 {
		name := fmt.Sprintf("s%02d", i)
		c.Put(name, []byte{1})
		if err := c.root.Chtimes(name, time.Unix(2e9+int64(i), 0)); err != nil {
			t.Fatal(err)
		}
	}
	c.close()
	list, err := os.ReadDir(dir)
	if err != nil || len(list) != mostStreams || list[0].Name() != "s03" {
		t.Errorf("%d are left, the first is %v (%v)", len(list), list[0], err)
	}
	if openCache("") != nil || openCache(filepath.Join(dir, "s10", "below")) != nil {
		t.Error("a cache that cannot be is opened")
	}
}
