package export

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"packlift/internal/fault"
	"packlift/internal/manifest"
	"packlift/internal/regular"
)

// source is a product tree, listed and hashed, whose files can be read again.
type source interface {
	// entries is the whole tree in the order and under the rules of package manifest.
	entries() []manifest.Entry
	// open reads the content of the file at path.
	open(path string) (io.ReadCloser, error)
	Close() error
}

// reading says how a source is read.
type reading struct {
	jobs     int
	progress func(bytes int64) // called from several goroutines; may be nil
}

func (r reading) report(n int64) {
	if r.progress != nil {
		r.progress(n)
	}
}

// openSource lists the tree at name: a folder, or an archive by its ending.
func openSource(ctx context.Context, name string, r reading) (source, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, fault.New(fault.Usage, "%w", err).WithHint("give a folder, .zip, .tar, .tar.gz, .tgz, .tar.xz or .txz")
	}
	lower := strings.ToLower(name)
	if !info.IsDir() && !info.Mode().IsRegular() {
		return nil, fault.New(fault.Usage, "%s is not a regular file", name).WithHint("give a folder, or an archive that lies on a disk")
	}
	var s source
	switch {
	case info.IsDir():
		s, err = openDir(ctx, name, r)
	case strings.HasSuffix(lower, ".zip"):
		s, err = openZip(ctx, name, r)
	case hasAnySuffix(lower, ".tar", ".tar.gz", ".tgz", ".tar.xz", ".txz"):
		s, err = openTar(ctx, name, r)
	default:
		return nil, fault.New(fault.Usage, "%s is neither a folder nor an archive that is known by its ending", name).
			WithHint("give a folder, .zip, .tar, .tar.gz, .tgz, .tar.xz or .txz")
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return s, nil
}

func hasAnySuffix(s string, suffixes ...string) bool {
	for _, suffix := range suffixes {
		if strings.HasSuffix(s, suffix) {
			return true
		}
	}
	return false
}

// withContext makes reads end when ctx does.
func withContext(ctx context.Context, r io.Reader) io.Reader { return &contextReader{ctx, r} }

type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c *contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}

// contextReaderAt is the same for reads at any place.
type contextReaderAt struct {
	ctx context.Context
	r   io.ReaderAt
}

func (c *contextReaderAt) ReadAt(p []byte, off int64) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.ReadAt(p, off)
}

// openPath is how a file on disk is opened when its turn comes.
func openPath(path string) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) { return regular.Open(path) }
}
