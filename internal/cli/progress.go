package cli

import (
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/schollz/progressbar/v3"
)

// Work of less than a second shows no progress; after that, one JSON line a second at most.
const progressAfter = time.Second

// Progress shows how far one piece of work is. Its methods take a nil *Progress
// and are safe for use by several goroutines.
type Progress struct {
	c     *Console
	what  string
	start time.Time
	done  atomic.Int64
	total atomic.Int64
	bar   *progressbar.ProgressBar // guarded by the console's lock, like gate
	gate  gate

	stop    chan struct{}
	once    sync.Once
	stopped sync.WaitGroup
}

type status struct {
	What    string  `json:"what"`
	Done    int64   `json:"done"`
	Total   int64   `json:"total"` // -1: not known
	Seconds float64 `json:"seconds"`
}

// Progress begins showing work of total bytes (-1: unknown). Where nothing is
// shown it returns nil, which serves as well.
func (c *Console) Progress(what string, total int64) *Progress {
	b := c.base()
	if b.quiet || b.noProgress || !b.json && !isTerminal(b.streams.Err) {
		return nil
	}
	p := &Progress{c: b, what: what, start: time.Now(), stop: make(chan struct{}), gate: gate{w: b.streams.Err}}
	p.total.Store(total)
	b.mu.Lock()
	b.bar = p
	b.mu.Unlock()
	pause := progressAfter
	if !b.json {
		pause = 100 * time.Millisecond
	}
	p.stopped.Go(func() { p.run(pause) })
	return p
}

// run shows the state from time to time, whether or not it moved: work that
// stands still is seen to stand still.
func (p *Progress) run(pause time.Duration) {
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for {
		select {
		case <-p.stop:
			return
		case now := <-tick.C:
			p.show(now)
		}
	}
}

func (p *Progress) show(now time.Time) {
	done, total, long := p.done.Load(), p.total.Load(), now.Sub(p.start) >= progressAfter
	if !p.c.json {
		p.draw(done, total, long)
	} else if long {
		p.c.emit("status", status{p.what, done, total, now.Sub(p.start).Seconds()})
	}
}

// gate holds back what is drawn in the first second: the bar measures its rate
// from the start all the same.
type gate struct {
	w    io.Writer
	open bool
}

func (g *gate) Write(b []byte) (int, error) {
	if !g.open {
		return len(b), nil
	}
	return g.w.Write(b)
}

// Add says that n more bytes are done.
func (p *Progress) Add(n int64) {
	if p != nil {
		p.done.Add(n)
	}
}

// At says that done of total bytes are done.
func (p *Progress) At(done, total int64) {
	if p != nil {
		p.total.Store(total)
		p.done.Store(done)
	}
}

// Write counts b, so that a Progress can stand in an io.MultiWriter.
func (p *Progress) Write(b []byte) (int, error) {
	p.Add(int64(len(b)))
	return len(b), nil
}

func (p *Progress) draw(done, total int64, visible bool) {
	p.c.mu.Lock()
	defer p.c.mu.Unlock()
	p.gate.open = visible
	if total <= 0 {
		total = -1
	}
	if p.bar == nil {
		p.bar = progressbar.NewOptions64(total, progressbar.OptionSetWriter(&p.gate),
			progressbar.OptionSetDescription(p.what), progressbar.OptionShowBytes(true), progressbar.OptionSetElapsedTime(true),
			progressbar.OptionClearOnFinish(), progressbar.OptionSetWidth(24), progressbar.OptionUseIECUnits(true))
	}
	if total > 0 {
		p.bar.ChangeMax64(total)
		// A full bar would be taken for finished and removed, while the last bytes are still worked on.
		done = min(done, total-1)
	}
	_ = p.bar.Set64(done) // a terminal that went away must not end the work
}

// clear removes a drawn bar from its line; the caller holds the console's lock.
func (p *Progress) clear() {
	if p != nil && p.bar != nil {
		_ = p.bar.Clear()
	}
}

// Done ends the showing and removes the bar; it may be called twice.
func (p *Progress) Done() {
	if p == nil {
		return
	}
	p.once.Do(func() { close(p.stop) })
	p.stopped.Wait()
	p.c.mu.Lock()
	defer p.c.mu.Unlock()
	p.clear()
	p.bar = nil
	if p.c.bar == p {
		p.c.bar = nil
	}
}
