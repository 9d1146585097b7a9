package main

import (
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"

	"golang.org/x/sync/errgroup"
)

// A made product: file i is the same in every tree that has it, whatever else
// that holds, so that a small tree is the front of a large one. Its mean is
// about 107 000 bytes: most files are small, one of a thousand has 16 MiB.
//
// Of 101 files the next level changes four, renames and changes one (a new
// version in its name), lacks one and has one that is new.
const (
	madeFiles = 100_000
	smallest  = 512
	largest   = 650_000 // but for those that are large
	large     = 16 << 20
)

// Kinds of files; of eight three are text, two like jars, two like programs,
// one like what is packed already.
const (
	madeText = iota
	madeJar
	madeNative
	madeNoise
)

var (
	madeKinds = [8]int{madeText, madeJar, madeNative, madeText, madeNoise, madeJar, madeNative, madeText}
	madeExts  = [4]string{"txt", "jar", "so", "bin"}
)

// madeFile is one file of a made product.
type madeFile struct{ i int }

func (f madeFile) kind() int { return madeKinds[f.i%8] }

func (f madeFile) in(level int) bool { return f.i%101 != 23+6*(1-level) }
func (f madeFile) renamed() bool     { return f.i%101 == 11 }
func (f madeFile) changed() bool {
	return f.renamed() || f.i%101 == 5 || f.i%101 == 40 || f.i%101 == 70 || f.i%101 == 71
}

func (f madeFile) path(level int) string {
	version := "1.0.0"
	if level == 1 && f.renamed() {
		version = "1.1.0"
	}
	return fmt.Sprintf("module-%03d/part-%d/file-%06d-%s.%s", f.i/1000, f.i/100%10, f.i, version, madeExts[f.kind()])
}

// size is about what it takes.
func (f madeFile) size() int {
	if f.i%1000 == 999 {
		return large
	}
	r := rand.New(rand.NewPCG(uint64(f.i), 2))
	return int(spread(r, smallest, largest))
}

// makeTrees writes two levels of a product of n files, on all cores.
func makeTrees(from, to string, n int) error {
	var g errgroup.Group
	g.SetLimit(runtime.NumCPU())
	for first := 0; first < n; first += 100 {
		g.Go(func() error {
			m := newMadeWriter()
			for i := first; i < min(n, first+100); i++ {
				for level, dir := range []string{from, to} {
					if err := m.file(dir, madeFile{i}, level); err != nil {
						return err
					}
				}
			}
			return nil
		})
	}
	return g.Wait()
}

// file writes a file of a level beneath dir, if the level has it.
func (m *madeWriter) file(dir string, f madeFile, level int) error {
	if !f.in(level) {
		return nil
	}
	name := filepath.Join(dir, f.path(level))
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	out, err := os.Create(name)
	if err != nil {
		return err
	}
	defer out.Close()
	if err := m.content(out, f, level); err != nil {
		return err
	}
	return out.Close()
}

// content writes a file's blocks. Of a changed one's the next level has one of
// forty anew, at least the middle one; noise is all anew.
func (m *madeWriter) content(w io.Writer, f madeFile, level int) error {
	blocks := (f.size() + madeBlock - 1) / madeBlock
	m.start(w, f)
	for n := range blocks {
		r := rand.New(rand.NewPCG(uint64(f.i), uint64(n)<<8|3))
		if level == 1 && f.changed() && (f.kind() == madeNoise || n == blocks/2 || n%40 == 7) {
			r = rand.New(rand.NewPCG(uint64(f.i), uint64(n)<<8|4))
		}
		size := min(madeBlock, f.size()-n*madeBlock)
		if err := m.block(f.kind(), n, size-r.IntN(size/16+1), r); err != nil {
			return err
		}
	}
	return m.finish(f)
}
