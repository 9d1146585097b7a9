package export

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/ulikunitz/xz"

	"packlift/internal/manifest"
	"packlift/internal/regular"
	"packlift/internal/rootfs"
)

// openTar unpacks a tar archive, compressed or not, into one anonymous spool
// file: names never touch the disk, so nothing in them can reach outside, and
// modes are kept on systems that have none.
func openTar(ctx context.Context, name string, r reading) (source, error) {
	f, err := regular.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	plain, err := decompress(strings.ToLower(name), withContext(ctx, f))
	if err != nil {
		return nil, err
	}
	spool, remove, err := rootfs.SpoolFile()
	if err != nil {
		return nil, err
	}
	t := &tarReader{tar: tar.NewReader(plain), spool: spool, reading: r, files: map[string]member{}}
	a, err := t.read(func() error { remove(); return nil })
	if err != nil {
		remove()
		return nil, err
	}
	return a, nil
}

func decompress(name string, r io.Reader) (io.Reader, error) {
	switch {
	case hasAnySuffix(name, ".gz", ".tgz"):
		return gzip.NewReader(r)
	case hasAnySuffix(name, ".xz", ".txz"):
		return xz.NewReader(newXZGuard(r))
	}
	return r, nil
}

// tarReader moves files' contents to the spool and gathers the entries.
type tarReader struct {
	reading
	tar   *tar.Reader
	spool *rootfs.File
	end   int64             // bytes in the spool
	files map[string]member // by name, for hard links
	c     collector
}

func (t *tarReader) read(close func() error) (*archive, error) {
	for {
		h, err := t.tar.Next()
		if errors.Is(err, io.EOF) {
			return t.c.finish(close)
		}
		if err == nil || errors.Is(err, tar.ErrInsecurePath) {
			err = t.add(h)
		}
		if err != nil {
			return nil, err
		}
	}
}

func (t *tarReader) add(h *tar.Header) error {
	m := member{Entry: manifest.Entry{Path: cleanName(h.Name)}}
	mode := h.FileInfo().Mode()
	switch h.Typeflag {
	case tar.TypeReg, tar.TypeGNUSparse, tar.TypeCont:
		if err := t.store(&m, h); err != nil {
			return fmt.Errorf("%q: %w", h.Name, err)
		}
		t.files[m.Path] = m
		mode &^= fs.ModeType
	case tar.TypeLink:
		old, ok := t.files[cleanName(h.Linkname)]
		if !ok {
			t.c.refuse(m.Path, "is a hard link to a file that does not stand before it")
			return nil
		}
		old.Path = m.Path
		m = old
		mode &^= fs.ModeType
	case tar.TypeDir:
		m.Type = manifest.Dir
	case tar.TypeSymlink:
		m.Type, m.Target = manifest.Symlink, h.Linkname
	case tar.TypeXGlobalHeader: // a comment of git archive
		return nil
	default:
		t.c.refuse(m.Path, "is a "+kindOf(mode))
		return nil
	}
	return t.c.add(m, mode)
}

// store appends a file's content to the spool and hashes it on the way.
func (t *tarReader) store(m *member, h *tar.Header) error {
	if h.Size > manifest.MaxFile {
		return fmt.Errorf("it has %d bytes, the most is %d", h.Size, int64(manifest.MaxFile))
	}
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(t.spool, sum), t.tar)
	if err != nil {
		return err
	}
	start := t.end
	t.end += n
	m.Type, m.Size, m.SHA256 = manifest.File, n, manifest.Digest(sum.Sum(nil))
	m.open = func() (io.ReadCloser, error) {
		return io.NopCloser(io.NewSectionReader(t.spool, start, n)), nil
	}
	t.report(n)
	return nil
}
