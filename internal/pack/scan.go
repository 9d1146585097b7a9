package pack

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"packlift/internal/count"
	"packlift/internal/fault"
	"packlift/internal/manifest"
	"packlift/internal/rootfs"
	"packlift/internal/safepath"
)

const maxNamed = 20 // refused paths that an error names

// ScanOptions says how to read a tree. With Hash every file is read; Jobs files
// at a time (default: the number of cores). Exclude leaves out a path and all
// below it (default: manifest.Reserved). Progress hears of bytes as they are
// hashed, from several goroutines at once. Refused, if set, hears of each path
// that cannot be in a manifest, which is then left out and is no error; without
// it such paths fail the scan. Context, if set, ends the scan early.
type ScanOptions struct {
	Hash     bool
	Jobs     int
	Exclude  func(path string) bool
	Progress func(bytes int64)
	Refused  func(path string, why error)
	Context  context.Context
}

// Scan lists the tree at root as manifest entries, sorted bytewise by path.
// Refused are devices, sockets and fifos, files with the setuid or setgid bit,
// modes that keep the owner from reading, names that safepath refuses, links that
// leave the tree, what package manifest says of bin and of a run's own names, and
// paths that differ only in case: one error names up to 20 of them. Hard links are files of their own.
// It holds at most 2×Jobs files open, and in memory only the entries.
func Scan(root *rootfs.Root, o ScanOptions) ([]manifest.Entry, error) {
	s := newScanner(root, o)
	s.hash.Go(func() error { return s.walkAll() })
	err := s.hash.Wait()
	for o := range s.files { // left when a hasher gave up
		o.file.Close()
	}
	if err != nil {
		return nil, err
	}
	return s.finish()
}

// scanner walks in one goroutine and hashes in others.
type scanner struct {
	ScanOptions
	root    *rootfs.Root
	ctx     context.Context
	hash    *errgroup.Group
	files   chan opened
	entries []*manifest.Entry
	seen    safepath.Collisions
	refused []string
	more    int
}

type opened struct {
	file *os.File
	to   *manifest.Entry
}

func newScanner(root *rootfs.Root, o ScanOptions) *scanner {
	if o.Jobs < 1 {
		o.Jobs = runtime.NumCPU()
	}
	if o.Exclude == nil {
		o.Exclude = manifest.Reserved
	}
	if o.Context == nil {
		o.Context = context.Background()
	}
	s := &scanner{ScanOptions: o, root: root, files: make(chan opened, o.Jobs)}
	s.hash, s.ctx = errgroup.WithContext(o.Context)
	for range o.Jobs {
		s.hash.Go(s.hashFiles)
	}
	return s
}

func (s *scanner) walkAll() error {
	defer close(s.files)
	return s.walk(s.root, "")
}

// walk lists one folder; dir is its path, "" for the tree's.
func (s *scanner) walk(folder *rootfs.Root, dir string) error {
	list, err := folder.ReadDir(".")
	if err != nil {
		return err
	}
	for _, d := range list {
		if s.ctx.Err() != nil {
			return context.Cause(s.ctx)
		}
		p := path.Join(dir, d.Name())
		if s.Exclude(p) {
			continue
		}
		if err := s.visit(folder, d.Name(), p); err != nil {
			return err
		}
	}
	return nil
}

func (s *scanner) visit(folder *rootfs.Root, name, p string) error {
	if err := s.checkName(name, p); err != nil {
		s.refuse(p, err)
		return nil
	}
	info, err := folder.Lstat(name)
	if err != nil {
		return err
	}
	e, err := describe(folder, name, p, info)
	if IsRefused(err) {
		s.refuse(p, err)
		return nil
	}
	if err != nil {
		return err
	}
	if len(s.entries) == manifest.MaxEntries {
		return fmt.Errorf("%s holds more than %d paths", s.root.Path(), manifest.MaxEntries)
	}
	s.entries = append(s.entries, e)
	switch {
	case e.Type == manifest.Dir:
		return s.enter(folder, name, p)
	case e.Type == manifest.File && s.Hash:
		return s.queue(folder, name, e)
	}
	return nil
}

// checkName looks at the last element first: the elements before it have passed.
func (s *scanner) checkName(name, p string) error {
	if err := safepath.Element(name); err != nil {
		return err
	}
	if err := safepath.Check(p); err != nil {
		return err
	}
	return s.seen.Add(p)
}

func (s *scanner) enter(folder *rootfs.Root, name, p string) error {
	sub, err := folder.Sub(name)
	if err != nil {
		return err
	}
	defer sub.Close()
	return s.walk(sub, p)
}

func (s *scanner) queue(folder *rootfs.Root, name string, e *manifest.Entry) error {
	f, err := folder.Open(name)
	if err != nil {
		return err
	}
	select {
	case s.files <- opened{f, e}:
		return nil
	case <-s.ctx.Done():
		f.Close()
		return context.Cause(s.ctx)
	}
}

func (s *scanner) hashFiles() error {
	for o := range s.files {
		err := s.hashOne(o)
		o.file.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *scanner) hashOne(o opened) error {
	var err error
	o.to.SHA256, err = hashSized(&watched{o.file, s.ctx, s.Progress}, o.to.Size)
	if err != nil {
		return fmt.Errorf("%s: %w", o.file.Name(), err)
	}
	return nil
}

func (s *scanner) refuse(p string, why error) {
	switch {
	case s.Refused != nil:
		s.Refused(p, why)
	case len(s.refused) < maxNamed:
		s.refused = append(s.refused, fmt.Sprintf("%q: %v", p, why))
	default:
		s.more++
	}
}

func (s *scanner) finish() ([]manifest.Entry, error) {
	if len(s.refused) > 0 {
		text := strings.Join(s.refused, "\n  ")
		if s.more > 0 {
			text += fmt.Sprintf("\n  and %d more", s.more)
		}
		return nil, fault.New(fault.General, "%s: %s cannot be in a manifest:\n  %s", s.root.Path(), count.Of(len(s.refused)+s.more, "path"), text).
			WithHint("remove or rename them")
	}
	out := make([]manifest.Entry, len(s.entries))
	for i, e := range s.entries {
		out[i] = *e
	}
	slices.SortFunc(out, func(a, b manifest.Entry) int { return strings.Compare(a.Path, b.Path) })
	return out, nil
}

// refusedError is a reason that lies in the path itself, and not in reading it.
type refusedError struct{ error }

func (e refusedError) Unwrap() error { return e.error }

func refusal(format string, args ...any) error { return refusedError{fmt.Errorf(format, args...)} }

// IsRefused reports whether err says that a path is of a kind, or a link is to
// a place, that no manifest has.
func IsRefused(err error) bool { return errors.As(err, new(refusedError)) }

// describe makes the entry of a path, without its digest.
func describe(folder *rootfs.Root, name, p string, info fs.FileInfo) (*manifest.Entry, error) {
	e := &manifest.Entry{Path: p, Mode: modeOf(info.Mode())}
	mode := info.Mode()
	switch {
	case mode.IsRegular() && mode&(fs.ModeSetuid|fs.ModeSetgid) != 0:
		return nil, refusal("has the setuid or setgid bit")
	case mode.IsRegular():
		e.Type, e.Size = manifest.File, info.Size()
		if e.Size > manifest.MaxFile {
			return nil, refusal("has %d bytes, the most is %d", e.Size, int64(manifest.MaxFile))
		}
	case mode.IsDir():
		e.Type = manifest.Dir
	case mode&fs.ModeSymlink != 0:
		return describeLink(folder, name, p)
	default:
		return nil, refusal("is a %s", kindOf(mode))
	}
	if err := manifest.CheckMode(e.Type, e.Mode); err != nil {
		return nil, refusal("%w", err)
	}
	if err := placed(e); err != nil {
		return nil, err
	}
	return e, nil
}

// modeOf is the mode that a manifest tells of a path.
func modeOf(mode fs.FileMode) uint32 {
	if rootfs.KeepsModes {
		return uint32(mode.Perm())
	}
	return unkept(mode)
}

// unkept is the mode where the system keeps none. Windows says of every path that all
// may change it, which a site elsewhere would make true; whose it is may, as in an
// archive that tells no modes. Of a file it knows whether it is read-only.
func unkept(mode fs.FileMode) uint32 {
	switch {
	case mode.IsDir():
		return 0o755
	case mode&0o200 == 0:
		return 0o444
	}
	return 0o644
}

func placed(e *manifest.Entry) error {
	if err := e.CheckPlace(); err != nil && !manifest.Reserved(e.Path) { // what is reserved is the caller's to leave out
		return refusal("%w", err)
	}
	return nil
}

func describeLink(folder *rootfs.Root, name, p string) (*manifest.Entry, error) {
	target, err := folder.Readlink(name)
	if err != nil {
		return nil, err
	}
	e := &manifest.Entry{Path: p, Type: manifest.Symlink, Target: target}
	if err := placed(e); err != nil {
		return nil, err
	}
	return e, nil
}

func kindOf(mode fs.FileMode) string {
	switch {
	case mode&fs.ModeDevice != 0:
		return "device"
	case mode&fs.ModeSocket != 0:
		return "socket"
	case mode&fs.ModeNamedPipe != 0:
		return "fifo"
	}
	return "special file"
}
