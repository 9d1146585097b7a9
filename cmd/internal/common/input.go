package common

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"packlift/internal/cli"
	"packlift/internal/fault"
	"packlift/internal/regular"
	"packlift/internal/rootfs"
	"packlift/internal/sigfiles"
	"packlift/internal/typed"
)

// Suffix ends the name of every bundle.
const Suffix = ".packlift"

// Bundle is a bundle's file, open for reading.
type Bundle struct {
	io.ReaderAt
	Path     string // where it lies; a spooled one has a path of its own
	Size     int64
	Spooled  bool
	Detached [][]byte // signatures from <bundle>.sigs/
	close    func()
}

// Close closes the file, and removes it where it was spooled.
func (b *Bundle) Close() { b.close() }

// OpenBundle opens the bundle at name; `-` spools standard input. A folder
// stands for the one bundle in it.
func OpenBundle(ctx context.Context, c *cli.Console, name string) (*Bundle, error) {
	if name == "-" {
		return spool(ctx, c)
	}
	info, err := os.Stat(name)
	if err != nil {
		return nil, Missing("bundle", name, err)
	}
	if info.IsDir() {
		return openIn(ctx, c, name)
	}
	f, err := regular.Open(name)
	if errors.Is(err, regular.ErrNot) {
		return nil, fault.New(fault.Usage, "%s is not a regular file", name).WithHint("give `-` and let it come from standard input")
	}
	if err != nil {
		return nil, err
	}
	b := &Bundle{ReaderAt: medium{ctx, f, name}, Path: name, close: func() { f.Close() }}
	if info, err = f.Stat(); err == nil { // of the file that is open, whatever has its name by now
		b.Size = info.Size()
		b.Detached, err = sigfiles.Read(name)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	SayLeftovers(c, sigfiles.Dir(name))
	return b, nil
}

// medium is a file on a stick, say, that can be slow, and be pulled while it is read.
type medium struct {
	ctx  context.Context
	r    io.ReaderAt
	name string
}

// atOnce is what is read of a medium before a signal is looked at, in bytes: a
// quarter of a second of the slowest stick.
const atOnce = 256 << 10

// ReadAt ends with the context. It says what to do where the medium fails; the end
// of the file is no failure.
func (m medium) ReadAt(p []byte, off int64) (total int, err error) {
	for len(p) > 0 && err == nil {
		if m.ctx.Err() != nil {
			return total, fault.New(fault.Interrupted, "%w", context.Cause(m.ctx))
		}
		var n int
		n, err = m.r.ReadAt(p[:min(len(p), atOnce)], off)
		p, off, total = p[n:], off+int64(n), total+n
	}
	if err != nil && !errors.Is(err, io.EOF) {
		err = fault.New(fault.General, "%w", err).
			WithHint("the medium cannot be read: put it in again, or copy %s to a disk of this machine; then type: %s", m.name, cli.Again())
	}
	return total, err
}

// openIn opens the only bundle in a folder.
func openIn(ctx context.Context, c *cli.Console, dir string) (*Bundle, error) {
	list, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	SayLeftovers(c, dir)
	var found []string
	for _, e := range list {
		if strings.HasSuffix(e.Name(), Suffix) && !strings.HasPrefix(e.Name(), ".") && !e.IsDir() {
			found = append(found, e.Name())
		}
	}
	switch len(found) {
	case 0:
		return nil, fault.New(fault.Usage, "there is no bundle (*%s) in the folder %s", Suffix, dir).WithHint("give the bundle's file")
	case 1:
		c.Note("bundle: %s", filepath.Join(dir, found[0]))
		return OpenBundle(ctx, c, filepath.Join(dir, found[0]))
	}
	return nil, fault.New(fault.Usage, "the folder %s holds %d bundles: %s", dir, len(found), strings.Join(found, ", ")).
		WithHint("give one of them, such as %s", filepath.Join(dir, found[0]))
}

// spool copies standard input to a temporary file: a bundle is read more than
// once. An input that never ends is left at once when ctx does.
func spool(ctx context.Context, c *cli.Console) (*Bundle, error) {
	f, remove, err := rootfs.SpoolFile()
	if err != nil {
		return nil, (&fault.Error{Class: fault.ClassOf(err), Err: err}).
			WithHint("what comes from standard input is kept in the folder that TMPDIR names: give one that is there and has room")
	}
	p := c.Progress("reading standard input", -1)
	defer p.Done()
	copied := make(chan error, 1)
	var n int64
	go func() {
		var err error
		n, err = io.Copy(io.MultiWriter(f, p), c.Stdin())
		copied <- err
	}()
	select {
	case err = <-copied:
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	if err != nil {
		remove()
		return nil, fmt.Errorf("standard input: %w", err)
	}
	return &Bundle{ReaderAt: f, Path: f.Name(), Size: n, Spooled: true, close: remove}, nil
}

// AdoptSpool makes Close remove the bundle's file: another run of the tool
// spooled it and handed it on.
func (b *Bundle) AdoptSpool() error {
	dir, base := filepath.Split(b.Path)
	if !strings.HasPrefix(base, "packlift-spool-") {
		return fault.New(fault.Usage, "%s is not a spooled bundle", b.Path)
	}
	before := b.close
	b.close = func() {
		before()
		if root, err := rootfs.Open(dir); err == nil {
			_ = root.Remove(base)
			root.Close()
		}
	}
	return nil
}

// Missing says of an argument, such as a bundle, that it does not exist, and
// what to look at; other errors pass.
func Missing(what, name string, err error) error {
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f := fault.New(fault.Usage, "the %s %s does not exist", what, name)
	f.Err = &missing{f.Err, err}
	dir := filepath.Dir(name)
	if _, err := os.Stat(dir); err != nil {
		return f.WithHint("the folder %s does not exist either: is the medium mounted?", dir)
	}
	return f.WithHint("check the name: %s", typed.List(dir))
}

// missing says it in its own words and is still fs.ErrNotExist.
type missing struct {
	error
	cause error
}

func (m *missing) Unwrap() error { return m.cause }

// ReadSmall reads a file of at most limit bytes; `-` is standard input. what
// names it in errors. The file may be a pipe, such as a shell's <(…); the wait for
// who writes to it ends with ctx.
func ReadSmall(ctx context.Context, c *cli.Console, what, name string, limit int64) ([]byte, error) {
	return cli.Await(ctx, func() ([]byte, error) {
		if name == "-" {
			return ReadCapped("standard input", c.Stdin(), limit)
		}
		f, err := os.Open(name)
		if err != nil {
			return nil, Missing(what, name, err)
		}
		defer f.Close()
		return ReadCapped(name, f, limit)
	})
}

// ReadCapped reads at most limit bytes of r; more are a usage error.
func ReadCapped(name string, r io.Reader, limit int64) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(b)) > limit {
		return nil, fault.New(fault.Usage, "%s is larger than %d bytes", name, limit)
	}
	return b, nil
}

// NewFile is a file for WriteAllNew.
type NewFile struct {
	Name string
	Data []byte
	Perm fs.FileMode
}

// WriteAllNew is WriteNew of several files that make sense together only: all are
// written, or none is left.
func WriteAllNew(files ...NewFile) error {
	for i, f := range files {
		err := WriteNew(f.Name, f.Data, f.Perm)
		if err == nil {
			continue
		}
		for _, written := range files[:i] {
			err = errors.Join(err, removeNew(written.Name))
		}
		return err
	}
	return nil
}

func removeNew(name string) error {
	dir, base := filepath.Split(filepath.Clean(name))
	root, err := rootfs.Open(filepath.Clean(dir + "."))
	if err != nil {
		return err
	}
	return errors.Join(root.Remove(base), root.Close())
}

// WriteNew writes data to a file that must not be there yet.
func WriteNew(name string, data []byte, perm fs.FileMode) (err error) {
	dir, base := filepath.Split(filepath.Clean(name))
	root, err := rootfs.MkdirAllOpen(filepath.Clean(dir+"."), 0o700)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	f, err := root.Create(base, perm)
	if errors.Is(err, fs.ErrExist) {
		return fault.New(fault.Usage, "%s is there already; it was left as it is", name).WithHint("choose another name")
	}
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, root.Remove(base))
	}
	return root.SyncDir(".")
}
