package export

import "sync"

// meter adds up the bytes of a stage and tells Progress, one call at a time.
type meter struct {
	mu          sync.Mutex
	tell        Progress
	stage       Stage
	done, total int64
}

func newMeter(tell Progress) *meter { return &meter{tell: tell} }

func (m *meter) start(stage Stage, total int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.stage, m.done, m.total = stage, 0, total
	m.report()
}

func (m *meter) add(n int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.done += n
	m.report()
}

// stop ends the telling: what is still under way after an interrupt is silent.
func (m *meter) stop() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.tell = nil
}

func (m *meter) report() {
	if m.tell != nil {
		m.tell(m.stage, m.done, m.total)
	}
}
