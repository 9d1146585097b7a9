package layers

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestProject holds every Go file of the project to the rules.
func TestProject(t *testing.T) {
	top, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	files := 0
	err = filepath.WalkDir(top, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && name != top && (strings.HasPrefix(d.Name(), ".") || d.Name() == "bin" || d.Name() == "dist") {
			return fs.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		rel, _ := filepath.Rel(top, name)
		src, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		files++
		for _, complaint := range check(t, filepath.ToSlash(rel), string(src)) {
			t.Error(complaint)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 10 {
		t.Fatalf("only %d files were looked at", files)
	}
}

func check(t *testing.T, name, src string) []string {
	t.Helper()
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, name, src, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	return Check(fset, name, file)
}

// TestRulesBite shows that each rule finds what it forbids and lets pass what it allows.
func TestRulesBite(t *testing.T) {
	long := "package x\nfunc f() {\n" + strings.Repeat("_ = 1\n", MaxLines) + "}\n"
	for _, c := range []struct{ name, file, src, want string }{
		{"down", "apply/a.go", `package apply; import _ "packlift/verify"`, ""},
		{"up", "verify/a.go", `package verify; import _ "packlift/apply"`, "not below"},
		{"sideways", "apply/a.go", `package apply; import _ "packlift/selfupdate"`, "not below"},
		{"beneath itself", "internal/cli/a.go", `package cli; import _ "packlift/internal/cli/progress"`, ""},
		{"part of bundle imports bundle", "bundle/xzpar/a.go", `package xzpar; import _ "packlift/bundle"`, "not below"},
		{"bundle imports its part", "bundle/a.go", `package bundle; import _ "packlift/bundle/xzpar"`, ""},
		{"unknown folder", "internal/misc/a.go", `package misc`, "no layer"},
		{"imports unknown folder", "apply/a.go", `package apply; import _ "packlift/internal/misc"`, "no layer"},
		{"imports a tool", "cmd/packlift-import/main.go", `package main; import _ "packlift/internal/demo"`, "developer tool"},
		{"bundle reads files", "bundle/a.go", `package bundle; import _ "os"`, "bytes alone"},
		{"verify knows the pack", "verify/a.go", `package verify; import _ "packlift/internal/pack"`, "bytes alone"},
		{"verify reads fs.FS", "verify/a.go", `package verify; import _ "io/fs"`, ""},
		{"net", "internal/export/a.go", `package export; import _ "net/http"`, "internal/fetch's alone"},
		{"net in fetch", "internal/fetch/a.go", `package fetch; import _ "net/http"`, ""},
		{"fetch in the importer", "cmd/packlift-import/a.go", `package main; import _ "packlift/internal/fetch"`, "into the importer"},
		{"fetch in the exporter", "cmd/packlift-export/a.go", `package main; import _ "packlift/internal/fetch"`, ""},
		{"exit", "apply/a.go", `package apply; import "os"; func f() { os.Exit(1) }`, "ends the process"},
		{"exit passed on", "apply/a.go", `package apply; import "os"; var f = os.Exit`, "ends the process"},
		{"exit in cli", "internal/cli/a.go", `package cli; import "os"; func f() { os.Exit(1) }`, ""},
		{"effect", "apply/a.go", `package apply; import "os"; func f() { os.Remove("x") }`, "file effect"},
		{"effect, import renamed", "apply/a.go", `package apply; import x "os"; func f() { x.Remove("x") }`, "file effect"},
		{"effect in rootfs", "internal/rootfs/a.go", `package rootfs; import "os"; func f() { os.Remove("x") }`, ""},
		{"open to read", "internal/export/a.go", `package export; import "os"; func f() { os.OpenFile("x", os.O_RDONLY, 0) }`, ""},
		{"open to write", "internal/export/a.go", `package export; import "os"; func f() { os.OpenFile("x", os.O_RDWR, 0) }`, "for writing"},
		{"open the terminal", "internal/cli/a.go", `package cli; import "os"; func f() { os.OpenFile("/dev/tty", os.O_RDWR, 0) }`, ""},
		{"open with a variable", "internal/export/a.go", `package export; import "os"; func f(n int) { os.OpenFile("x", n, 0) }`, "for writing"},
		{"tools may", "internal/demo/a.go", `package main; import "os"; func f() { os.Remove("x"); os.Exit(1) }`, ""},
		{"long", "internal/fault/a.go", long, "lines, more than"},
		{"long tool", "internal/demo/a.go", long, "lines, more than"},
	} {
		got := strings.Join(check(t, c.file, c.src), "\n")
		if c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
