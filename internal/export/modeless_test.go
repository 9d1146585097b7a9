package export

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A folder tells no modes on Windows; an archive does everywhere.
func TestModelessFoldersAreWarnedOf(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "tree.zip")
	if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := modeless(false, dir); len(got) != 1 || !strings.Contains(got[0], dir+" are taken as 0644") {
		t.Errorf("a folder: %q", got)
	}
	for _, test := range []struct {
		keeps bool
		tree  string
	}{{true, dir}, {false, file}, {false, ""}, {false, filepath.Join(dir, "gone")}} {
		if got := modeless(test.keeps, test.tree); got != nil {
			t.Errorf("%+v: %q", test, got)
		}
	}
}
