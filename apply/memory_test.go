package apply

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"testing"

	"packlift/bundle"
	"packlift/internal/manifest"
	"packlift/internal/testenv"
)

// stream gives one big content that is nowhere held whole.
type stream struct {
	digest manifest.Digest
	size   int64
	given  bool
}

func (s *stream) Next() (*content, error) {
	if s.given {
		return nil, io.EOF
	}
	s.given = true
	return &content{manifest.Content{Blob: manifest.Blob{SHA256: s.digest, Size: s.size}}, s.size, io.LimitReader(zeros{}, s.size)}, nil
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}

// Memory does not grow with the size of a file, old or new.
func TestMemory(t *testing.T) {
	const size = 48 << 20
	sum := sha256.New()
	_, err := io.Copy(sum, io.LimitReader(zeros{}, size))
	must(t, err)
	d := manifest.Digest(sum.Sum(nil))
	p := initPack(t, filepath.Join(scratchIn(t, testenv.Memory(4*size, false)), "pack"), tree{"a": file("a")}, 3)
	defer p.Close()
	base := tree{"a": file("a")}.manifest(t, 3)
	target := &manifest.Manifest{Product: "demo", Version: "1.0", Level: 10, Entries: []manifest.Entry{
		{Path: "a", Type: manifest.File, Mode: 0o644, Size: size, SHA256: d},
		{Path: "b", Type: manifest.File, Mode: 0o644, Size: size, SHA256: d},
	}}
	f := &fakeBundle{base: base, target: target, info: bundle.Info{ID: "x", Product: "demo", Version: "1.0", Kind: bundle.Update,
		Start: 3, End: 10, BaseManifest: base.Digest(), TargetManifest: target.Digest()}}
	used := allocated(func() {
		pl, err := f.plan(p, testOptions())
		must(t, err)
		_, err = pl.execute(context.Background(), p, &stream{digest: d, size: size}, testOptions().withDefaults())
		must(t, err)
		revert(t, p, testOptions())
	})
	if used > 16<<20 {
		t.Errorf("%d MiB are allocated for files of %d MiB", used>>20, size>>20)
	}
}

func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// A plan of many changed files takes a few hundred bytes for each: no map holds them
// all, and what the manifests say of them is held once.
func TestMemoryOfPlan(t *testing.T) {
	const files = 4000
	old, next := tree{}, tree{}
	for i := range files {
		name := fmt.Sprintf("file-%04d", i)
		old[name], next[name] = file(fmt.Sprint("old ", i)), file(fmt.Sprint("new ", i))
	}
	p := newPack(t, old, 3)
	f := newFake(t, old, next, 3, 10)
	before := live()
	pl, err := f.plan(p, testOptions())
	must(t, err)
	held := (live() - before) / files
	t.Logf("%d bytes a file", held)
	if held > 600 {
		t.Errorf("a plan of %d changed files holds %d bytes for each", len(pl.ops), held)
	}
	runtime.KeepAlive(f)
}

// live is the heap that is in use, in bytes.
func live() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
