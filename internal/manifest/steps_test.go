package manifest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// levelOf is a level whose files have these one-letter contents: "a=x b=y".
func levelOf(t *testing.T, n int, files string) *Manifest {
	t.Helper()
	m := &Manifest{Product: "sample", Version: "1.0", Level: n}
	for _, f := range strings.Fields(files) {
		name, text, _ := strings.Cut(f, "=")
		m.Entries = append(m.Entries, Entry{Path: name, Type: File, Mode: 0o644, Size: int64(len(text)), SHA256: Sum([]byte(text))})
	}
	if err := m.Check(); err != nil {
		t.Fatal(err)
	}
	return m
}

func wholes(list []Blob) (out []Content) {
	for _, b := range list {
		out = append(out, Content{Blob: b})
	}
	return out
}

func TestSteps(t *testing.T) {
	levels := []string{"a=1 b=2", "a=3 b=2", "a=4 b=3", "a=1 b=5", "a=3 b=5 c=2"}
	wants := []string{"3", "4", "1 5", "2"} // 3 moves and comes again, and is listed once
	start := levelOf(t, 0, levels[0])
	s := NewSteps(start)
	for i, want := range wants {
		next := levelOf(t, i+1, levels[i+1])
		var got []string
		needed := s.Needed(next)
		for n := range 10 {
			if text := fmt.Sprint(n); slices.ContainsFunc(needed, func(b Blob) bool { return b.SHA256 == Sum([]byte(text)) }) {
				got = append(got, text)
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("step %d needs %v, want %s", i, got, want)
		}
		if err := s.Go(next, wholes(needed)); err != nil {
			t.Fatal(err)
		}
	}
	for text, again := range map[string]bool{"1": false, "2": false, "3": true, "4": false, "5": false} {
		if s.Again(Sum([]byte(text))) != again {
			t.Errorf("%s comes again: %v, want %v", text, !again, again)
		}
	}
	if !s.Has(Sum([]byte("2"))) || s.Has(Sum([]byte("4"))) {
		t.Error("Has tells of another level")
	}
}

// A delta that comes, goes and comes again is refused where it comes again.
func TestStepsDeltaAgain(t *testing.T) {
	s := NewSteps(levelOf(t, 0, "a=1"))
	next := levelOf(t, 1, "a=2")
	list := wholes(s.Needed(next))
	list[0].Delta = true
	for i, step := range []string{"a=2", "b=2", "b=3", "b=2"} { // moved is not gone
		err := s.Go(levelOf(t, i+1, step), list)
		if list = nil; (err != nil) != (i == 3) {
			t.Fatalf("step %d: %v", i, err)
		}
	}
}
