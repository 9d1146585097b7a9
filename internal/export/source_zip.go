package export

import (
	"archive/zip"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"

	"golang.org/x/sync/errgroup"

	"packlift/internal/manifest"
	"packlift/internal/pack"
	"packlift/internal/regular"
	"packlift/internal/safepath"
)

// Who made a zip entry, in the upper byte of its "version made by" (APPNOTE
// 4.4.2): only these two store Unix modes.
const (
	madeOnUnix  = 3
	madeOnMacOS = 19
)

const zipEncrypted = 1 // general purpose bit 0, APPNOTE 4.4.4

// openZip reads a zip archive in place; each file is hashed now and read again
// when it is sent.
func openZip(ctx context.Context, name string, r reading) (source, error) {
	f, err := regular.Open(name)
	if err != nil {
		return nil, err
	}
	a, err := readZip(ctx, f, r)
	if err != nil {
		f.Close()
		return nil, err
	}
	return a, nil
}

func readZip(ctx context.Context, f *os.File, r reading) (source, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	z, err := zip.NewReader(f, info.Size())
	if err != nil {
		return nil, err
	}
	return collectZip(ctx, z, r, f.Close)
}

func collectZip(ctx context.Context, z *zip.Reader, r reading, close func() error) (*archive, error) {
	c := &collector{}
	for _, f := range z.File {
		if err := addZip(c, f); err != nil {
			return nil, err
		}
	}
	a, err := c.finish(close)
	if err != nil {
		return nil, err
	}
	return a, hashFiles(ctx, a, r)
}

func addZip(c *collector, f *zip.File) error {
	mode := zipMode(f)
	m := member{Entry: manifest.Entry{Path: cleanName(f.Name)}}
	switch {
	case f.Flags&zipEncrypted != 0:
		return fmt.Errorf("%q is encrypted; unpack the archive first", f.Name)
	case mode.IsDir():
		m.Type = manifest.Dir
	case mode&fs.ModeSymlink != 0:
		target, err := zipTarget(f)
		if err != nil {
			return err
		}
		m.Type, m.Target = manifest.Symlink, target
	case mode&fs.ModeType != 0:
		c.refuse(m.Path, "is a "+kindOf(mode))
		return nil
	case f.UncompressedSize64 > manifest.MaxFile:
		c.refuse(m.Path, "is too large")
		return nil
	default:
		m.Type, m.open = manifest.File, f.Open
	}
	return c.add(m, mode)
}

// zipMode gives an entry's mode: the Unix one where there is one, else 0644
// and 0755. Java's writers name Unix as the maker and leave the mode zero.
func zipMode(f *zip.File) fs.FileMode {
	maker := f.CreatorVersion >> 8
	mode := f.Mode()
	if (maker == madeOnUnix || maker == madeOnMacOS) && f.ExternalAttrs>>16 != 0 {
		return mode
	}
	if mode.IsDir() {
		return fs.ModeDir | defaultDir
	}
	return defaultFile
}

func zipTarget(f *zip.File) (string, error) {
	r, err := f.Open()
	if err != nil {
		return "", fmt.Errorf("%q: %w", f.Name, err)
	}
	defer r.Close()
	b, err := io.ReadAll(io.LimitReader(r, safepath.MaxPath+1))
	if err != nil {
		return "", fmt.Errorf("%q: %w", f.Name, err)
	}
	return string(b), nil
}

// hashFiles fills in size and digest of every file of the archive.
func hashFiles(ctx context.Context, a *archive, r reading) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(max(r.jobs, 1))
	for i := range a.list {
		e := &a.list[i]
		if e.Type == manifest.File {
			g.Go(func() error { return hashFile(ctx, a, e, r) })
		}
	}
	return g.Wait()
}

func hashFile(ctx context.Context, a *archive, e *manifest.Entry, r reading) error {
	f, err := a.open(e.Path)
	if err == nil {
		defer f.Close()
		e.SHA256, e.Size, err = pack.HashFile(withContext(ctx, f))
	}
	if err != nil {
		return fmt.Errorf("%q: %w", e.Path, err)
	}
	r.report(e.Size)
	return nil
}

func kindOf(mode fs.FileMode) string {
	switch {
	case mode&fs.ModeNamedPipe != 0:
		return "fifo"
	case mode&fs.ModeSocket != 0:
		return "socket"
	case mode&(fs.ModeDevice|fs.ModeCharDevice) != 0:
		return "device"
	}
	return "special file"
}
