package main

import (
	"os"
	"strings"
	"testing"
)

// TestDocument: each section that the bench makes has its place in docs/benchmarks.md.
func TestDocument(t *testing.T) {
	data, err := os.ReadFile("../../docs/benchmarks.md")
	if err != nil {
		t.Fatal(err)
	}
	names := []string{levelsName, scaleName, depotName}
	for _, c := range transitions {
		names = append(names, c.name())
	}
	for _, name := range names {
		got, err := fill(string(data), section{name, "what was measured\n"})
		if err != nil {
			t.Error(err)
		} else if again, err := fill(got, section{name, "what was measured\n"}); err != nil || again != got || !strings.Contains(got, "\n\nwhat was measured\n\n<!-- end -->\n") {
			t.Errorf("%s: filled twice it differs: %v", name, err)
		}
	}
	if _, err := fill("no marker", section{"x", ""}); err == nil {
		t.Error("a document without a place passed")
	}
}

// TestCost: the median, and the least and most beside it.
func TestCost(t *testing.T) {
	var c cost
	if c.seconds(true) != "–" || c.wall() != 0 {
		t.Error("nothing measured gives", c.seconds(true))
	}
	for _, wall := range []int{3, 1, 2} {
		c.add(cost{walls: durations(wall), peak: int64(wall) << 20})
	}
	if got := c.seconds(true); got != "2.00 (1.00–3.00)" || c.mebibytes() != "3" {
		t.Error(got, c.mebibytes())
	}
}
