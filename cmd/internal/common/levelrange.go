package common

import (
	"packlift/internal/cli"
	"packlift/internal/fault"
)

// LevelRange reads the two levels of a range, each written 10 or 4.2.0.10.
func LevelRange(version, a, b string) (from, to int, err error) {
	for _, x := range []struct {
		text string
		to   *int
	}{{a, &from}, {b, &to}} {
		var l cli.Level
		if err = l.Set(x.text); err == nil {
			*x.to, err = l.For(version)
		}
		if err != nil {
			return 0, 0, fault.New(fault.Usage, "%q: %w", x.text, err)
		}
	}
	if from >= to {
		return 0, 0, fault.New(fault.Usage, "level %d is not below %d", from, to).WithHint("give the lower level first")
	}
	return from, to, nil
}
