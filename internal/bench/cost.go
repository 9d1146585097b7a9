package main

import (
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// cost is what the runs of one command took: each run's wall time, and the
// largest resident set of all in bytes.
type cost struct {
	walls []time.Duration
	peak  int64
}

// add counts another run in.
func (c *cost) add(d cost) {
	c.walls = append(c.walls, d.walls...)
	slices.Sort(c.walls)
	c.peak = max(c.peak, d.peak)
}

// wall is the median; of an even number the lower of the middle two.
func (c cost) wall() time.Duration {
	if len(c.walls) == 0 {
		return 0
	}
	return c.walls[(len(c.walls)-1)/2]
}

func (c cost) seconds(spread bool) string {
	if len(c.walls) == 0 {
		return "–"
	}
	s := figures(c.wall().Seconds())
	if spread && len(c.walls) > 1 {
		s += fmt.Sprintf(" (%s–%s)", figures(c.walls[0].Seconds()), figures(c.walls[len(c.walls)-1].Seconds()))
	}
	return s
}

func (c cost) mebibytes() string {
	if len(c.walls) == 0 {
		return "–"
	}
	return fmt.Sprint((c.peak + 1<<19) >> 20)
}

// figures gives a number with about three figures.
func figures(v float64) string {
	switch {
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	case v >= 1:
		return fmt.Sprintf("%.2f", v)
	}
	return fmt.Sprintf("%.3f", v)
}

func once(argv []string) (cost, error) {
	cmd := exec.Command(argv[0], argv[1:]...)
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	start := time.Now()
	if err := cmd.Run(); err != nil {
		return cost{}, fmt.Errorf("%s: %w\n%s", strings.Join(argv, " "), err, out.String())
	}
	return cost{[]time.Duration{time.Since(start)}, peak(cmd.ProcessState)}, nil
}
