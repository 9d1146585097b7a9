package fetch

import (
	"context"
	"crypto/sha256"
	"errors"
	"hash"
	"io"
	"io/fs"
	"sync"

	"packlift/internal/fault"
)

// file is what an object is read from.
type file interface {
	io.ReaderAt
	io.Closer
}

// object is a file that is checked while it is read from front to back, or
// whole before it is read otherwise.
type object struct {
	name string
	file file
	want Want

	pos int64 // of Read and Seek, which one goroutine calls

	mu      sync.Mutex // for what follows
	checked bool
	sum     hash.Hash // of the first done bytes
	done    int64
}

func newObject(name string, f file, want Want, checked bool) *object {
	return &object{name: name, file: f, want: want, checked: checked, sum: sha256.New()}
}

// Read implements io.Reader.
func (o *object) Read(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.checked && o.pos != o.done {
		if err := o.checkAll(context.Background()); err != nil {
			return 0, err
		}
	}
	rest := max(o.want.Size-o.pos, 0)
	if len(p) == 0 && rest > 0 {
		return 0, nil
	}
	n, err := o.readAt(p[:min(int64(len(p)), rest)], o.pos)
	if !o.checked && err == nil {
		err = o.add(p[:n])
	}
	if err != nil {
		return 0, err
	}
	o.pos += int64(n)
	if n == 0 {
		err = io.EOF
	}
	return n, err
}

// add counts bytes that were read in order, and compares at the end.
func (o *object) add(p []byte) error {
	o.sum.Write(p)
	o.done += int64(len(p))
	if o.done < o.want.Size {
		return nil
	}
	if [sha256.Size]byte(o.sum.Sum(nil)) != o.want.SHA256 {
		o.sum.Reset() // read again, it is compared again
		o.done = 0
		return wrongBytes(o.name, o.want)
	}
	o.checked = true
	return nil
}

func wrongBytes(name string, want Want) error {
	return fault.New(fault.Tampered, "%s has not the SHA-256 that the depot's signed data say, %s", name, want.SHA256).WithHint("%s", otherBytes)
}

// readAt reads within the object, and takes its end for one that came too early.
func (o *object) readAt(p []byte, off int64) (int, error) {
	n, err := o.file.ReadAt(p, off)
	if n == len(p) {
		return n, nil
	}
	if errors.Is(err, io.EOF) {
		err = fault.New(fault.Truncated, "%s became shorter while it was read", o.name)
	}
	return n, err
}

// checkAll compares the whole; the caller holds the lock.
func (o *object) checkAll(ctx context.Context) error {
	o.sum.Reset()
	o.done = 0
	if o.want.Size == 0 {
		return o.add(nil)
	}
	buf := make([]byte, min(copyBuffer, o.want.Size))
	for !o.checked {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		n, err := o.readAt(buf[:min(int64(len(buf)), o.want.Size-o.done)], o.done)
		if err == nil {
			err = o.add(buf[:n])
		}
		if err != nil {
			return err
		}
	}
	return nil
}

const copyBuffer = 256 << 10

// ReadAt implements io.ReaderAt.
func (o *object) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, fs.ErrInvalid
	}
	if err := o.ensureChecked(context.Background()); err != nil {
		return 0, err
	}
	rest := max(o.want.Size-off, 0)
	n, err := o.readAt(p[:min(int64(len(p)), rest)], off)
	if err == nil && n < len(p) {
		err = io.EOF
	}
	return n, err
}

func (o *object) ensureChecked(ctx context.Context) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.checked {
		return nil
	}
	return o.checkAll(ctx)
}

// Seek implements io.Seeker.
func (o *object) Seek(off int64, whence int) (int64, error) {
	switch whence {
	case io.SeekStart:
	case io.SeekCurrent:
		off += o.pos
	case io.SeekEnd:
		off += o.want.Size
	default:
		return 0, fs.ErrInvalid
	}
	if off < 0 {
		return 0, fs.ErrInvalid
	}
	o.pos = off
	return off, nil
}

// Close implements io.Closer.
func (o *object) Close() error { return o.file.Close() }
