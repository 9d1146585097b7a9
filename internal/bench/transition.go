package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// transition is a pair of releases of a real product.
type transition struct {
	product, from, to string
	most              float64 // what the bundle may take of the best peer's size
}

var transitions = []transition{
	{"allure", "2.43.0", "2.44.0", 1. / 15},
	{"allure", "2.40.0", "2.46.1", 1. / 3.5},
	{"liquibase", "4.27.0", "4.28.0", 1. / 4},
	{"esbuild", "0.28.1", "0.28.2", 1},
	{"typescript", "5.9.2", "5.9.3", 1},
}

func (c transition) name() string { return c.product + " " + c.from + " to " + c.to }

// trees are the two trees of a transition, and what is made of them before
// anything is measured.
type trees struct {
	transition
	dir              string
	oldTree, newTree string
	oldTar, newTar   string
	changed          []string // files that are new or differ, beneath newTree
	bytes            int64    // of these
	list             string   // their names, with a zero behind each
}

func (t *trees) path(elem ...string) string {
	return filepath.Join(append([]string{t.dir}, elem...)...)
}

// fresh empties the folder that results go to.
func (t *trees) fresh() error {
	out := t.path("out")
	if err := os.RemoveAll(out); err != nil {
		return err
	}
	if err := os.Mkdir(out, 0o755); err != nil {
		return err
	}
	return exec.Command("sync").Run()
}

func (b *bench) lay(c transition, dir string) (*trees, error) {
	t := &trees{transition: c, dir: dir, oldTree: filepath.Join(dir, "old"), newTree: filepath.Join(dir, "new"),
		oldTar: filepath.Join(dir, "old.tar"), newTar: filepath.Join(dir, "new.tar"), list: filepath.Join(dir, "changed")}
	for version, tree := range map[string]string{c.from: t.oldTree, c.to: t.newTree} {
		if err := os.MkdirAll(tree, 0o755); err != nil {
			return nil, err
		}
		if err := b.layOne(c.product, version, tree); err != nil {
			return nil, err
		}
		if err := quiet("tar", "--sort=name", "--mtime=@0", "--owner=0", "--group=0", "--numeric-owner", "-C", tree, "-cf", tree+".tar", "."); err != nil {
			return nil, err
		}
	}
	var err error
	if t.changed, t.bytes, err = changes(t.oldTree, t.newTree); err != nil {
		return nil, err
	}
	return t, os.WriteFile(t.list, []byte(strings.Join(t.changed, "\x00")+"\x00"), 0o644)
}

func (b *bench) layOne(product, version, dir string) error {
	return quiet(b.packs, product, version, dir)
}

// quiet runs a command whose output matters only when it fails.
func quiet(argv ...string) error {
	_, err := once(argv)
	return err
}

// changes lists the files of to that from lacks or has otherwise, and their bytes.
func changes(from, to string) ([]string, int64, error) {
	var names []string
	var total int64
	err := filepath.WalkDir(to, func(full string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		name, err := filepath.Rel(to, full)
		if err != nil {
			return err
		}
		equal, size, err := equalFiles(filepath.Join(from, name), full)
		if err == nil && !equal {
			names = append(names, name)
			total += size
		}
		return err
	})
	return names, total, err
}

// equalTrees is an error if two trees do not hold the same files; what lies
// beneath ignored in got is none of them.
func equalTrees(got, want, ignored string) error {
	differ, _, err := changes(got, want)
	if err != nil {
		return err
	}
	if len(differ) > 0 {
		return fmt.Errorf("%d files are not as they should be, %s first", len(differ), differ[0])
	}
	return filepath.WalkDir(got, func(full string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(got, full)
		if err == nil && name == ignored {
			return fs.SkipDir
		}
		if err == nil {
			_, err = os.Lstat(filepath.Join(want, name))
		}
		return err
	})
}

// equalFiles compares two files; one that is missing is not equal. size is b's.
func equalFiles(a, b string) (equal bool, size int64, err error) {
	right, err := os.Open(b)
	if err != nil {
		return false, 0, err
	}
	defer right.Close()
	info, err := right.Stat()
	if err != nil {
		return false, 0, err
	}
	left, err := os.Open(a)
	if errors.Is(err, fs.ErrNotExist) {
		return false, info.Size(), nil
	}
	if err != nil {
		return false, 0, err
	}
	defer left.Close()
	equal, err = equalReaders(left, right)
	return equal, info.Size(), err
}

func equalReaders(a, b io.Reader) (bool, error) {
	x, y := make([]byte, 1<<16), make([]byte, 1<<16)
	for {
		n, errA := io.ReadFull(a, x)
		m, errB := io.ReadFull(b, y)
		if !bytes.Equal(x[:n], y[:m]) {
			return false, nil
		}
		if errA != nil || errB != nil {
			return atEnd(errA) && atEnd(errB), nil
		}
	}
}

func atEnd(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}
