package rootfs

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"
)

func open(t *testing.T) (*Root, string) {
	t.Helper()
	dir := t.TempDir()
	r, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r, dir
}

func put(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func symlink(t *testing.T, target, name string) {
	t.Helper()
	if err := os.Symlink(target, name); err != nil {
		t.Skip("links cannot be made here:", err)
	}
}

// listing is every path below dir with its type and, of files, the content.
func listing(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(dir, p)
		b.WriteString(d.Type().String() + " " + filepath.ToSlash(rel))
		if d.Type().IsRegular() {
			text, err := os.ReadFile(p)
			if err != nil {
				return err
			}
			b.WriteString(" " + string(text))
		}
		b.WriteByte('\n')
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// effects is every effect that takes a name, applied to that name.
func effects(r *Root) map[string]func(name string) error {
	return map[string]func(string) error{
		"Mkdir":       func(n string) error { return r.Mkdir(n, 0o755) },
		"MkdirAll":    func(n string) error { return r.MkdirAll(n, 0o755) },
		"Rename from": func(n string) error { return r.Rename(n, "moved") },
		"Rename to":   func(n string) error { return r.Rename("plain", n) },
		"Link from":   func(n string) error { return r.Link(n, "linked") },
		"Link to":     func(n string) error { return r.Link("plain", n) },
		"Symlink":     func(n string) error { return r.Symlink("x", n) },
		"Remove":      r.Remove,
		"RemoveAll":   r.RemoveAll,
		"Chmod":       func(n string) error { return r.Chmod(n, 0o600) },
		"Lchown":      func(n string) error { return r.Lchown(n, os.Getuid(), os.Getgid()) },
		"Chtimes":     func(n string) error { return r.Chtimes(n, time.Unix(1, 0)) },
		"Create": func(n string) error {
			f, err := r.Create(n, 0o600)
			if err == nil {
				f.Close()
			}
			return err
		},
		"Append": func(n string) error {
			f, err := r.Append(n, 0o600)
			if err == nil {
				f.Close()
			}
			return err
		},
		"Update": func(n string) error {
			f, err := r.Update(n, 0)
			if err == nil {
				f.Close()
			}
			return err
		},
		"Pending": func(n string) error {
			p, err := r.Pending(n, 0o600)
			if err == nil {
				p.Cleanup()
			}
			return err
		},
		"WriteFile": func(n string) error { return r.WriteFile(n, []byte("new"), 0o600) },
		"Sub": func(n string) error {
			s, err := r.Sub(n)
			if err == nil {
				s.Close()
			}
			return err
		},
	}
}

func TestNothingIsWrittenThroughLinks(t *testing.T) {
	outside := t.TempDir()
	put(t, filepath.Join(outside, "f"), "theirs")
	r, dir := open(t)
	put(t, filepath.Join(dir, "real/f"), "mine")
	put(t, filepath.Join(dir, "real/sub/f"), "mine")
	put(t, filepath.Join(dir, "plain"), "plain")
	symlink(t, "real", filepath.Join(dir, "inner"))
	symlink(t, outside, filepath.Join(dir, "outer"))
	symlink(t, "../inner/sub", filepath.Join(dir, "real/deep"))
	before, theirs := listing(t, dir), listing(t, outside)
	for what, do := range effects(r) {
		for _, name := range []string{"inner/f", "inner/new", "inner/sub/f", "outer/f", "outer/new", "real/deep/f", "real/deep/new"} {
			err := do(name)
			if err == nil {
				t.Errorf("%s on %s: done", what, name)
				continue
			}
			link, _ := r.ParentLink(name)
			if errors.Is(err, fs.ErrNotExist) { // Remove, Chmod, … of a name that is not there may say just that
				continue
			}
			if escapes := strings.Contains(err.Error(), "escapes"); !escapes && (!errors.Is(err, ErrLink) || !strings.Contains(err.Error(), link)) {
				t.Errorf("%s on %s: %v: does not name the link %s", what, name, err, link)
			}
		}
	}
	if after := listing(t, dir); after != before {
		t.Errorf("the folder was changed:\n%s\nwas\n%s", after, before)
	}
	if after := listing(t, outside); after != theirs {
		t.Errorf("the outside was changed:\n%s", after)
	}
}

func TestReadsFollowInnerParentLinksOnly(t *testing.T) {
	outside := t.TempDir()
	put(t, filepath.Join(outside, "f"), "theirs")
	r, dir := open(t)
	put(t, filepath.Join(dir, "real/f"), "mine")
	symlink(t, "real", filepath.Join(dir, "inner"))
	symlink(t, outside, filepath.Join(dir, "outer"))
	symlink(t, "f", filepath.Join(dir, "real/final"))
	if b, err := r.ReadFile("inner/f", 10); err != nil || string(b) != "mine" {
		t.Errorf("inner/f: %q, %v", b, err)
	}
	if b, err := r.ReadFile("outer/f", 10); err == nil {
		t.Errorf("outer/f was read: %q", b)
	}
	if _, err := r.ReadFile("real/final", 10); !errors.Is(err, ErrLink) {
		t.Errorf("a final link was followed: %v", err)
	}
	if _, err := r.ReadDir("inner"); !errors.Is(err, ErrLink) {
		t.Errorf("ReadDir followed a final link: %v", err)
	}
}

func TestFinalLinksAreReplacedNotFollowed(t *testing.T) {
	r, dir := open(t)
	put(t, filepath.Join(dir, "target"), "old")
	for _, name := range []string{"w", "a", "u", "c", "x"} {
		symlink(t, "target", filepath.Join(dir, name))
	}
	if err := r.WriteFile("w", []byte("new"), 0o644); err != nil {
		t.Error(err)
	}
	if _, err := r.Append("a", 0o644); !errors.Is(err, ErrLink) {
		t.Errorf("Append: %v", err)
	}
	if _, err := r.Update("u", 0); !errors.Is(err, ErrLink) {
		t.Errorf("Update: %v", err)
	}
	if _, err := r.Create("c", 0o644); !errors.Is(err, fs.ErrExist) {
		t.Errorf("Create: %v", err)
	}
	if err := r.Chmod("x", 0o600); !errors.Is(err, ErrLink) {
		t.Errorf("Chmod: %v", err)
	}
	if err := r.Chtimes("x", time.Unix(1, 0)); !errors.Is(err, ErrLink) {
		t.Errorf("Chtimes: %v", err)
	}
	if b, _ := os.ReadFile(filepath.Join(dir, "target")); string(b) != "old" {
		t.Errorf("the target was written: %q", b)
	}
	if info, err := r.Lstat("w"); err != nil || !info.Mode().IsRegular() {
		t.Errorf("w is still a link: %v", err)
	}
}

func TestBadNames(t *testing.T) {
	r, dir := open(t)
	put(t, filepath.Join(dir, "plain"), "x")
	before := listing(t, dir)
	bad := []string{"", "/etc/passwd", "..", "../x", "a/../b", "a//b", "a/", "./a", "a\x00b", strings.Repeat("a/", 3000) + "a"}
	for _, name := range bad {
		for what, do := range effects(r) {
			if err := do(name); err == nil {
				t.Errorf("%s(%.20q) is done", what, name)
			}
		}
		if _, err := r.Open(name); err == nil {
			t.Errorf("Open(%.20q) is done", name)
		}
		if _, err := r.Lstat(name); err == nil {
			t.Errorf("Lstat(%.20q) is done", name)
		}
	}
	for _, name := range []string{"NUL", "com1.txt", "a:b", "a*b", "x.", "tab\t", "bad\xff"} {
		for _, what := range []string{"Mkdir", "MkdirAll", "Rename to", "Link to", "Symlink", "Create", "Append", "WriteFile"} {
			if err := effects(r)[what](name); err == nil {
				t.Errorf("%s makes %q", what, name)
			}
		}
	}
	if after := listing(t, dir); after != before {
		t.Errorf("left behind:\n%s", after)
	}
}

func TestSymlinkTargets(t *testing.T) {
	r, dir := open(t)
	put(t, filepath.Join(dir, "a/b/f"), "x")
	for _, target := range []string{"/etc/passwd", "../../..", "../../../x", "", `c:\x`, "x/../../../.."} {
		if err := r.Symlink(target, "a/b/l"); err == nil {
			t.Errorf("a link to %q is made", target)
		}
	}
	if err := r.Symlink("../b/f", "a/b/l"); err != nil {
		t.Error(err)
	}
	if got, err := r.Readlink("a/b/l"); err != nil || got != "../b/f" {
		t.Errorf("Readlink: %q, %v", got, err)
	}
}

func TestReadFileCap(t *testing.T) {
	r, dir := open(t)
	put(t, filepath.Join(dir, "f"), "12345")
	if b, err := r.ReadFile("f", 5); err != nil || string(b) != "12345" {
		t.Errorf("%q, %v", b, err)
	}
	if _, err := r.ReadFile("f", 4); !errors.Is(err, ErrTooBig) {
		t.Errorf("over the cap: %v", err)
	}
	if _, err := r.ReadFile(".", 4); err == nil {
		t.Error("a folder was read as a file")
	}
	if _, err := r.ReadFile("gone", 4); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), dir) {
		t.Errorf("missing: %v", err)
	}
}

func TestWriteFile(t *testing.T) {
	r, dir := open(t)
	put(t, filepath.Join(dir, "f"), "old")
	held, err := r.Open("f") // which on Windows shares the right to replace it
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	if err := r.WriteFile("f", []byte("new"), 0o600); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	b.ReadFrom(held)
	if b.String() != "old" {
		t.Errorf("who had it open reads %q", b.String())
	}
	if err := r.Mkdir("d", 0o755); err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(dir, "d/x"), "x")
	if err := r.WriteFile("d", []byte("new"), 0o600); err == nil {
		t.Error("a folder was replaced by a file")
	}
	want := "d--------- .\nd--------- d\n---------- d/x x\n---------- f new\n"
	if got := listing(t, dir); got != want {
		t.Errorf("left:\n%s", got)
	}
}

func TestPending(t *testing.T) {
	r, dir := open(t)
	p, err := r.Pending("f", 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Write([]byte("0123456789")); err != nil {
		t.Fatal(err)
	}
	if _, err := p.WriteAt([]byte("xy"), 2); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 4)
	if _, err := p.ReadAt(got, 1); err != nil || string(got) != "1xy4" {
		t.Errorf("ReadAt: %q, %v", got, err)
	}
	if there, _ := r.Exists("f"); there {
		t.Error("there before Commit")
	}
	if err := p.Commit(); err != nil {
		t.Fatal(err)
	}
	if err := p.Commit(); err == nil {
		t.Error("committed twice")
	}
	if err := p.Cleanup(); err != nil {
		t.Error(err)
	}
	if want, got := "d--------- .\n---------- f 01xy456789\n", listing(t, dir); got != want {
		t.Errorf("left:\n%s", got)
	}
}

func TestPendingCleanup(t *testing.T) {
	r, dir := open(t)
	p, err := r.Pending("f", 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Cleanup(); err != nil {
		t.Error(err)
	}
	if err := p.Cleanup(); err != nil {
		t.Error("second Cleanup:", err)
	}
	if err := p.Commit(); err == nil {
		t.Error("committed after Cleanup")
	}
	put(t, filepath.Join(dir, "d/x"), "x")
	if p, err = r.Pending("d", 0o600); err != nil {
		t.Fatal(err)
	}
	if err := p.Commit(); err == nil {
		t.Error("a folder was replaced")
	}
	if err := p.Cleanup(); err != nil {
		t.Error("Cleanup after a failed Commit:", err)
	}
	if want, got := "d--------- .\nd--------- d\n---------- d/x x\n", listing(t, dir); got != want {
		t.Errorf("left:\n%s", got)
	}
}

func TestRemoveAll(t *testing.T) {
	outside := t.TempDir()
	put(t, filepath.Join(outside, "f"), "theirs")
	r, dir := open(t)
	put(t, filepath.Join(dir, "keep"), "k")
	put(t, filepath.Join(dir, "d/a/b/f"), "x")
	if runtime.GOOS != "windows" { // where it is a path
		put(t, filepath.Join(dir, "d/con\\fused"), "x")
	}
	symlink(t, outside, filepath.Join(dir, "d/out"))
	symlink(t, "../keep", filepath.Join(dir, "d/a/in"))
	if err := os.Chmod(filepath.Join(dir, "d/a/b"), 0o500); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second finds nothing and is content
		if err := r.RemoveAll("d"); err != nil {
			t.Fatal(err)
		}
	}
	if got := listing(t, dir); got != "d--------- .\n---------- keep k\n" {
		t.Errorf("left:\n%s", got)
	}
	if _, err := os.Stat(filepath.Join(outside, "f")); err != nil {
		t.Error("the link's target was emptied:", err)
	}
}

func TestMkdirAllTogether(t *testing.T) {
	r, dir := open(t)
	put(t, filepath.Join(dir, "file"), "x")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if err := r.MkdirAll("a/b/c/d", 0o755); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if err := r.MkdirAll("file/x", 0o755); err == nil {
		t.Error("a folder was made in a file")
	}
}

func TestSweep(t *testing.T) {
	r, dir := open(t)
	made := rand.Text()
	others := []string{"notes", "", made + "A", made[1:], strings.ToLower(rand.Text())}
	for _, name := range others {
		put(t, filepath.Join(dir, "d", TempPrefix+name), "the site's own")
	}
	put(t, filepath.Join(dir, "d", TempPrefix+made), "x")
	put(t, filepath.Join(dir, "d", "keep"), "x")
	put(t, filepath.Join(dir, "d", TempPrefix+"folder", "x"), "x")
	if err := r.Sweep("d"); err != nil {
		t.Fatal(err)
	}
	if err := r.Sweep("gone"); err != nil {
		t.Error(err)
	}
	for _, name := range others {
		if _, err := os.Stat(filepath.Join(dir, "d", TempPrefix+name)); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "d", TempPrefix+made)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a run's own: %v", err)
	}
	if got := listing(t, filepath.Join(dir, "d")); !strings.Contains(got, "keep") || !strings.Contains(got, "folder") {
		t.Errorf("left:\n%s", got)
	}
}

func TestAppendAndUpdate(t *testing.T) {
	r, dir := open(t)
	for _, s := range []string{"one ", "two"} {
		f, err := r.Append("log", 0o600)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte(s)); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(f.Sync(), f.Close()); err != nil {
			t.Fatal(err)
		}
	}
	f, err := r.Update("log", 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt([]byte("O"), 0); err != nil {
		t.Fatal(err)
	}
	if err := f.Truncate(5); err != nil {
		t.Fatal(err)
	}
	if b, _ := os.ReadFile(filepath.Join(dir, "log")); string(b) != "One t" {
		t.Errorf("%q", b)
	}
	if _, err := r.Update("gone", 0); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Update of nothing: %v", err)
	}
}

func TestSub(t *testing.T) {
	r, dir := open(t)
	put(t, filepath.Join(dir, "a/b/f"), "x")
	s, err := r.Sub("a/b")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if b, err := s.ReadFile("f", 1); err != nil || string(b) != "x" || s.Path() != filepath.Join(r.Path(), "a", "b") {
		t.Errorf("%q, %v, %s", b, err, s.Path())
	}
	if _, err := r.Sub("a/b/f"); err == nil {
		t.Error("a file was opened as a folder")
	}
}

func TestMkdirAllOpen(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "x", "y")
	for range 2 {
		r, err := MkdirAllOpen(dir, 0o700)
		if err != nil {
			t.Fatal(err)
		}
		r.Close()
	}
	if _, err := Open(filepath.Join(dir, "gone")); err == nil {
		t.Error("a missing folder was opened")
	}
	put(t, filepath.Join(dir, "file"), "x")
	if _, err := MkdirAllOpen(filepath.Join(dir, "file"), 0o700); err == nil {
		t.Error("a file was opened as a folder")
	}
}

func TestFree(t *testing.T) {
	r, _ := open(t)
	here, err := r.Free(".")
	if err != nil || here.Bytes == 0 || here.Inodes == 0 || here.Block <= 0 {
		t.Fatalf("%+v, %v", here, err)
	}
	there, err := r.Free("not/yet/there")
	if err != nil || there.Block != here.Block {
		t.Errorf("%+v, %v", there, err)
	}
	if err := r.SyncFS(); err != nil && !errors.Is(err, ErrNoSyncFS) {
		t.Error(err)
	}
	if err := r.SyncDir("."); err != nil {
		t.Error(err)
	}
}

func TestFS(t *testing.T) {
	r, dir := open(t)
	put(t, filepath.Join(dir, "set/a"), "1")
	put(t, filepath.Join(dir, "set/sub/b"), "22")
	put(t, filepath.Join(dir, "secret"), "s")
	view := r.FS("set", 2)
	if err := fstest.TestFS(view, "a", "sub/b"); err != nil {
		t.Error(err)
	}
	put(t, filepath.Join(dir, "set/big"), "333")
	if _, err := fs.ReadFile(view, "big"); !errors.Is(err, ErrTooBig) {
		t.Errorf("over the cap: %v", err)
	}
	if _, err := fs.ReadFile(view, "../secret"); err == nil {
		t.Error("climbed out")
	}
}

func TestSpoolFile(t *testing.T) {
	f, remove, err := SpoolFile()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write([]byte("x")); err != nil {
		t.Error(err)
	}
	if info, err := f.Stat(); err != nil || info.Size() != 1 {
		t.Errorf("%v", err)
	}
	remove()
	if _, err := os.Lstat(f.Name()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("still there: %v", err)
	}
}
