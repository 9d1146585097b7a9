package acceptance

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestBuildIsReproducible builds the project in two folders of different
// length and wants the same bytes.
func TestBuildIsReproducible(t *testing.T) {
	first, second := filepath.Join(t.TempDir(), "a"), filepath.Join(t.TempDir(), "another", "folder")
	for _, top := range []string{first, second} {
		copySource(t, "../..", top)
		if err := build(top, "1.3.0", "out"); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"packlift-export", "packlift-import"} {
		a, errA := os.ReadFile(filepath.Join(first, "out", name+exe()))
		b, errB := os.ReadFile(filepath.Join(second, "out", name+exe()))
		if errA != nil || errB != nil {
			t.Fatal(errA, errB)
		}
		if !bytes.Equal(a, b) {
			t.Errorf("%s: two builds differ", name)
		}
		if bytes.Contains(a, []byte(first)) {
			t.Errorf("%s: holds the name of the folder it was built in", name)
		}
		if !bytes.Contains(a, []byte("packlift-tool-version:1.3.0;")) {
			t.Errorf("%s: holds no version marker", name)
		}
	}
}

// copySource copies what a build reads: Go files, module files, the Makefile, and embedded files.
func copySource(t *testing.T, from, to string) {
	t.Helper()
	err := filepath.WalkDir(from, func(full string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) && full != from {
			return nil // no source: somebody's temporary file, which is gone
		}
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(from, full)
		if d.IsDir() {
			if rel != "." && (strings.HasPrefix(d.Name(), ".") || rel == "bin" || rel == "dist" || rel == "testdata") {
				return fs.SkipDir
			}
			return os.MkdirAll(filepath.Join(to, rel), 0o755)
		}
		if !d.Type().IsRegular() {
			return nil
		}
		data, err := os.ReadFile(full)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, rel), data, 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestVersionOfBuild wants both binaries to say the version they were built with.
func TestVersionOfBuild(t *testing.T) {
	dir := t.TempDir()
	if err := build("../..", "1.2.0", dir); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"packlift-export", "packlift-import"} {
		if r := run(t, dir, filepath.Join(dir, name+exe()), "version"); r.code != 0 || !strings.Contains(r.out, "1.2.0") {
			t.Errorf("%s version: exit code %d\n%s", name, r.code, r.out)
		}
	}
}

// roffMarks are fonts, and what keeps a line from being a request.
var roffMarks = regexp.MustCompile(`\\f[BIRP]|\\&`)

// TestManPages wants a page for each command from the build that `make dist` makes them
// with, with the words of --help.
func TestManPages(t *testing.T) {
	dir := t.TempDir()
	if err := build("../..", "1.3.0", dir, "TAGS=man"); err != nil {
		t.Fatal(err)
	}
	for _, tool := range []string{"packlift-export", "packlift-import"} {
		if r := run(t, dir, filepath.Join(dir, tool+exe()), "man", "man1"); r.code != 0 {
			t.Fatalf("%s man: exit code %d\n%s", tool, r.code, r.out)
		}
	}
	for name, words := range map[string][]string{
		"packlift-import.1": {"SEE ALSO", "apply-update(1)", ", packlift-import-exit-codes(1)"}, "packlift-import-apply-update.1": {"\n--lock-timeout=DURATION\nwait this long while another run holds the pack (default 0s)\n", "\n-h, --help\nhelp"}, "packlift-import-log-verify.1": {"log verify"},
		"packlift-export-create-update.1": {"--from=TREE", "--sign-key=FILE", "--whole\n", "packlift-import_<os>_<arch>[.exe]", "-s 3 -e 10 -r age1"},
		"packlift-import-exit-codes.1":    {"\n   0  done", "130  ", "\npacklift-import help exit-codes\n"},
	} {
		page, err := os.ReadFile(filepath.Join(dir, "man1", name))
		text := roffMarks.ReplaceAllString(strings.ReplaceAll(string(page), `\-`, "-"), "")
		for _, want := range words {
			if err != nil || !strings.Contains(text, want) {
				t.Errorf("%s (%v) lacks %q:\n%s", name, err, want, text)
			}
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "man1", "packlift-import-man.1")); err == nil {
		t.Error("there is a page of the command that writes the pages")
	}
	wantNoLint(t, filepath.Join(dir, "man1"))
}

// wantNoLint wants no fault that mandoc finds; long lines are none.
func wantNoLint(t *testing.T, dir string) {
	t.Helper()
	if _, err := exec.LookPath("mandoc"); err != nil {
		t.Log("mandoc is not installed: the pages are not checked by it")
		return
	}
	pages, err := filepath.Glob(filepath.Join(dir, "*.1"))
	if err != nil || len(pages) < 40 {
		t.Fatalf("%d pages: %v", len(pages), err)
	}
	r := run(t, dir, "mandoc", append([]string{"-T", "lint", "-W", "warning"}, pages...)...)
	for line := range strings.Lines(r.out) {
		t.Error(strings.TrimSpace(line))
	}
}
