package common

import (
	"fmt"
	"sync"

	"packlift/bundle"
	"packlift/internal/cli"
)

// Stages shows the progress of work in stages, one bar after the other. It is
// safe for use by several goroutines.
type Stages struct {
	Console *cli.Console
	mu      sync.Mutex
	name    string
	bar     *cli.Progress
}

// At says that done of total bytes of the stage are done.
func (s *Stages) At(stage string, done, total int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if stage != s.name {
		s.bar.Done()
		s.name, s.bar = stage, s.Console.Progress(stage, total)
	}
	s.bar.At(done, total)
}

// Done removes the last bar.
func (s *Stages) Done() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bar.Done()
	s.name, s.bar = "", nil
}

// mostStops is how many levels between a line names.
const mostStops = 8

// Levels says where a bundle leads, by way of which levels.
func Levels(i *bundle.Info) string {
	switch i.Kind {
	case bundle.Full:
		return fmt.Sprintf("level %04d", i.End)
	case bundle.Hotfix:
		return fmt.Sprintf("level %04d, hotfix %d", i.End, i.Sequence.Hotfix)
	}
	by := ""
	for n, s := range i.Between {
		if n == mostStops {
			by += fmt.Sprintf(" -> … %d more", len(i.Between)-n)
			break
		}
		by += fmt.Sprintf(" -> %04d", s.Level)
	}
	return fmt.Sprintf("levels %04d%s -> %04d", i.Start, by, i.End)
}
