package xzpar

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"
	"sync/atomic"
)

// ReaderOptions bound a Reader. Jobs of 0 is one a core; MaxMemory is in bytes
// and 0 is DefaultMemory. One stream is always held, whatever MaxMemory says.
// The end of Context, which may be nil, ends the Reader with its cause, even in the
// middle of a stream. Early gives bytes as they come out of a stream, before its check
// and size were compared: what is wrong shows behind them, and no later than at its end.
type ReaderOptions struct {
	Context   context.Context
	Jobs      int
	MaxMemory int64
	Early     bool
}

// DefaultMemory is what a Reader's buffers may take, in bytes.
const DefaultMemory = 96 << 20

// Reader gives the plain bytes of a row of streams, in order, decoding streams
// ahead in parallel. Close it even after an error or io.EOF.
type Reader struct {
	r       io.ReaderAt
	streams []Stream // one more than there are streams: the ends
	cancel  context.CancelFunc
	ctx     context.Context
	wait    sync.WaitGroup
	slots   chan *slot
	queue   chan *job
	early   bool
	current *job
	given   int // of the current stream
	rest    []byte
	err     error
}

// slot is the memory that one stream takes while it is in hand.
type slot struct {
	d       decoder
	in, out []byte
	job     *job
}

type job struct {
	index int
	slot  *slot
	err   error
	done  chan struct{}
	came  atomic.Int64  // bytes that came out
	more  chan struct{} // filled when there are more
}

// NewReader makes a Reader of the size xz bytes at r, cut as streams says, that
// unpack to plain bytes. The table must begin at 0, 0 and rise; no stream may
// exceed MaxStream. r is read from several goroutines.
func NewReader(r io.ReaderAt, size int64, streams []Stream, plain int64, o ReaderOptions) (*Reader, error) {
	if err := CheckStreams(size, streams, plain); err != nil {
		return nil, err
	}
	ends := append(streams[:len(streams):len(streams)], Stream{size, plain})
	maxIn, maxOut := largest(ends)
	n := min(len(streams), slotCount(o, maxIn+maxOut))
	if o.Context == nil {
		o.Context = context.Background()
	}
	ctx, cancel := context.WithCancel(o.Context)
	x := &Reader{r: r, streams: ends, ctx: ctx, cancel: cancel, early: o.Early, slots: make(chan *slot, n), queue: make(chan *job, n)}
	for range n {
		s := &slot{in: make([]byte, 0, maxIn), out: make([]byte, 0, maxOut)}
		s.d.before = func(done int) error { return x.came(s.job, done) }
		x.slots <- s
	}
	x.wait.Go(x.schedule)
	return x, nil
}

// slotCount is how many streams may be in hand: one being read and one a job.
func slotCount(o ReaderOptions, each int64) int {
	if o.Jobs <= 0 {
		o.Jobs = runtime.GOMAXPROCS(0)
	}
	if o.MaxMemory <= 0 {
		o.MaxMemory = DefaultMemory
	}
	return int(max(1, min(int64(o.Jobs)+1, o.MaxMemory/each)))
}

// CheckStreams checks a stream table against the sizes of the xz and plain bytes.
func CheckStreams(size int64, streams []Stream, plain int64) error {
	if len(streams) == 0 || streams[0] != (Stream{}) {
		return fmt.Errorf("stream table does not begin at 0")
	}
	for i, s := range streams {
		end := Stream{size, plain}
		if i+1 < len(streams) {
			end = streams[i+1]
		}
		in, out := end.Offset-s.Offset, end.Plain-s.Plain
		if out < 1 || out > MaxStream || in < 1 || in > maxPacked(out) {
			return fmt.Errorf("stream %d has %d bytes for %d plain ones", i, in, out)
		}
	}
	return nil
}

func largest(ends []Stream) (in, out int64) {
	for i := range ends[1:] {
		in = max(in, ends[i+1].Offset-ends[i].Offset)
		out = max(out, ends[i+1].Plain-ends[i].Plain)
	}
	return in, out
}

// schedule hands streams to goroutines in order, as slots become free. A slot
// freed goes to the lowest stream not begun, so the stream that the reader
// waits for always has one.
func (x *Reader) schedule() {
	defer close(x.queue)
	for i := range len(x.streams) - 1 {
		var s *slot
		select {
		case s = <-x.slots:
		case <-x.ctx.Done():
			return
		}
		j := &job{index: i, slot: s, done: make(chan struct{}), more: make(chan struct{}, 1)}
		s.job = j
		x.queue <- j // has room for every slot
		x.wait.Go(func() {
			defer close(j.done)
			j.err = x.decode(i, s)
		})
	}
}

func (x *Reader) decode(i int, s *slot) error {
	from, to := x.streams[i], x.streams[i+1]
	s.in, s.out = s.in[:to.Offset-from.Offset], s.out[:to.Plain-from.Plain]
	if err := x.ended(); err != nil {
		return err
	}
	n, err := x.r.ReadAt(s.in, from.Offset)
	if n == len(s.in) {
		err = nil
	} else if err == nil || errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return err
	}
	if err := s.d.stream(s.out, s.in); err != nil {
		if cause := x.ended(); cause != nil {
			return cause
		}
		return fmt.Errorf("xz stream %d at %d: %w", i, from.Offset, err)
	}
	return nil
}

// came tells the reader that there is more of a stream.
func (x *Reader) came(j *job, done int) error {
	if x.early && done > 0 {
		j.came.Store(int64(done))
		select {
		case j.more <- struct{}{}:
		default: // it was told before, and has not looked
		}
	}
	return x.ended()
}

func (x *Reader) ended() error { return ended(x.ctx) }

func (x *Reader) Read(p []byte) (int, error) {
	for len(x.rest) == 0 {
		if x.err != nil {
			return 0, x.err
		}
		x.advance()
	}
	n := copy(p, x.rest)
	x.rest = x.rest[n:]
	return n, nil
}

// advance gives what came of the current stream, or lets go of it at its end.
func (x *Reader) advance() {
	if x.current == nil {
		x.begin()
		return
	}
	j := x.current
	select {
	case <-j.more:
		n := int(j.came.Load())
		x.rest, x.given = j.slot.out[x.given:n], n
	case <-j.done:
		if j.err != nil {
			x.err, x.current = j.err, nil
			return
		}
		if x.given == len(j.slot.out) {
			x.slots <- j.slot
			x.current = nil
			return
		}
		x.rest, x.given = j.slot.out[x.given:], len(j.slot.out)
	}
}

// begin goes to the next stream.
func (x *Reader) begin() {
	j, ok := <-x.queue
	if ok {
		x.current, x.given = j, 0
	} else if x.err = x.ended(); x.err == nil {
		x.err = io.EOF
	}
}

// Close stops decoding ahead and waits until r is no longer read.
func (x *Reader) Close() error {
	x.cancel()
	x.wait.Wait()
	if x.err == nil {
		x.err = errors.New("xz: reader is closed")
	}
	x.rest = nil
	return nil
}
