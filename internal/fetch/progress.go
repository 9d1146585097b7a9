package fetch

import "sync"

// progress counts bytes of objects: how many are there, of how many that are
// expected by now.
type progress struct {
	mu          sync.Mutex
	done, total int64
	tell        func(done, total int64)
}

func (p *progress) expect(n int64) { p.add(0, n) }

// came counts bytes; fewer than zero where some are to come again.
func (p *progress) came(n int64) { p.add(n, 0) }

func (p *progress) add(done, total int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done += done
	p.total += total
	p.tell(p.done, p.total)
}
