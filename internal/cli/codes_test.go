package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"packlift/internal/fault"
)

func TestEveryClassHasOneCode(t *testing.T) {
	for class := fault.General; class <= fault.Interrupted; class++ {
		found := 0
		for _, c := range exitCodes {
			for _, k := range c.classes {
				if k == class {
					found++
				}
			}
		}
		if found != 1 {
			t.Errorf("class %q stands %d times in the table", class, found)
		}
	}
}

func TestExitCode(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want int
	}{
		{nil, 0},
		{errors.New("x"), 1},
		{fault.New(fault.UpdatedItself, "x"), 2},
		{fmt.Errorf("outer: %w", fault.New(fault.WrongLevel, "x")), 13},
		{fault.New(fault.Untrusted, "outer: %w", fault.New(fault.Tampered, "x")), 11},
		{fmt.Errorf("outer: %w", context.Canceled), 130},
		{fault.New(fault.Usage, "x"), 64},
	} {
		if got := ExitCode(tt.err); got != tt.want {
			t.Errorf("ExitCode(%v) = %d, want %d", tt.err, got, tt.want)
		}
	}
}

func TestReadmeHoldsTheTable(t *testing.T) {
	b, err := os.ReadFile("../../README.md")
	if errors.Is(err, os.ErrNotExist) {
		t.Skip("there is no README.md to compare with")
	}
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(b), ExitCodesMarkdown()) {
		t.Errorf("README.md lacks this table, word for word:\n%s", ExitCodesMarkdown())
	}
}
