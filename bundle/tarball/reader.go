package tarball

import (
	"errors"
	"fmt"
	"io"

	"packlift/internal/safepath"
)

// Limits bound what a Reader accepts. Every zero field but MaxEntries and
// MaxSize means no such rule.
type Limits struct {
	MaxEntries int                     // most members
	MaxSize    int64                   // most bytes in one member
	Allow      func(name string) error // whitelist of names, asked before the size is looked at
	Sorted     bool                    // names must rise bytewise; saves the memory that finding collisions takes
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
		return nil, fmt.Errorf("tar: member %d: %w", r.count+1, err)
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
	if !r.o.Sorted {
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
			err = fmt.Errorf("tar: %q: %w", r.entry.Name, io.ErrUnexpectedEOF)
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
		return fmt.Errorf("tar: padding after %q is not zero", name)
	}
	return nil
}

func (r *Reader) end() error {
	var b [BlockSize]byte
	if err := r.full(b[:]); err != nil {
		return err
	}
	if !IsZero(b[:]) {
		return fmt.Errorf("tar: one zero block only, where two end the archive")
	}
	if n, err := io.ReadFull(r.r, b[:1]); n > 0 {
		return fmt.Errorf("tar: bytes follow the end of the archive")
	} else if !errors.Is(err, io.EOF) {
		return err
	}
	return io.EOF
}

func (r *Reader) full(b []byte) error {
	_, err := io.ReadFull(r.r, b)
	if errors.Is(err, io.EOF) && len(b) > 0 {
		err = io.ErrUnexpectedEOF
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = fmt.Errorf("tar: archive ends after member %d: %w", r.count, err)
	}
	return err
}
