package cli

import (
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"
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
	bar   bar
	drawn int // letters that stand on the terminal's line; guarded by the console's lock

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
	p := &Progress{c: b, what: what, start: time.Now(), bar: newBar(what), stop: make(chan struct{})}
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
	switch {
	case !long: // what is over in a second is not shown
	case p.c.json:
		p.c.emit("status", status{p.what, done, total, now.Sub(p.start).Seconds()})
	default:
		p.draw(p.bar.line(done, total))
	}
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

func (p *Progress) draw(line string) {
	p.c.mu.Lock()
	defer p.c.mu.Unlock()
	n := utf8.RuneCountInString(line)
	p.put("\r" + line + strings.Repeat(" ", max(p.drawn-n, 0)))
	p.drawn = n
}

// put writes to the terminal; one that went away must not end the work.
func (p *Progress) put(text string) { _, _ = io.WriteString(p.c.streams.Err, text) }

// clear removes what is drawn from its line; the caller holds the console's lock.
func (p *Progress) clear() {
	if p != nil && p.drawn > 0 {
		p.put("\r" + strings.Repeat(" ", p.drawn) + "\r")
		p.drawn = 0
	}
}

// Done ends the showing and clears its line; it may be called twice.
func (p *Progress) Done() {
	if p == nil {
		return
	}
	p.once.Do(func() { close(p.stop) })
	p.stopped.Wait()
	p.c.mu.Lock()
	defer p.c.mu.Unlock()
	p.clear()
	if p.c.bar == p {
		p.c.bar = nil
	}
}
