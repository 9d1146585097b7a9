package sigfiles

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"packlift/internal/fault"
)

func folder(t *testing.T, files map[string]int) string {
	t.Helper()
	bundle := filepath.Join(t.TempDir(), "b.packlift")
	if err := os.Mkdir(Dir(bundle), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, size := range files {
		if err := os.WriteFile(filepath.Join(Dir(bundle), name), make([]byte, size), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return bundle
}

func TestRead(t *testing.T) {
	got, err := Read(folder(t, map[string]int{"02.sig": 2, "01.sig": MaxSize, "._01.sig": 3, "note.txt": 4}))
	if err != nil || len(got) != 2 || len(got[0]) != MaxSize || len(got[1]) != 2 {
		t.Errorf("%d signatures, %v", len(got), err)
	}
	if got, err := Read(filepath.Join(t.TempDir(), "none")); err != nil || len(got) != 0 {
		t.Errorf("no folder gives %d, %v", len(got), err)
	}
}

func TestCaps(t *testing.T) {
	if _, err := Read(folder(t, map[string]int{"01.sig": MaxSize + 1})); err == nil {
		t.Error("a large file passes")
	}
	many := map[string]int{}
	for i := range MaxFiles + 1 {
		many[fmt.Sprintf("%02d.sig", i)] = 1
	}
	if _, err := Read(folder(t, many)); fault.ClassOf(err) != fault.Untrusted {
		t.Errorf("many files give %v", err)
	}
}

func TestOnlyRegularFiles(t *testing.T) {
	bundle := folder(t, map[string]int{"01.sig": 1})
	if err := os.Symlink("01.sig", filepath.Join(Dir(bundle), "02.sig")); err != nil {
		t.Skip("no links here")
	}
	if _, err := Read(bundle); err == nil {
		t.Error("a link passes")
	}
}
