package xzpar

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"
)

var errSignal = errors.New("a signal")

// endsAtRead ends a context while it is read from, so that what is decoded
// next is not wanted any more.
type endsAtRead struct {
	*bytes.Reader
	end context.CancelCauseFunc
}

func (e endsAtRead) ReadAt(p []byte, off int64) (int, error) {
	e.end(errSignal)
	return e.Reader.ReadAt(p, off)
}

func (e endsAtRead) Read(p []byte) (int, error) {
	n, err := e.Reader.Read(p)
	if e.Len() < int(e.Size())/2 { // past the header, at the data
		e.end(errSignal)
	}
	return n, err
}

// TestEndedInAStream: what a context's end met in the middle of a stream gives
// its cause, and not a byte of that stream.
func TestEndedInAStream(t *testing.T) {
	plain := text(1, 300_000)
	packed, streams := write(t, plain, 1)
	ctx, end := context.WithCancelCause(t.Context())
	r, err := NewReader(endsAtRead{bytes.NewReader(packed), end}, int64(len(packed)), streams, int64(len(plain)), ReaderOptions{Context: ctx})
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(r)
	r.Close()
	if len(got) > 0 || !errors.Is(err, errSignal) {
		t.Errorf("parallel: %d bytes, %v", len(got), err)
	}
	ctx, end = context.WithCancelCause(t.Context())
	got, err = io.ReadAll(NewSequential(ctx, endsAtRead{bytes.NewReader(packed), end}))
	if len(got) > 0 || !errors.Is(err, errSignal) {
		t.Errorf("sequential: %d bytes, %v", len(got), err)
	}
}

// TestEndedBetweenStreams: streams left out because of the end are no end of the data.
func TestEndedBetweenStreams(t *testing.T) {
	packed, streams := writeCut(t, text(1, 300_000), 1, 30_000, 20_000)
	ctx, end := context.WithCancelCause(t.Context())
	r, err := NewReader(bytes.NewReader(packed), int64(len(packed)), streams, 300_000, ReaderOptions{Context: ctx, Jobs: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := io.ReadFull(r, make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	end(errSignal)
	if got, err := io.ReadAll(r); !errors.Is(err, errSignal) {
		t.Errorf("%d bytes more, %v", len(got), err)
	}
}

// TestEndedIsAsked asks at least once for 2 MiB, the most that a chunk can hold.
func TestEndedIsAsked(t *testing.T) {
	for name, plain := range map[string][]byte{"zeros": make([]byte, StreamSize), "noise": noise(1, 1<<20)} {
		packed, _ := write(t, plain, 1)
		b, n, err := parseBlock(packed[edgeSize:])
		if err != nil {
			t.Fatal(err)
		}
		asked, most, last := 0, 0, 0
		var d lzmaDecoder
		err = d.unpack(make([]byte, len(plain)), packed[edgeSize+n:][:b.packed], dictSize(b.dict), func(int) error {
			asked, most, last = asked+1, max(most, d.pos-last), d.pos
			return nil
		})
		if err != nil || most > 2<<20 || asked < 2 || last != len(plain) {
			t.Errorf("%s: asked %d times, once after %d bytes: %v", name, asked, most, err)
		}
	}
}
