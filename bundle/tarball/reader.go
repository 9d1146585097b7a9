package tarball

import (
	"errors"
	"fmt"
	"io"

	"packlift/internal/fault"
	"packlift/internal/safepath"
)

// Error is a fault of the archive itself, as opposed to one of the reader
// beneath it. It holds a *fault.Error of class Tampered, or Truncated where
// bytes are missing.
type Error struct{ err *fault.Error }

func (e *Error) Error() string { return e.err.Error() }

// Unwrap gives the *fault.Error.
func (e *Error) Unwrap() error { return e.err }

func wrong(format string, args ...any) error {
	return &Error{fault.New(fault.Tampered, "tar: %w", fmt.Errorf(format, args...))}
}

func short(format string, args ...any) error {
	return &Error{fault.New(fault.Truncated, "tar: %w: %w", fmt.Errorf(format, args...), io.ErrUnexpectedEOF)}
}

// Limits bound what a Reader accepts. Every zero field but MaxEntries and
// MaxSize means no such rule.
type Limits struct {
	MaxEntries int                     // most members
	MaxSize    int64                   // most bytes in one member
	Allow      func(name string) error // whitelist of names, asked before the size is looked at
	Sorted     bool                    // names must rise bytewise; saves the memory that finding collisions takes
	Listed     bool                    // the caller holds each name against a list: none is remembered
}

// Entry is one member of an archive; Size is in bytes.
type Entry struct {
	Name string
	Size int64
}

// Reader reads a canonical archive in one pass. After an error every call
// returns it.
type Reader struct {
	r     io.Reader
	o     Limits
	seen  safepath.Collisions
	last  string
	count int
	entry *Entry
	left  int64
	err   error
}

// NewReader makes a Reader of r within the limits.
func NewReader(r io.Reader, o Limits) *Reader { return &Reader{r: r, o: o} }

// Next goes to the next member; what is left of the one before is read and
// checked. At the end of the archive, after the two zero blocks and the end of
// the underlying reader, it returns io.EOF.
func (r *Reader) Next() (*Entry, error) {
	if r.err == nil {
		r.err = r.skip()
	}
	if r.err == nil {
		r.entry, r.err = r.next()
	}
	if r.err != nil {
		return nil, r.err
	}
	r.left = r.entry.Size
	return r.entry, nil
}

func (r *Reader) next() (*Entry, error) {
	var b [BlockSize]byte
	if err := r.full(b[:]); err != nil {
		return nil, err
	}
	if IsZero(b[:]) {
		return nil, r.end()
	}
	name, size, err := ParseHeader(&b)
	if err == nil {
		err = r.check(name, size)
	}
	if err != nil {
		return nil, wrong("member %d: %w", r.count+1, err)
	}
	r.count, r.last = r.count+1, name
	return &Entry{Name: name, Size: size}, nil
}

func (r *Reader) check(name string, size int64) error {
	if r.count >= r.o.MaxEntries {
		return fmt.Errorf("more than %d members", r.o.MaxEntries)
	}
	if err := safepath.Check(name); err != nil {
		return err
	}
	if r.o.Sorted && r.count > 0 && name <= r.last {
		return fmt.Errorf("%q stands after %q: not sorted, or twice", name, r.last)
	}
	if !r.o.Sorted && !r.o.Listed {
		if err := r.seen.Add(name); err != nil {
			return err
		}
	}
	if r.o.Allow != nil {
		if err := r.o.Allow(name); err != nil {
			return err
		}
	}
	if size > r.o.MaxSize {
		return fmt.Errorf("%q has %d bytes, the most is %d", name, size, r.o.MaxSize)
	}
	return nil
}

// Read reads the current member; io.EOF at its end, once its padding was seen
// to be zero.
func (r *Reader) Read(p []byte) (int, error) {
	if r.err != nil {
		return 0, r.err
	}
	if r.entry == nil {
		return 0, io.EOF
	}
	if r.left == 0 {
		if r.err = r.padding(); r.err != nil {
			return 0, r.err
		}
		return 0, io.EOF
	}
	n, err := r.r.Read(p[:min(int64(len(p)), r.left)])
	r.left -= int64(n)
	if errors.Is(err, io.EOF) {
		err = nil
		if n == 0 {
			err = short("the archive ends inside %q", r.entry.Name)
		}
	}
	r.err = err
	return n, err
}

func (r *Reader) skip() error {
	if r.entry == nil {
		return nil
	}
	if _, err := io.Copy(io.Discard, r); err != nil {
		return err
	}
	return r.err
}

// padding reads the zero bytes after the current member, once.
func (r *Reader) padding() error {
	b := make([]byte, Padding(r.entry.Size))
	name := r.entry.Name
	r.entry = nil
	if err := r.full(b); err != nil {
		return err
	}
	if !IsZero(b) {
		return wrong("padding after %q is not zero", name)
	}
	return nil
}

func (r *Reader) end() error {
	var b [BlockSize]byte
	if err := r.full(b[:]); err != nil {
		return err
	}
	if !IsZero(b[:]) {
		return wrong("one zero block only, where two end the archive")
	}
	if n, err := io.ReadFull(r.r, b[:1]); n > 0 {
		return wrong("bytes follow the end of the archive")
	} else if !errors.Is(err, io.EOF) {
		return err
	}
	return io.EOF
}

func (r *Reader) full(b []byte) error {
	_, err := io.ReadFull(r.r, b)
	if err == io.EOF && len(b) > 0 || err == io.ErrUnexpectedEOF {
		return short("the archive ends after member %d", r.count)
	}
	return err
}
