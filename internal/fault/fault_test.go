package fault

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"
)

func TestClassAndHint(t *testing.T) {
	inner := New(NoSpace, "no room: %w", fs.ErrClosed).WithHint("free %d bytes", 7)
	outer := New(Conflict, "in the way: %w", inner)
	tests := []struct {
		err   error
		class Class
		hint  string
	}{
		{nil, General, ""},
		{fs.ErrClosed, General, ""},
		{inner, NoSpace, "free 7 bytes"},
		{fmt.Errorf("while staging: %w", inner), NoSpace, "free 7 bytes"},
		{outer, Conflict, "free 7 bytes"}, // the outermost class wins, and the first hint there is
		{fmt.Errorf("x: %w", outer), Conflict, "free 7 bytes"},
		{errors.Join(fs.ErrClosed, inner), NoSpace, "free 7 bytes"},
	}
	for _, test := range tests {
		if got := ClassOf(test.err); got != test.class {
			t.Errorf("%v: class %s, want %s", test.err, got, test.class)
		}
		if got := HintOf(test.err); got != test.hint {
			t.Errorf("%v: hint %q, want %q", test.err, got, test.hint)
		}
	}
	if !errors.Is(outer, fs.ErrClosed) || outer.Error() != "in the way: no room: file already closed" {
		t.Errorf("the cause is lost: %v", outer)
	}
}

func TestEveryClassHasItsOwnName(t *testing.T) {
	seen := map[string]Class{}
	for c := General; c <= Interrupted; c++ {
		name := c.String()
		if other, twice := seen[name]; name == "" || twice {
			t.Errorf("class %d is named %q, and so is %d", c, name, other)
		}
		seen[name] = c
	}
	if Class(99).String() != "" || len(seen) != len(names) {
		t.Error("names for classes that there are not")
	}
}
