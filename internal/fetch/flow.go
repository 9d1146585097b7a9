package fetch

import (
	"context"
	"errors"
	"io"
	"time"
)

// minFlow is how much has to come in each span of Options.Stall, in bytes: less
// is no progress.
const minFlow = 1 << 10

var errStalled = errors.New("the server sends nothing more")

// flow is an answer's body. Reading ends with errStalled where a whole span of
// waiting brings nothing, or next to nothing.
type flow struct {
	body   io.ReadCloser
	stall  time.Duration
	cancel context.CancelCauseFunc

	waited time.Duration // in the present span
	got    int64
}

// Read implements io.Reader.
func (f *flow) Read(p []byte) (int, error) {
	start := time.Now()
	timer := time.AfterFunc(f.stall, func() { f.cancel(errStalled) })
	n, err := f.body.Read(p)
	fired := !timer.Stop()
	f.waited += time.Since(start)
	f.got += int64(n)
	if fired && err != nil && !errors.Is(err, io.EOF) {
		return n, errStalled
	}
	if f.waited >= f.stall {
		if f.got < minFlow && err == nil {
			err = errStalled
		}
		f.waited, f.got = 0, 0
	}
	return n, err
}

// Close implements io.Closer, and lets go of the connection where the body was
// not read to its end.
func (f *flow) Close() error {
	err := f.body.Close()
	f.cancel(context.Canceled)
	return err
}
