package common

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"packlift/internal/fault"
)

// stick is a medium that a test pulls, or signals in the middle of.
type stick struct {
	*bytes.Reader
	reads int
	at    func(read int) error
}

func (s *stick) ReadAt(p []byte, off int64) (int, error) {
	s.reads++
	if err := s.at(s.reads); err != nil {
		return 0, err
	}
	return s.Reader.ReadAt(p, off)
}

func TestMedium(t *testing.T) {
	data := bytes.Repeat([]byte("0123456789abcdef"), 100_000)
	ctx, cancel := context.WithCancelCause(t.Context())
	whole := &stick{bytes.NewReader(data), 0, func(int) error { return nil }}
	b := make([]byte, len(data)+1)
	if n, err := (medium{ctx, whole, "b"}).ReadAt(b, 0); n != len(data) || !errors.Is(err, io.EOF) || !bytes.Equal(b[:n], data) {
		t.Errorf("%d bytes, %v", n, err)
	}
	if n, err := (medium{ctx, whole, "b"}).ReadAt(b[:len(data)-3], 3); n != len(data)-3 || err != nil || !bytes.Equal(b[:n], data[3:]) {
		t.Errorf("from the third on %d bytes, %v", n, err)
	}
	pulled := errors.New("input/output error")
	failing := &stick{bytes.NewReader(data), 0, func(read int) error {
		if read > 2 {
			return pulled
		}
		return nil
	}}
	n, err := medium{ctx, failing, "/media/b"}.ReadAt(b, 0)
	if n != 2*atOnce || !errors.Is(err, pulled) || fault.ClassOf(err) != fault.General || !strings.Contains(fault.HintOf(err), "/media/b") {
		t.Errorf("pulled: %d bytes, %v, hint %q", n, err, fault.HintOf(err))
	}
	slow := &stick{bytes.NewReader(data), 0, func(read int) error {
		if read == 2 {
			cancel(errors.New("a signal"))
		}
		return nil
	}}
	if _, err := (medium{ctx, slow, "b"}).ReadAt(b, 0); fault.ClassOf(err) != fault.Interrupted || slow.reads > 2 {
		t.Errorf("a signal in the middle of a long read: %v after %d reads", err, slow.reads)
	}
}
