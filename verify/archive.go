package verify

import (
	"errors"
	"fmt"
	"io"

	"packlift/bundle"
	"packlift/bundle/tarball"
	"packlift/internal/fault"
)

// archive reads a part's inner tar. It tells the faults of the archive, which
// are the maker's, from those of what lies beneath: a piece that changed, a
// stick that was pulled.
type archive struct {
	tr  *tarball.Reader
	src *source
}

// source remembers the error that ended reading a part.
type source struct {
	r   io.Reader
	err error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}
	return n, err
}

func newArchive(r io.Reader, o tarball.Limits) *archive {
	src := &source{r: r}
	return &archive{tarball.NewReader(src, o), src}
}

// Next goes to the next entry; io.EOF after the last.
func (a *archive) Next() (*tarball.Entry, error) {
	e, err := a.tr.Next()
	return e, a.fault(bundle.LayerTar, "", err)
}

// Read reads the current entry; io.EOF at its end.
func (a *archive) Read(p []byte) (int, error) {
	n, err := a.tr.Read(p)
	return n, a.fault(bundle.LayerTar, "", err)
}

// fault gives an error of a layer its class; errors from beneath keep theirs.
func (a *archive) fault(layer bundle.Layer, what string, err error) error {
	if err == nil || err == io.EOF {
		return err
	}
	if a.src.err != nil {
		return a.src.err
	}
	if fault.ClassOf(err) != fault.General {
		return bundle.At(layer, err)
	}
	if what != "" {
		err = fmt.Errorf("%s: %w", what, err)
	}
	return bundle.At(layer, tampered("%w", err))
}

// small reads the current entry whole.
func (a *archive) small(e *tarball.Entry, most int64) ([]byte, error) {
	if e.Size > most {
		return nil, tampered("%s has %d bytes, the most is %d", e.Name, e.Size, most)
	}
	b := make([]byte, e.Size)
	if _, err := io.ReadFull(a, b); err != nil {
		return nil, atEnd(err)
	}
	return b, nil
}

// atEnd turns an end in the middle of something into a fault.
func atEnd(err error) error {
	if errors.Is(err, io.EOF) || err == io.ErrUnexpectedEOF {
		return fault.New(fault.Tampered, "an archive inside the bundle ends too early: %w", io.ErrUnexpectedEOF)
	}
	return err
}
