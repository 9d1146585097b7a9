package pack

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"

	"packlift/internal/manifest"
	"packlift/internal/rootfs"
)

func tree(t *testing.T) (*rootfs.Root, string) {
	t.Helper()
	dir := t.TempDir()
	r, err := rootfs.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r, dir
}

func paths(list []manifest.Entry) []string {
	var out []string
	for _, e := range list {
		out = append(out, string(e.Type[0])+" "+e.Path)
	}
	return out
}

func TestScan(t *testing.T) {
	r, dir := tree(t)
	for i := range 50 {
		write(t, dir, fmt.Sprintf("many/%02d/f", i), strings.Repeat("x", i*1000))
	}
	write(t, dir, "a/b", "hello")
	write(t, dir, "a-b", "hello") // sorts before a/b though the folder a comes first
	write(t, dir, "updates/packlift/state.json", "{}")
	write(t, dir, "bin/packlift-import", "tool")
	write(t, dir, "bin/run.sh", "")
	if err := os.Chmod(filepath.Join(dir, "bin/run.sh"), 0o750); err != nil {
		t.Fatal(err)
	}
	var seen atomic.Int64
	list, err := Scan(r, ScanOptions{Hash: true, Jobs: 3, Progress: func(n int64) { seen.Add(n) }})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"d a", "f a-b", "f a/b", "d bin", "f bin/run.sh", "d many"}
	if got := paths(list); !slices.Equal(got[:6], want) || len(got) != 6+100 {
		t.Errorf("%v", got)
	}
	m := &manifest.Manifest{Product: "p", Version: "1", Entries: list}
	if err := m.Check(); err != nil {
		t.Error(err)
	}
	var total int64
	for _, e := range list {
		total += e.Size
		if e.Type == manifest.File {
			b, _ := os.ReadFile(filepath.Join(dir, e.Path))
			if e.SHA256 != sha256.Sum256(b) || e.Size != int64(len(b)) {
				t.Errorf("%+v", e)
			}
		}
		if e.Path == "bin/run.sh" && runtime.GOOS != "windows" && e.Mode != 0o750 {
			t.Errorf("%o", e.Mode)
		}
		one, err := EntryAt(r, e.Path, true)
		if err != nil || *one != e {
			t.Errorf("EntryAt: %+v, %v, Scan: %+v", one, err, e)
		}
	}
	if seen.Load() != total {
		t.Errorf("progress of %d bytes, there are %d", seen.Load(), total)
	}
	bare, err := Scan(r, ScanOptions{Exclude: func(p string) bool { return p != "a" && p != "a/b" }})
	if err != nil || len(bare) != 2 || !bare[1].SHA256.IsZero() || bare[1].Size != 5 {
		t.Errorf("%+v, %v", bare, err)
	}
}

func TestScanStops(t *testing.T) {
	r, dir := tree(t)
	for i := range 100 {
		write(t, dir, fmt.Sprintf("%03d", i), "x")
	}
	ctx, cancel := context.WithCancel(context.Background())
	_, err := Scan(r, ScanOptions{Hash: true, Jobs: 2, Context: ctx, Progress: func(int64) { cancel() }})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

func TestEntryAtNothing(t *testing.T) {
	r, dir := tree(t)
	write(t, dir, "f", "x")
	for _, p := range []string{"gone", "gone/x", "f/x"} {
		if e, err := EntryAt(r, p, true); e != nil || err != nil {
			t.Errorf("%s: %+v, %v", p, e, err)
		}
	}
	if _, err := EntryAt(r, "../x", true); err == nil {
		t.Error("climbed")
	}
}

func TestHashFile(t *testing.T) {
	d, n, err := HashFile(iotest.OneByteReader(strings.NewReader("hello")))
	if err != nil || n != 5 || d != manifest.Sum([]byte("hello")) {
		t.Errorf("%s, %d, %v", d, n, err)
	}
	if _, _, err := HashFile(iotest.ErrReader(os.ErrClosed)); !errors.Is(err, os.ErrClosed) {
		t.Errorf("%v", err)
	}
}

func TestScanNoticesAGrowingFile(t *testing.T) {
	r, dir := tree(t)
	write(t, dir, "f", strings.Repeat("x", 300_000))
	grow := func(int64) {
		f, err := os.OpenFile(filepath.Join(dir, "f"), os.O_APPEND|os.O_WRONLY, 0)
		if err == nil {
			f.Write([]byte("more"))
			f.Close()
		}
	}
	if _, err := Scan(r, ScanOptions{Hash: true, Jobs: 1, Progress: grow}); err == nil || !strings.Contains(err.Error(), "changed") {
		t.Errorf("%v", err)
	}
}

// BenchmarkScan reads a tree of 2000 files of 20 KiB, or the one that
// PACKLIFT_BENCH_TREE names.
func BenchmarkScan(b *testing.B) {
	dir := os.Getenv("PACKLIFT_BENCH_TREE")
	if dir == "" {
		dir = b.TempDir()
		for i := range 2000 {
			write(b, dir, fmt.Sprintf("part-%02d/file-%d", i/50, i), strings.Repeat("0123456789abcdef", 1280))
		}
	}
	r, err := rootfs.Open(dir)
	if err != nil {
		b.Fatal(err)
	}
	defer r.Close()
	for _, hash := range []bool{false, true} {
		b.Run(fmt.Sprintf("hash=%v", hash), func(b *testing.B) {
			for b.Loop() {
				list, err := Scan(r, ScanOptions{Hash: hash})
				if err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(float64(len(list)), "entries")
			}
		})
	}
}

// Windows says 0666 of a file and 0777 of a folder; a manifest that repeated it would
// have every site elsewhere let all its users write.
func TestModesThatAreNotKept(t *testing.T) {
	for mode, want := range map[fs.FileMode]uint32{
		0o666: 0o644, 0o444: 0o444, fs.ModeDir | 0o777: 0o755, fs.ModeDir | 0o555: 0o755,
	} {
		if got := unkept(mode); got != want {
			t.Errorf("%v: %04o, want %04o", mode, got, want)
		}
	}
}
