package tarball

import (
	"fmt"
	"io"
)

// Writer writes a canonical archive. Create starts a member, Write fills it,
// Close ends the archive. After an error every call returns it.
type Writer struct {
	w    io.Writer
	left int64 // bytes of the current member still to come
	pad  int64
	name string
	err  error
}

// NewWriter makes a Writer onto w. It holds nothing back.
func NewWriter(w io.Writer) *Writer { return &Writer{w: w} }

// Create starts the next member: name of 1 to MaxName bytes, size in bytes.
// The member before must be complete.
func (w *Writer) Create(name string, size int64) error {
	if w.endMember(); w.err != nil {
		return w.err
	}
	h, err := Header(name, size)
	if err == nil {
		_, err = w.w.Write(h[:])
	}
	w.name, w.left, w.pad, w.err = name, size, Padding(size), err
	return err
}

// Write adds to the current member; more than its size is an error.
func (w *Writer) Write(p []byte) (int, error) {
	if w.err != nil {
		return 0, w.err
	}
	if int64(len(p)) > w.left {
		w.err = fmt.Errorf("tar: %q grew beyond its size", w.name)
		return 0, w.err
	}
	n, err := w.w.Write(p)
	w.left -= int64(n)
	w.err = err
	return n, err
}

// Close ends the last member and writes the two zero blocks.
func (w *Writer) Close() error {
	if w.endMember(); w.err == nil {
		_, w.err = w.w.Write(make([]byte, Trailer))
	}
	return w.err
}

func (w *Writer) endMember() {
	if w.err == nil && w.left > 0 {
		w.err = fmt.Errorf("tar: %q is %d bytes short of its size", w.name, w.left)
	}
	if w.err == nil && w.pad > 0 {
		_, w.err = w.w.Write(make([]byte, w.pad))
		w.pad = 0
	}
}
