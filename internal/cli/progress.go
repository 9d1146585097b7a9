package cli

import (
	"sync/atomic"
	"time"

	"github.com/schollz/progressbar/v3"
)

// Work of less than a second shows no progress; after that, one JSON line a second at most.
const progressAfter = time.Second

// Progress shows how far one piece of work is. Its methods take a nil *Progress.
type Progress struct {
	c     *Console
	what  string
	total atomic.Int64
	start time.Time
	done  atomic.Int64
	next  atomic.Int64 // UnixNano of the next drawing
	bar   *progressbar.ProgressBar
}

type status struct {
	What    string  `json:"what"`
	Done    int64   `json:"done"`
	Total   int64   `json:"total"`
	Seconds float64 `json:"seconds"`
}

// Progress begins showing work of total bytes (-1: unknown). Where nothing is
// shown it returns nil, which serves as well.
func (c *Console) Progress(what string, total int64) *Progress {
	b := c.base()
	if b.quiet || b.noProgress || !b.json && !isTerminal(b.streams.Err) {
		return nil
	}
	p := &Progress{c: b, what: what, start: time.Now()}
	p.total.Store(total)
	p.next.Store(p.start.Add(progressAfter).UnixNano())
	b.mu.Lock()
	defer b.mu.Unlock()
	b.bar = p
	return p
}

// Add says that n more bytes are done. It is safe for use by several goroutines.
func (p *Progress) Add(n int64) {
	if p == nil {
		return
	}
	p.show(p.done.Add(n))
}

// At says that done of total bytes are done.
func (p *Progress) At(done, total int64) {
	if p == nil {
		return
	}
	p.total.Store(total)
	p.done.Store(done)
	p.show(done)
}

// Write counts b, so that a Progress can stand in an io.MultiWriter.
func (p *Progress) Write(b []byte) (int, error) {
	p.Add(int64(len(b)))
	return len(b), nil
}

// show draws or emits if it is time to.
func (p *Progress) show(done int64) {
	now, total := time.Now(), p.total.Load()
	next := p.next.Load()
	if now.UnixNano() < next || !p.next.CompareAndSwap(next, now.Add(p.pause()).UnixNano()) {
		return
	}
	if p.c.json {
		p.c.emit("status", status{p.what, done, total, now.Sub(p.start).Seconds()})
		return
	}
	p.draw(done, total)
}

func (p *Progress) pause() time.Duration {
	if p.c.json {
		return time.Second
	}
	return 100 * time.Millisecond
}

func (p *Progress) draw(done, total int64) {
	p.c.mu.Lock()
	defer p.c.mu.Unlock()
	if p.bar == nil {
		p.bar = progressbar.NewOptions64(total, progressbar.OptionSetWriter(p.c.streams.Err),
			progressbar.OptionSetDescription(p.what), progressbar.OptionShowBytes(true),
			progressbar.OptionClearOnFinish(), progressbar.OptionSetWidth(24), progressbar.OptionUseIECUnits(true))
	}
	if total > 0 {
		p.bar.ChangeMax64(total)
	}
	_ = p.bar.Set64(done) // a terminal that went away must not end the work
}

// clear removes a drawn bar from its line; the caller holds the console's lock.
func (p *Progress) clear() {
	if p != nil && p.bar != nil {
		_ = p.bar.Clear()
	}
}

// Done removes the bar.
func (p *Progress) Done() {
	if p == nil {
		return
	}
	p.c.mu.Lock()
	defer p.c.mu.Unlock()
	p.clear()
	p.bar = nil
	if p.c.bar == p {
		p.c.bar = nil
	}
}
