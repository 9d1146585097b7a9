package xzpar

import (
	"errors"
	"io"
	"runtime"
	"sync"

	"packlift/bundle/lzma2"
)

// Where the writer cuts, in plain bytes of a stream.
const (
	StreamSize = 16 << 20 // a stream ends here at the latest
	NearBorder = 12 << 20 // from here on it ends at the next Boundary
	NearDelta  = 4 << 20  // the same before what has little in common with what stands before it

	dictLog = 24 // a whole stream
)

// Memory of the writer, in bytes. A job takes the encoder's tables (145 MiB by
// their lengths), the plain bytes, the packed ones, and once more the plain
// ones, as proof. Beside the jobs stand the stream that is being filled and the
// one that is being written.
const (
	jobMemory    = 194 << 20
	sharedMemory = 34 << 20

	// LeastMemory is what one job needs.
	LeastMemory = sharedMemory + jobMemory
)

// WriterOptions bound a Writer. Jobs of 0 is one a core; MaxMemory is in bytes,
// 0 is 1 GiB, and lowers Jobs where it must. One job always runs. Progress, if
// not nil, hears of plain bytes that are compressed and written, from one
// goroutine. Quick takes less time and gives some percent more bytes. Cache, if
// not nil, is asked before a stream is packed.
type WriterOptions struct {
	Jobs      int
	MaxMemory int64
	Quick     bool
	Cache     Cache
	Progress  func(plain int64)
}

// Writer compresses in parallel and writes streams in order. Its methods are
// for one goroutine. Close waits for everything, also after an error.
type Writer struct {
	w        io.Writer
	progress func(int64)
	quick    bool
	cache    Cache
	size     int          // of a full stream
	jobs     chan *packer // those that are free; nil is one yet to be made
	plain    chan []byte  // free buffers, one more than jobs
	packed   chan []byte  // the same
	buf      []byte
	queue    chan *packing
	done     chan struct{}
	streams  []Stream
	at       Stream
	mu       sync.Mutex
	err      error
	closed   bool
}

type packing struct {
	plain  []byte
	memory []byte // that stream lies in
	stream []byte
	err    error
	done   chan struct{}
}

// NewWriter makes a Writer onto w, which one other goroutine writes to until
// Close returns.
func NewWriter(w io.Writer, o WriterOptions) *Writer {
	return newWriter(w, o, StreamSize)
}

func newWriter(w io.Writer, o WriterOptions, size int) *Writer {
	n := jobCount(o)
	x := &Writer{
		w: w, size: size, progress: o.Progress, quick: o.Quick, cache: o.Cache, jobs: make(chan *packer, n), queue: make(chan *packing, n), done: make(chan struct{}),
		plain: make(chan []byte, n+1), packed: make(chan []byte, n+1),
	}
	for range n {
		x.jobs <- nil
	}
	for range n + 1 {
		x.plain <- nil
		x.packed <- nil
	}
	go x.emit()
	return x
}

func jobCount(o WriterOptions) int {
	if o.Jobs <= 0 {
		o.Jobs = runtime.GOMAXPROCS(0)
	}
	if o.MaxMemory <= 0 {
		o.MaxMemory = 1 << 30
	}
	return int(max(1, min(int64(o.Jobs), (o.MaxMemory-sharedMemory)/jobMemory)))
}

// Write takes plain bytes.
func (x *Writer) Write(p []byte) (int, error) {
	if x.closed {
		return 0, errors.New("xz: writer is closed")
	}
	total := len(p)
	for len(p) > 0 {
		if err := x.failed(); err != nil {
			return total - len(p), err
		}
		if x.buf == nil {
			x.take()
		}
		n := min(len(p), x.size-len(x.buf))
		x.fill(p[:n])
		p = p[n:]
		if len(x.buf) == x.size {
			x.cut()
		}
	}
	return total, nil
}

// fill adds to the stream in hand. Its buffer is small or has the full size, so
// that growing leaves little behind.
func (x *Writer) fill(p []byte) {
	if len(x.buf)+len(p) > cap(x.buf) {
		x.buf = append(make([]byte, 0, x.size), x.buf...)
	}
	x.buf = append(x.buf, p...)
}

// Boundary marks a good place to cut: the next byte begins something new. A
// stream of near plain bytes or more ends here.
func (x *Writer) Boundary(near int) {
	if len(x.buf) >= near {
		x.cut()
	}
}

func (x *Writer) take() {
	if x.buf = <-x.plain; x.buf == nil {
		x.buf = make([]byte, 0, min(x.size, 64<<10))
	}
	x.buf = x.buf[:0]
}

// cut hands the gathered bytes to a job.
func (x *Writer) cut() {
	p := &packing{plain: x.buf, memory: <-x.packed, done: make(chan struct{})}
	x.buf = nil
	e := <-x.jobs
	if e == nil {
		e = &packer{encoder: lzma2.Encoder{Quick: x.quick}}
	}
	go func() {
		defer close(p.done)
		if x.failed() == nil {
			x.pack(e, p)
		}
		x.jobs <- e
	}()
	x.queue <- p
}

// emit writes finished streams in order; after an error it only drains.
func (x *Writer) emit() {
	defer close(x.done)
	for p := range x.queue {
		<-p.done
		err := p.err
		if err == nil && x.failed() == nil {
			_, err = x.w.Write(p.stream)
		}
		x.note(err)
		x.streams = append(x.streams, x.at)
		x.at.Offset += int64(len(p.stream))
		x.at.Plain += int64(len(p.plain))
		if x.progress != nil {
			x.progress(int64(len(p.plain)))
		}
		x.packed <- p.memory
		x.plain <- p.plain
	}
}

func (x *Writer) failed() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.err
}

func (x *Writer) note(err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.err == nil {
		x.err = err
	}
}

// Close compresses what is left and waits for the last stream to be written.
// A second Close returns what the first did. Nothing written is an error: an
// xz file has at least one stream, and a stream here at least one byte.
func (x *Writer) Close() error {
	if !x.closed {
		x.closed = true
		if len(x.buf) > 0 {
			x.cut()
		}
		close(x.queue)
		<-x.done
		if len(x.streams) == 0 {
			x.note(errors.New("xz: nothing was written"))
		}
	}
	return x.failed()
}

// Abort is Close for a writer that is given up because of err: nothing more is
// compressed or written.
func (x *Writer) Abort(err error) {
	x.note(err)
	x.buf = nil
	x.Close()
}

// Streams is the table of what was written, after Close.
func (x *Writer) Streams() []Stream { return x.streams }

// Sizes gives the number of xz bytes and plain bytes, after Close.
func (x *Writer) Sizes() (packed, plain int64) { return x.at.Offset, x.at.Plain }
