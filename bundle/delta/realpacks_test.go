//go:build realpacks && unix

package delta

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"syscall"
	"testing"
	"time"

	"packlift/bundle/delta/match"
	"packlift/bundle/delta/streams"
	"packlift/bundle/xzpar"
)

// transitions are what is measured, with the best peer's payload in bytes and our goal.
var transitions = []struct {
	from, to   string
	peer, goal int64
}{
	{"allure-2.43.0", "allure-2.44.0", 1025756, 68000},
	{"allure-2.40.0", "allure-2.46.1", 4908082, 1400000},
	{"liquibase-4.27.0", "liquibase-4.28.0", 19813375, 4900000},
	{"esbuild-0.28.1", "esbuild-0.28.2", 488192, 488191},
	{"typescript-5.9.2", "typescript-5.9.3", 0, 0},
}

type file struct {
	match.File
	data []byte
}

func tree(t *testing.T, dir string) []file {
	t.Helper()
	var out []file
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(name)
		rel, _ := filepath.Rel(dir, name)
		out = append(out, file{match.File{Path: rel, Size: int64(len(data)), Digest: sha256.Sum256(data)}, data})
		return err
	})
	if err != nil {
		t.Skip(err)
	}
	return out
}

func (f *file) blob() Blob {
	return Blob{Content{f.Size, f.Digest}, bytes.NewReader(f.data)}
}

// cpu is the time that this process has computed: others share the machine.
func cpu() time.Duration {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func packed(t *testing.T, parts ...[]byte) int64 {
	t.Helper()
	w := xzpar.NewWriter(io.Discard, xzpar.WriterOptions{})
	for _, p := range parts {
		w.Write(p)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	n, _ := w.Sizes()
	return n
}

// TestRealPacks measures (../shared/packs.sh lays the trees in /tmp/packs):
//
//	go test -tags realpacks -run TestRealPacks -v ./bundle/delta
func TestRealPacks(t *testing.T) {
	for _, x := range transitions {
		t.Run(x.from+" "+x.to, func(t *testing.T) { measure(t, x.from, x.to, x.peer, x.goal) })
	}
}

func measure(t *testing.T, from, to string, peer, goal int64) {
	old, new := tree(t, "/tmp/packs/"+from), tree(t, "/tmp/packs/"+to)
	start := cpu()
	have := map[[32]byte]bool{}
	var oldFiles, newFiles []match.File
	for i := range old {
		have[old[i].Digest] = true
		old[i].Sketch = match.Of(old[i].data)
		oldFiles = append(oldFiles, old[i].File)
	}
	var todo []file
	for _, f := range new {
		if have[f.Digest] {
			continue
		}
		have[f.Digest] = true
		f.Sketch = match.Of(f.data)
		todo = append(todo, f)
	}
	slices.SortFunc(todo, func(a, b file) int { return bytes.Compare(a.Digest[:], b.Digest[:]) })
	for _, f := range todo {
		newFiles = append(newFiles, f.File)
	}
	bases := match.Bases(newFiles, oldFiles, 4)
	matched := cpu() - start
	var each [streams.Kinds][]byte
	var inter, recipes []byte
	var applyTime, applyWall, makeTime time.Duration
	applyMost := int64(0)
	type row struct {
		name string
		n    int64
		took time.Duration
	}
	var rows []row
	for i, f := range todo {
		var from []Blob
		var data []io.ReaderAt
		for _, b := range bases[i] {
			from = append(from, old[b].blob())
			data = append(data, bytes.NewReader(old[b].data))
		}
		s := cpu()
		d, err := Make(f.blob(), from, Options{})
		if err != nil {
			t.Fatal(f.Path, err)
		}
		took := cpu() - s
		s, wall := cpu(), time.Now()
		if err := d.Apply(io.Discard, data); err != nil {
			t.Fatal(f.Path, err)
		}
		applyTime, applyWall = applyTime+cpu()-s, applyWall+time.Since(wall)
		makeTime += took
		if f.Size > 1<<20 {
			applyMost = max(applyMost, peak(func() { d.Apply(io.Discard, data) }))
		}
		recipes = append(recipes, d.Recipe.Marshal()...)
		inter = append(inter, d.Recipe.Marshal()...)
		for _, s := range d.Segments {
			for k, p := range s {
				each[k] = append(each[k], p...)
				inter = append(inter, p...)
			}
		}
		if len(todo) < 60 {
			var one [][]byte
			for _, s := range d.Segments {
				one = append(one, s[:]...)
			}
			name := f.Path
			if len(bases[i]) > 0 {
				name += " <- " + oldFiles[bases[i][0]].Path
			}
			rows = append(rows, row{name, packed(t, append(one, []byte{0})...), took})
		}
	}
	s := cpu()
	total := packed(t, inter)
	packTime := cpu() - s
	sort.Slice(rows, func(i, j int) bool { return rows[i].n > rows[j].n })
	for _, r := range rows[:min(len(rows), 12)] {
		t.Logf("%9d %6s %s", r.n, r.took.Round(time.Millisecond), r.name)
	}
	byKind := packed(t, recipes, each[0], each[1], each[2], each[3])
	s2 := ""
	for k, p := range each {
		s2 += fmt.Sprintf(" %d:%d->%d", k, len(p), packed(t, append(p, 0)))
	}
	t.Logf("%s\n   %d deltas, one entry each %d bytes, by kind %d (recipes %d), best peer %d, goal %d; CPU: match %s, make %s, xz %s, apply %s (%s on the clock); apply holds at most %d MiB beside bases and delta", s2, len(todo), total, byKind, len(recipes), peer, goal, matched.Round(time.Millisecond), makeTime.Round(time.Millisecond), packTime.Round(time.Millisecond), applyTime.Round(time.Millisecond), applyWall.Round(time.Millisecond), applyMost)
	if d := os.Getenv("DUMP"); d != "" {
		os.MkdirAll(d, 0o755)
		for k, p := range each {
			os.WriteFile(filepath.Join(d, fmt.Sprintf("%s.%d", to, k)), p, 0o644)
		}
		os.WriteFile(filepath.Join(d, to+".inter"), inter, 0o644)
	}
}
