package main

import (
	_ "embed"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/txtar"
)

//go:embed trees/old.txtar
var oldTree []byte

//go:embed trees/new.txtar
var newTree []byte

// lay writes a tree to dir.
func lay(tree []byte, dir string) error {
	for _, f := range txtar.Parse(tree).Files {
		if err := layOne(f, dir); err != nil {
			return err
		}
	}
	return nil
}

func layOne(f txtar.File, dir string) error {
	name, attribute, _ := strings.Cut(f.Name, " ")
	full := filepath.Join(dir, filepath.FromSlash(name))
	if strings.HasSuffix(name, "/") {
		return os.MkdirAll(full, 0o755)
	}
	if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
		return err
	}
	if target, ok := strings.CutPrefix(attribute, "link="); ok {
		return os.Symlink(target, full)
	}
	mode := uint64(0o644)
	if text, ok := strings.CutPrefix(attribute, "mode="); ok {
		var err error
		if mode, err = strconv.ParseUint(text, 8, 12); err != nil {
			return err
		}
	}
	return os.WriteFile(full, f.Data, fs.FileMode(mode))
}

// same compares two trees: paths, types, modes, contents and link targets;
// what an update leaves beside the product (updates/, the tool) is left out.
func same(a, b string) error {
	left, err := list(a)
	if err != nil {
		return err
	}
	right, err := list(b)
	if err != nil {
		return err
	}
	for name, what := range left {
		if right[name] != what {
			return fmt.Errorf("%s differs between %s and %s", name, a, b)
		}
	}
	for name := range right {
		if _, ok := left[name]; !ok {
			return fmt.Errorf("%s stands only in %s", name, b)
		}
	}
	return nil
}

// list maps each path to its type, mode and content.
func list(dir string) (map[string]string, error) {
	entries := map[string]string{}
	err := filepath.WalkDir(dir, func(full string, d fs.DirEntry, err error) error {
		if err != nil || full == dir {
			return err
		}
		name, err := filepath.Rel(dir, full)
		if err != nil {
			return err
		}
		name = filepath.ToSlash(name)
		if name == "updates" {
			return fs.SkipDir
		}
		if strings.HasPrefix(name, "bin/packlift-import") {
			return nil
		}
		entries[name], err = describe(full, d)
		return err
	})
	return entries, err
}

func describe(full string, d fs.DirEntry) (string, error) {
	info, err := d.Info()
	if err != nil {
		return "", err
	}
	var content string
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		content, err = os.Readlink(full)
		return "link " + content, err
	case info.Mode().IsRegular():
		var data []byte
		data, err = os.ReadFile(full)
		content = string(data)
	}
	return info.Mode().String() + " " + content, err
}
