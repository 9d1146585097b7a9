package selfupdate

import (
	"bufio"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"runtime"
	"strings"

	"packlift/bundle"
	"packlift/internal/fault"
	"packlift/internal/manifest"
	"packlift/internal/probe"
	"packlift/internal/rootfs"
	"packlift/internal/version"
)

const (
	binDir    = "bin"
	toolName  = "packlift-import"
	newInfix  = ".new-" // a tool on its way in
	oldSuffix = ".old"  // the tool before this one
	mode      = 0o755
)

// swap is one replacement of the tool at name. Everything lies in one folder, a
// pack's bin or an exporter's own, so each rename stays on one file system.
type swap struct {
	root  *rootfs.Root
	dir   string // bin
	tool  string // packlift-import: what names of the tool begin with
	name  string // bin/packlift-import[.exe]
	exe   string // suffix of executables: "" or ".exe"
	want  bundle.Statement
	there bool // a tool stands at name
	open  bool // and others than its owner may write to it

	announce func() error // called when all is ready, before the tool is replaced
	remedy   string       // what to do where the new tool is no use
}

// newSwap decides which file of bin is replaced: the running tool if it is one
// of the pack's, else packlift-import, or where that is another platform's the
// one with this platform in its name.
func newSwap(root *rootfs.Root, o *Options, want bundle.Statement) (*swap, error) {
	s := &swap{root: root, dir: binDir, tool: toolName, want: want}
	if o.GOOS == "windows" {
		s.exe = ".exe"
	}
	if err := root.MkdirAll(binDir, mode); err != nil {
		return nil, err
	}
	if err := s.sweep(); err != nil {
		return nil, err
	}
	s.name = s.runningName(o.Executable)
	if s.name == "" {
		s.name = path.Join(binDir, toolName+s.exe)
		if s.otherPlatforms(o) {
			s.name = path.Join(binDir, bundle.ToolName(o.GOOS, o.GOARCH))
		}
	}
	s.remedy = "ask for a bundle with another tool (create-update --tools), or update bin/" + path.Base(s.name) + " by hand"
	return s, s.look()
}

// look notes whether a tool stands at name. A link there is none: its target
// lies elsewhere and stays as it is, only the link is replaced.
func (s *swap) look() error {
	info, err := s.root.Lstat(s.name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	s.there = info.Mode().IsRegular()
	s.open = runtime.GOOS != "windows" && info.Mode().Perm()&othersWrite != 0
	return nil
}

// sweep removes what a killed run left on its way in.
func (s *swap) sweep() error {
	list, err := s.root.ReadDir(s.dir)
	if err != nil {
		return err
	}
	for _, e := range list {
		if strings.HasPrefix(e.Name(), s.tool) && strings.Contains(e.Name(), newInfix) && e.Type().IsRegular() {
			if err := s.root.Remove(path.Join(s.dir, e.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

// runningName finds the running executable among the tools in bin.
func (s *swap) runningName(executable string) string {
	running, err := os.Stat(executable)
	if err != nil {
		return ""
	}
	list, err := s.root.ReadDir(binDir)
	if err != nil {
		return ""
	}
	for _, e := range list {
		info, err := e.Info()
		if err == nil && strings.HasPrefix(e.Name(), toolName) && !strings.Contains(e.Name(), oldSuffix) && os.SameFile(info, running) {
			return path.Join(binDir, e.Name())
		}
	}
	return ""
}

// otherPlatforms reports whether the tool at name was built for another platform.
func (s *swap) otherPlatforms(o *Options) bool {
	f, err := s.root.Open(s.name)
	if err != nil {
		return false
	}
	defer f.Close()
	goos, arch, err := probe.Platform(f)
	return err == nil && (goos != o.GOOS || arch != o.GOARCH)
}

// run brings the tool in, unless bin holds the very same already.
func (s *swap) run(ctx context.Context, t io.WriterTo) (Outcome, error) {
	out := Outcome{Path: s.root.Full(s.name), Version: s.want.Version}
	if s.same(ctx) {
		return out, nil
	}
	fresh, err := s.write(t)
	if err != nil {
		return Outcome{}, err
	}
	err = s.prove(ctx, fresh)
	if err == nil {
		err = s.announce()
	}
	if err != nil {
		return Outcome{}, errors.Join(err, s.root.Remove(fresh))
	}
	if err := s.replace(fresh); err != nil {
		return Outcome{}, errors.Join(err, s.discard(fresh))
	}
	out.Replaced = true
	return out, nil
}

// same holds where a tool from outside the pack runs, and bin has the bundle's,
// in working order. Any other file there is replaced and never started, whatever
// version it claims: the signed statement speaks of these bytes alone.
func (s *swap) same(ctx context.Context) bool {
	if !s.there || s.open {
		return false
	}
	if sum, err := s.digest(s.name); err != nil || sum != s.want.SHA256 {
		return false
	}
	said, err := probe.Run(ctx, s.root.Full(s.name))
	return err == nil && s.says(said) == nil
}

func (s *swap) digest(name string) (manifest.Digest, error) {
	f, err := s.root.Open(name)
	if err != nil {
		return manifest.Digest{}, err
	}
	defer f.Close()
	h := sha256.New()
	_, err = io.Copy(h, f)
	return manifest.Digest(h.Sum(nil)), err
}

// write puts the tool beside the old one, durable, with its owner and rights.
func (s *swap) write(t io.WriterTo) (name string, err error) {
	name = strings.TrimSuffix(s.name, s.exe) + newInfix + rand.Text() + s.exe
	f, err := s.root.Create(name, mode)
	if err != nil {
		return "", err
	}
	w := bufio.NewWriterSize(f, 1<<20)
	if _, err = t.WriteTo(w); err == nil {
		err = w.Flush()
	}
	if err == nil {
		err = s.root.CopyMeta(s.metaFrom(), name)
	}
	if err == nil && runtime.GOOS != "windows" {
		err = f.Chmod(mode)
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return "", errors.Join(err, s.root.Remove(name))
	}
	return name, nil
}

// metaFrom is whose owner, group and attributes the new tool gets.
func (s *swap) metaFrom() string {
	if s.there {
		return s.name
	}
	return s.dir
}

// prove starts the new tool where it lies.
func (s *swap) prove(ctx context.Context, name string) error {
	said, err := probe.Run(ctx, s.root.Full(name))
	if err == nil {
		err = s.says(said)
	}
	if err != nil {
		return fault.New(fault.General, "the %s %s for %s/%s that came is no use here: %w", s.want.Tool, s.want.Version, s.want.OS, s.want.Arch, err).
			WithHint("the old tool is still in place; %s", s.remedy)
	}
	return nil
}

func (s *swap) says(said version.Info) error {
	if said.Version != s.want.Version || said.OS != s.want.OS || said.Arch != s.want.Arch {
		return fmt.Errorf("its statement says %s for %s/%s, it says itself %s for %s/%s",
			s.want.Version, s.want.OS, s.want.Arch, said.Version, said.OS, said.Arch)
	}
	return nil
}

func (s *swap) discard(fresh string) error {
	if err := s.root.Remove(fresh); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
