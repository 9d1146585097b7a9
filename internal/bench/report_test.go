package main

import (
	"slices"
	"strings"
	"testing"
)

// TestPresent: a contender whose command is missing is named, one that is not wanted is not.
func TestPresent(t *testing.T) {
	all := []contender{{name: "a way"}, {name: "another", needs: []string{"no-such-command-anywhere"}}, {name: "a third way"}}
	in, left := present(all, "")
	if len(in) != 2 || !slices.Equal(left, []string{"another (no-such-command-anywhere not installed)"}) {
		t.Error(in, left)
	}
	if in, left := present(all, "third,none"); len(in) != 1 || in[0].name != "a third way" || len(left) != 0 {
		t.Error(in, left)
	}
}

func reached(name string, size int64, create, apply int, whole bool) result {
	return result{name: name, whole: whole, size: size, create: cost{walls: durations(create)}, apply: cost{walls: durations(apply), peak: 5 << 20}}
}

// TestGoals: beside the peer that each goal names.
func TestGoals(t *testing.T) {
	results := []result{
		reached("packlift", 50, 30, 12, false), reached("small", 100, 40, 20, false), reached("nearly as small", 109, 20, 30, false),
		reached("large and quick", 900, 1, 4, false), reached("with age", 950, 2, 8, false), reached("whole product", 10, 1, 24, true),
	}
	v := verifying{ours: cost{walls: durations(3)}, openssl: cost{walls: durations(2)}}
	got := table(goals(transition{most: 0.25}, results, v))
	for _, want := range []string{
		"| size | small | 0.500 | 0.250 |", "| create | nearly as small | 1.50 | 1.00 |", "| apply | large and quick | 3.00 | 2.00 |", "| apply | with age | 1.50 | 2.00 |",
		"| apply | whole product | 0.500 | 1.00 |", "| verify | openssl dgst -sha256: 2.00 s | 1.50 | 1.00 |", "| memory of apply, MiB | | 5 | 256 |",
	} {
		if !strings.Contains(strings.Join(strings.Fields(got), " "), want) {
			t.Errorf("no %s in\n%s", want, got)
		}
	}
	if best := bestOf(results[:1]); best != nil {
		t.Error("without peers", best.name, "is the best")
	}
	if rows := goals(transition{}, results[:1], v); len(rows) != 5 {
		t.Error(rows)
	}
}
