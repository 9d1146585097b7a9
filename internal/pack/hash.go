package pack

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
	"syscall"

	"packlift/internal/manifest"
	"packlift/internal/rootfs"
)

var buffers = sync.Pool{New: func() any { return new([128 << 10]byte) }}

// HashFile reads r to its end and returns its SHA-256 and length in bytes.
func HashFile(r io.Reader) (manifest.Digest, int64, error) {
	buf := buffers.Get().(*[128 << 10]byte)
	defer buffers.Put(buf)
	h := sha256.New()
	n, err := io.CopyBuffer(h, struct{ io.Reader }{r}, buf[:])
	if err != nil {
		return manifest.Digest{}, n, err
	}
	return manifest.Digest(h.Sum(nil)), n, nil
}

// watched is a reader that can be told to stop and tells how far it is.
type watched struct {
	r        io.Reader
	ctx      context.Context
	progress func(int64)
}

func (w *watched) Read(b []byte) (int, error) {
	if w.ctx.Err() != nil {
		return 0, context.Cause(w.ctx)
	}
	n, err := w.r.Read(b)
	if w.progress != nil && n > 0 {
		w.progress(int64(n))
	}
	return n, err
}

// EntryAt describes what lies at path, with the digest of a file if hash is
// set; nil if nothing does, a parent that is a file included. What cannot be in
// a manifest (a device, a link that leaves, …) is an error that IsRefused knows.
func EntryAt(root *rootfs.Root, path string, hash bool) (*manifest.Entry, error) {
	info, err := root.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	e, err := describe(root, path, path, info)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", root.Full(path), err)
	}
	if e.Type == manifest.File && hash {
		e.SHA256, e.Size, err = hashAt(root, path, info)
	}
	return e, err
}

func hashAt(root *rootfs.Root, path string, before fs.FileInfo) (manifest.Digest, int64, error) {
	f, err := root.Open(path)
	if err != nil {
		return manifest.Digest{}, 0, err
	}
	defer f.Close()
	if now, err := f.Stat(); err != nil || !os.SameFile(before, now) {
		return manifest.Digest{}, 0, errors.Join(err, fmt.Errorf("%s was replaced while it was read", root.Full(path)))
	}
	digest, err := hashSized(f, before.Size())
	if err != nil {
		return manifest.Digest{}, 0, fmt.Errorf("%s: %w", root.Full(path), err)
	}
	return digest, before.Size(), nil
}

// hashSized reads a file of size bytes, and one byte more at most: one that
// grows as fast as it is read must not hold the run.
func hashSized(r io.Reader, size int64) (manifest.Digest, error) {
	digest, n, err := HashFile(io.LimitReader(r, size+1))
	if err == nil && n != size {
		err = errors.New("changed while it was read")
	}
	return digest, err
}
