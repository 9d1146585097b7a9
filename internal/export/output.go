package export

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"

	"packlift/internal/fault"
	"packlift/internal/manifest"
	"packlift/internal/rootfs"
	"packlift/internal/sigfiles"
)

// sumSuffix ends the name of the sidecar that `sha256sum -c` reads.
const sumSuffix = ".sha256"

// bundleMode is a new bundle's mode before the umask; it holds no secrets in clear.
const bundleMode = 0o644

// output is the bundle on its way to its name, or to standard output through
// a spool, so that not a byte is out before the whole is verified.
type output struct {
	*rootfs.File
	root    *rootfs.Root
	name    string // in root
	pending *rootfs.Pending
	remove  func() // the spool
}

// newOutput begins a file at path.
func newOutput(path string) (*output, error) {
	root, err := rootfs.Open(filepath.Dir(path))
	if err != nil {
		return nil, fault.New(fault.Usage, "output: %w", err).WithHint("make the folder first, or choose another with -o")
	}
	if err := root.SweepOthers("."); err != nil {
		root.Close()
		return nil, fmt.Errorf("output: what a killed run left cannot be removed: %w", err)
	}
	p, err := root.Pending(filepath.Base(path), bundleMode)
	if err != nil {
		root.Close()
		return nil, err
	}
	return &output{File: p.File, root: root, name: filepath.Base(path), pending: p}, nil
}

func newSpool() (*output, error) {
	f, remove, err := rootfs.SpoolFile()
	if err != nil {
		return nil, err
	}
	return &output{File: f, remove: remove}, nil
}

// cleanup removes what was not published; it may be called at any time.
func (o *output) cleanup() {
	if o.remove != nil {
		o.remove()
		o.remove = nil
	}
	if o.pending != nil {
		o.pending.Cleanup()
		o.root.Close()
		o.pending = nil
	}
}

func (o *output) size() (int64, error) {
	info, err := o.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// digest reads the whole file once more.
func (o *output) digest(ctx context.Context, size int64) (manifest.Digest, error) {
	return digestOf(ctx, o, size, io.Discard)
}

// digestOf copies size bytes of r to w and gives their SHA-256.
func digestOf(ctx context.Context, r io.ReaderAt, size int64, w io.Writer) (manifest.Digest, error) {
	h := sha256.New()
	n, err := io.CopyBuffer(io.MultiWriter(h, w), withContext(ctx, io.NewSectionReader(r, 0, size)), make([]byte, 1<<20))
	if err == nil && n != size {
		err = io.ErrUnexpectedEOF
	}
	return manifest.Digest(h.Sum(nil)), err
}

// publish puts the file under its name and the sidecar beside it. The sidecar is
// written first: where there is no room for it nothing is published. An older
// one goes before: at no instant does one stand beside a bundle that it does not
// describe.
func (o *output) publish(sum manifest.Digest) (err error) {
	name := o.name + sumSuffix
	sidecar, err := o.root.Pending(name, bundleMode)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, sidecar.Cleanup())
		}
	}()
	if _, err := sidecar.Write(sumLine(sum, o.name)); err != nil {
		return err
	}
	if err := sidecar.Sync(); err != nil {
		return err
	}
	if err := o.root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := o.pending.Commit(); err != nil {
		return err
	}
	return sidecar.Commit()
}

// dropSigs removes the signature files beside the bundle, NN.sig, and their
// folder once nothing else is in it. It says how many they were.
func (o *output) dropSigs() (n int, err error) {
	dir := sigfiles.Dir(o.name)
	info, err := o.root.Lstat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil || !info.IsDir() {
		return 0, err
	}
	list, err := o.root.ReadDir(dir)
	if err != nil {
		return 0, err
	}
	for _, e := range list {
		if !e.Type().IsRegular() || !sigName().MatchString(e.Name()) {
			continue
		}
		if err := o.root.Remove(dir + "/" + e.Name()); err != nil {
			return n, err
		}
		n++
	}
	if n == len(list) {
		return n, o.root.Remove(dir)
	}
	return n, nil
}

// sigName is how sign names a detached signature.
var sigName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[0-9]{2}\.sig$`) })

// sumLine is one line as `sha256sum` writes it: a name with a backslash or a
// line break is escaped, and the line then begins with a backslash.
func sumLine(sum manifest.Digest, name string) []byte {
	mark := ""
	if strings.ContainsAny(name, "\\\n\r") {
		mark = `\`
		name = strings.NewReplacer(`\`, `\\`, "\n", `\n`, "\r", `\r`).Replace(name)
	}
	return fmt.Appendf(nil, "%s%s  %s\n", mark, sum, name)
}

// openOutput resolves where the bundle goes and begins it.
func (c *creation) openOutput() (err error) {
	if c.Output == "-" {
		c.made.Path = "-"
		c.out, err = newSpool()
		return err
	}
	path := c.Output
	if path == "" {
		path = "."
	}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		path = filepath.Join(path, c.fileName())
	}
	for _, s := range c.wanted() {
		if err := outside(path, s.Tree); err != nil {
			return err
		}
	}
	c.made.Path = path
	c.out, err = newOutput(path)
	return err
}

// outside refuses to write into a tree that is being carried: the bundle would
// be part of the product from then on. The pack's own updates folder is none of it.
func outside(path, tree string) error {
	if tree == "" {
		return nil
	}
	top, err := filepath.EvalSymlinks(tree)
	if err == nil {
		top, err = filepath.Abs(top)
	}
	dir, err2 := filepath.EvalSymlinks(filepath.Dir(path))
	if err2 == nil {
		dir, err2 = filepath.Abs(dir)
	}
	if err != nil || err2 != nil {
		return nil // what is wrong shows when it is opened
	}
	rel, err := filepath.Rel(top, filepath.Join(dir, filepath.Base(path)))
	rel = filepath.ToSlash(rel)
	if err != nil || rel == ".." || strings.HasPrefix(rel, "../") || manifest.Reserved(rel) {
		return nil
	}
	return fault.New(fault.Usage, "the output %s lies inside the tree %s", path, tree).WithHint("choose a folder outside the tree with -o")
}
