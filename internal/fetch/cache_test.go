package fetch

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"packlift/internal/fault"
)

// An entry of the cache that is not what its name says is noticed and fetched anew.
func TestDamagedCache(t *testing.T) {
	data := content(10, 100_000)
	w := wantOf("x", data)
	var q requests
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) { q.add(r); serveFile(w, r, data) })
	o := quick(t)
	at := filepath.Join(o.Cache, filepath.FromSlash(place(w.SHA256)))
	damage := map[string]func() error{
		"flipped": func() error {
			b := bytes.Clone(data)
			b[77] ^= 1
			return os.WriteFile(at, b, 0o600)
		},
		"shorter": func() error { return os.Truncate(at, 5) },
		"empty":   func() error { return os.Truncate(at, 0) },
		"longer":  func() error { return os.WriteFile(at, append(bytes.Clone(data), 1), 0o600) },
		"removed": func() error { return os.Remove(at) },
		"folder":  func() error { return errors.Join(os.Remove(at), os.Mkdir(at, 0o700)) },
		"link":    func() error { return errors.Join(os.Remove(at), os.Symlink("/etc/passwd", at)) },
	}
	wantObject(t, mustOpen(t, srv.URL, o), w, data)
	wantObject(t, mustOpen(t, srv.URL, o), w, data)
	if len(q.all()) != 1 {
		t.Fatalf("%d requests: it was not kept", len(q.all()))
	}
	for name, do := range damage {
		before := len(q.all())
		if err := do(); err != nil {
			t.Fatal(err)
		}
		wantObject(t, mustOpen(t, srv.URL, o), w, data)
		if n := len(q.all()) - before; n != 1 {
			t.Errorf("%s: %d requests", name, n)
		}
	}
	info, err := os.Stat(at)
	dir, err2 := os.Stat(o.Cache)
	if err != nil || err2 != nil || info.Mode().Perm() != 0o600 || dir.Mode().Perm() != 0o700 {
		t.Errorf("modes: %v %v", info.Mode(), dir.Mode())
	}
}

// The cache keeps to its size: what was unused for the longest time goes first,
// what this run uses stays.
func TestCacheSize(t *testing.T) {
	contents := map[string][]byte{}
	for i := range 6 {
		contents["/"+string(rune('a'+i))] = content(uint64(20+i), 100_000)
	}
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) { serveFile(w, r, contents[r.URL.Path]) })
	o := quick(t)
	o.CacheMax = 350_000
	want := func(name string) Want { return wantOf(name, contents["/"+name]) }
	at := func(name string) string { return filepath.Join(o.Cache, filepath.FromSlash(place(want(name).SHA256))) }
	for i, name := range []string{"a", "b", "c"} {
		wantObject(t, mustOpen(t, srv.URL, o), want(name), contents["/"+name])
		past := time.Now().Add(time.Duration(i-100) * time.Hour)
		if err := os.Chtimes(at(name), past, past); err != nil {
			t.Fatal(err)
		}
	}
	s := mustOpen(t, srv.URL, o)
	wantObject(t, s, want("a"), contents["/a"]) // from the cache: the newest now
	wantObject(t, s, want("d"), contents["/d"])
	for name, stays := range map[string]bool{"a": true, "b": false, "c": true, "d": true} {
		if _, err := os.Stat(at(name)); (err == nil) != stays {
			t.Errorf("%s: %v", name, err)
		}
	}
	wantObject(t, s, want("e"), contents["/e"])
	wantObject(t, s, want("f"), contents["/f"])
	for _, name := range []string{"a", "d", "e", "f"} { // more than there may be, and this run's
		if _, err := os.Stat(at(name)); err != nil {
			t.Error(err)
		}
	}
	old := filepath.Join(o.Cache, partials, strings.Repeat("ab", 32))
	foreign := filepath.Join(o.Cache, "notes.txt")
	past := time.Now().Add(-30 * 24 * time.Hour)
	if err := errors.Join(os.WriteFile(old, []byte("x"), 0o600), os.Chtimes(old, past, past), os.WriteFile(foreign, []byte("x"), 0o600)); err != nil {
		t.Fatal(err)
	}
	wantObject(t, mustOpen(t, srv.URL, o), want("f"), contents["/f"])
	var kept int64
	for _, name := range files(t, o.Cache) {
		info, _ := os.Stat(name)
		kept += info.Size()
	}
	if _, err := os.Stat(old); !errors.Is(err, fs.ErrNotExist) || kept > o.CacheMax {
		t.Errorf("a later run leaves %d bytes and %v", kept, err)
	}
	if _, err := os.Stat(foreign); err != nil {
		t.Error("a file that is not the cache's is gone")
	}
}

func TestCacheThatCannotBe(t *testing.T) {
	o := quick(t)
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	o.Cache = filepath.Join(file, "cache")
	s := mustOpen(t, serve(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "x") }).URL, o)
	if b, err := s.Small(ctxOf(t), "index", 5); string(b) != "x" || err != nil {
		t.Error(err) // which needs no cache
	}
	_, err := readObject(ctxOf(t), s, wantOf("x", []byte("x")))
	wantFault(t, err, fault.General, "--cache DIR")
}

// An object is a file like any other to who reads it, and its bytes are checked first.
func TestObject(t *testing.T) {
	dir := t.TempDir()
	for _, data := range [][]byte{{}, []byte("x"), content(11, copyBuffer+17)} {
		if err := os.WriteFile(filepath.Join(dir, "f"), data, 0o600); err != nil {
			t.Fatal(err)
		}
		s := mustOpen(t, dir, Options{})
		w := wantOf("f", data)
		o, err := s.Object(ctxOf(t), w.Name, w.Size, w.SHA256)
		if err != nil {
			t.Fatal(err)
		}
		if err := iotest.TestReader(o, data); err != nil {
			t.Error(err)
		}
		if err := o.Close(); err != nil {
			t.Error(err)
		}
		w.SHA256[3] ^= 1
		wrong := map[string]func(Object) error{
			"read":    func(o Object) error { _, err := io.ReadAll(o); return err },
			"read at": func(o Object) error { _, err := o.ReadAt(make([]byte, 1), 0); return err },
			"seek":    func(o Object) error { o.Seek(1, io.SeekStart); _, err := o.Read(make([]byte, 1)); return err },
			"twice": func(o Object) error {
				io.ReadAll(o)
				o.Seek(0, io.SeekStart)
				_, err := io.ReadAll(o)
				return err
			},
		}
		for name, read := range wrong {
			o, err := s.Object(ctxOf(t), w.Name, w.Size, w.SHA256)
			if err != nil {
				t.Fatal(err)
			}
			if err := read(o); fault.ClassOf(err) != fault.Tampered {
				t.Errorf("%s of %d bytes: %v", name, len(data), err)
			}
			o.Close()
		}
	}
}

func TestFolder(t *testing.T) {
	dir := t.TempDir()
	if err := errors.Join(os.Mkdir(filepath.Join(dir, "a"), 0o700), os.WriteFile(filepath.Join(dir, "a", "f"), []byte("12345"), 0o600)); err != nil {
		t.Fatal(err)
	}
	s := mustOpen(t, dir, Options{})
	if b, err := s.Small(ctxOf(t), "a/f", 5); string(b) != "12345" || err != nil {
		t.Error(err)
	}
	_, err := s.Small(ctxOf(t), "a/f", 4)
	wantFault(t, err, fault.Tampered, "more than 4 bytes")
	_, err = readObject(ctxOf(t), s, wantOf("a/f", []byte("1234")))
	wantFault(t, err, fault.Tampered, "5 bytes long")
	_, err = readObject(ctxOf(t), s, wantOf("a/f", []byte("123456")))
	wantFault(t, err, fault.Truncated, "5 bytes long")
	for _, name := range []string{"../x", "/etc/passwd", "a//f", "", ".", "a/../a/f"} {
		if _, err := s.Small(ctxOf(t), name, 5); !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("%q: %v", name, err)
		}
		if _, err := readObject(ctxOf(t), s, wantOf(name, nil)); !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("%q: %v", name, err)
		}
	}
	if _, err := s.Small(ctxOf(t), "none", 5); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if _, err := Open(filepath.Join(dir, "none"), Options{}); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	_, err = s.Object(ctxOf(t), "a/f", -1, wantOf("", nil).SHA256)
	wantFault(t, err, fault.Tampered, "no size")
}
