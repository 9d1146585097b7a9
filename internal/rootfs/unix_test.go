//go:build unix

package rootfs

import (
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// within fails the test if do does not end.
func within(t *testing.T, what string, do func()) {
	t.Helper()
	done := make(chan struct{})
	go func() { do(); close(done) }()
	select {
	case <-done:
	case <-time.After(2 * time.Minute):
		t.Fatalf("%s waits", what)
	}
}

func TestSpecialFilesDoNotBlock(t *testing.T) {
	r, dir := open(t)
	if err := unix.Mkfifo(filepath.Join(dir, "fifo"), 0o600); err != nil {
		t.Skip("no fifo here:", err)
	}
	for what, do := range map[string]func() error{
		"Open":     func() error { _, err := r.Open("fifo"); return err },
		"ReadFile": func() error { _, err := r.ReadFile("fifo", 10); return err },
		"Append":   func() error { _, err := r.Append("fifo", 0o600); return err },
		"Update":   func() error { _, err := r.Update("fifo", 0); return err },
	} {
		within(t, what, func() {
			if err := do(); !errors.Is(err, errSpecial) {
				t.Errorf("%s of a fifo: %v", what, err)
			}
		})
	}
}

func TestDeviceAndOwner(t *testing.T) {
	r, dir := open(t)
	put(t, filepath.Join(dir, "f"), "x")
	a, err := r.Device(".")
	b, err2 := r.Device("f")
	if err != nil || err2 != nil || a != b || a == 0 {
		t.Errorf("%d, %d, %v, %v", a, b, err, err2)
	}
	if uid, _, ok, err := r.OwnerOf("f"); uid != os.Getuid() || !ok || err != nil {
		t.Errorf("%d, %v, %v", uid, ok, err)
	}
}

func TestCopyMetaOwner(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root gives files away")
	}
	r, dir := open(t)
	put(t, filepath.Join(dir, "from"), "x")
	put(t, filepath.Join(dir, "to"), "x")
	symlink(t, "to", filepath.Join(dir, "link"))
	if err := os.Chown(filepath.Join(dir, "from"), 1234, 5678); err != nil {
		t.Fatal(err)
	}
	for _, to := range []string{"link", "to"} {
		if err := r.CopyMeta("from", to); err != nil {
			t.Fatal(err)
		}
		if uid, gid, _, _ := r.OwnerOf(to); uid != 1234 || gid != 5678 {
			t.Errorf("%s belongs to %d:%d", to, uid, gid)
		}
		if uid, _, _, _ := r.OwnerOf("to"); to == "link" && uid != 0 {
			t.Error("the link was followed")
		}
	}
}

func TestCopyMetaXattrs(t *testing.T) {
	r, dir := open(t)
	for _, name := range []string{"from", "to", "other/f"} {
		put(t, filepath.Join(dir, name), "x")
	}
	if err := unix.Setxattr(filepath.Join(dir, "from"), "user.packlift", []byte("v\x00w"), 0); err != nil {
		t.Skip("no extended attributes here:", err)
	}
	if err := unix.Setxattr(filepath.Join(dir, "from"), "user.empty", nil, 0); err != nil {
		t.Fatal(err)
	}
	other, err := r.Sub("other")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if err := errors.Join(r.CopyMeta("from", "to"), other.CopyMetaFrom(r, "from", "f")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"to", "other/f"} {
		f, err := r.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		names, err := listXattrs(f)
		value, err2 := getXattr(f, "user.packlift")
		f.Close()
		if err != nil || err2 != nil || !slices.Contains(names, "user.empty") || string(value) != "v\x00w" {
			t.Errorf("%s: %q, %q, %v, %v", name, names, value, err, err2)
		}
	}
}

func TestCopyMetaFolderHandsDownItsDefaultList(t *testing.T) {
	r, dir := open(t)
	put(t, filepath.Join(dir, "d/x"), "x")
	put(t, filepath.Join(dir, "f"), "x")
	// acl_ea: version 2, then (tag, perm, id): user::rw- user:1234:r-- group::r-- mask::r-- other::---
	acl := []byte{2, 0, 0, 0}
	for _, e := range [][2]byte{{1, 6}, {2, 4}, {4, 4}, {0x10, 4}, {0x20, 0}} {
		id := []byte{0xff, 0xff, 0xff, 0xff}
		if e[0] == 2 {
			id = []byte{0xd2, 4, 0, 0}
		}
		acl = append(append(acl, e[0], 0, e[1], 0), id...)
	}
	if err := unix.Setxattr(filepath.Join(dir, "d"), aclDefault, acl, 0); err != nil {
		t.Skip("no access control lists here:", err)
	}
	if err := unix.Setxattr(filepath.Join(dir, "d"), "user.folder", []byte("x"), 0); err != nil {
		t.Fatal(err)
	}
	if err := r.CopyMeta("d", "f"); err != nil {
		t.Fatal(err)
	}
	f, err := r.Open("f")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if got, err := getXattr(f, aclAccess); err != nil || !slices.Equal(got, acl) {
		t.Errorf("%v, %v", got, err)
	}
	if names, _ := listXattrs(f); slices.Contains(names, "user.folder") {
		t.Errorf("the folder's own attribute came along: %q", names)
	}
}

func TestParentLinkBothWays(t *testing.T) {
	r, dir := open(t)
	put(t, filepath.Join(dir, "a/b/c/f"), "x")
	symlink(t, "b", filepath.Join(dir, "a/l"))
	for name, want := range map[string]string{"a/b/c/f": "", "a/l/c/f": "a/l", "a/l/f": "a/l", "a/l": "", "gone/x/y": "", "f": ""} {
		if got, err := r.ParentLink(name); got != want || err != nil {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	if r.plainFolder("a/l") || r.plainFolder("a/l/c") || r.plainFolder("a/b/c/f") || r.plainFolder("gone") {
		t.Error("the short way takes a link, a file or nothing for a folder")
	}
}

func TestFreeInodesKnown(t *testing.T) {
	r, _ := open(t)
	if s, err := r.Free("."); err != nil || s.Inodes != math.MaxUint64 && s.Inodes > 1<<50 {
		t.Errorf("%+v, %v", s, err)
	}
}

// Move replaces nothing; where the file system cannot promise that, it looks.
func TestMove(t *testing.T) {
	r, dir := open(t)
	for what, move := range map[string]func(from, to string) error{"exclusive": r.Move, "checked": func(from, to string) error { return r.wrap("rename", to, r.moveChecked(from, to)) }} {
		put(t, filepath.Join(dir, "a", "new"), "new")
		put(t, filepath.Join(dir, "b", "own"), "the site's own")
		if err := move("a/new", "b/own"); !errors.Is(err, fs.ErrExist) {
			t.Errorf("%s: onto a file: %v", what, err)
		}
		if err := os.Symlink("nowhere", filepath.Join(dir, "b", "dangling")); err != nil {
			t.Fatal(err)
		}
		if err := move("a/new", "b/dangling"); !errors.Is(err, fs.ErrExist) {
			t.Errorf("%s: onto a link: %v", what, err)
		}
		if b, err := os.ReadFile(filepath.Join(dir, "b", "own")); err != nil || string(b) != "the site's own" {
			t.Errorf("%s: %q, %v", what, b, err)
		}
		if err := move("a/new", "b/free"); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		if err := move("b/free", "b/free2"); err != nil {
			t.Errorf("%s: within a folder: %v", what, err)
		}
		if err := move("b/gone", "b/x"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: nothing there: %v", what, err)
		}
		if err := os.RemoveAll(filepath.Join(dir, "b")); err != nil {
			t.Fatal(err)
		}
	}
}

// A file with a second name is not written into.
func TestUpdateLinked(t *testing.T) {
	r, dir := open(t)
	put(t, filepath.Join(dir, "log"), "x")
	if err := os.Link(filepath.Join(dir, "log"), filepath.Join(dir, "other")); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Update("log", 0); !errors.Is(err, ErrLinked) {
		t.Errorf("update: %v", err)
	}
	if _, err := r.Append("log", 0o600); !errors.Is(err, ErrLinked) {
		t.Errorf("append: %v", err)
	}
	if n, err := r.Links("log"); n != 2 || err != nil {
		t.Errorf("%d links, %v", n, err)
	}
	if err := os.Remove(filepath.Join(dir, "other")); err != nil {
		t.Fatal(err)
	}
	f, err := r.Append("log", 0o600)
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
}
