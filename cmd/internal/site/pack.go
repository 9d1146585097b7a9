package site

import (
	"os"
	"path/filepath"
	"runtime"

	"github.com/spf13/pflag"

	"packlift/internal/fault"
	"packlift/internal/pack"
	"packlift/internal/typed"
	"packlift/verify"
)

var errNotToStdout = fault.New(fault.Usage, "a secret is not written to standard output").WithHint("give a file with -o FILE")

// packFlag is --pack and what follows from it.
type packFlag struct {
	dir       string
	connected bool // the exporter works on the pack
}

// Flags adds --pack.
func (p *packFlag) Flags(f *pflag.FlagSet) {
	f.StringVar(&p.dir, "pack", "", "the pack's `DIR` (default: the pack whose bin/ holds this tool, else the working directory)")
}

// open opens the pack.
func (p *packFlag) open() (*pack.Pack, error) {
	dir, err := p.find()
	if err != nil {
		return nil, err
	}
	typed.Here(p.way(dir))
	return pack.Open(dir)
}

// way is how commands to type next reach the pack at dir.
func (p *packFlag) way(dir string) typed.Way {
	if p.connected {
		return typed.Way{Importer: importerFor(dir), Exporter: typed.Self(), Pack: dir}
	}
	return typed.Way{Importer: typed.Self(), Pack: dir, Found: p.dir == ""}
}

// importerFor is the importer that a connected pack is worked on with: its own, or
// the one that came with the exporter.
func importerFor(dir string) string {
	name := typed.Importer
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	places := []string{filepath.Join(dir, "bin", name)}
	if exe, err := os.Executable(); err == nil {
		places = append(places, filepath.Join(filepath.Dir(exe), name))
	}
	for _, file := range places {
		if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() {
			return typed.Program(file)
		}
	}
	return typed.Importer
}

func (p *packFlag) find() (string, error) {
	if p.dir != "" {
		return p.dir, nil
	}
	exe, err := os.Executable()
	if err != nil {
		return "", err
	}
	wd, err := os.Getwd()
	if err != nil {
		return "", err
	}
	return pack.Find(exe, wd)
}

// findNew names the folder that is to be a pack: the working directory, unless
// the tool lies in the bin of another folder. Which of the two is meant is not guessed.
func (p *packFlag) findNew() (string, error) {
	dir, err := p.find()
	if err != nil || p.dir != "" {
		return dir, err
	}
	exe, err := os.Executable()
	if err != nil {
		return "", err
	}
	if real, err := filepath.EvalSymlinks(exe); err == nil {
		exe = real
	}
	bin := filepath.Dir(exe)
	home := filepath.Dir(bin)
	if filepath.Base(bin) != "bin" || home == dir || sameFolder(home, dir) {
		return dir, nil
	}
	return "", fault.New(fault.Usage, "which folder is to be a pack: %s, which holds this tool, or %s, the working directory?", home, dir).
		WithHint("give --pack %s or --pack %s", typed.Word(home), typed.Word(dir))
}

func sameFolder(a, b string) bool {
	x, err := os.Stat(a)
	y, err2 := os.Stat(b)
	return err == nil && err2 == nil && os.SameFile(x, y)
}

// Given reports whether --pack was given.
func (p *packFlag) Given() bool { return p.dir != "" }

// Trust reads the pack's own trust set.
func (p *packFlag) Trust() (*verify.TrustSet, error) {
	k, err := p.open()
	if err != nil {
		return nil, err
	}
	defer k.Close()
	return packTrust(k)
}

func packTrust(k *pack.Pack) (*verify.TrustSet, error) {
	files, _, err := k.TrustFS()
	if err != nil {
		return nil, err
	}
	return verify.ParseTrustSet(files)
}
