package depot

import (
	"fmt"

	"packlift/internal/fault"
)

func tampered(name string, format string, args ...any) error {
	return fault.New(fault.Tampered, "the depot's %s %w", name, fmt.Errorf(format, args...)).
		WithHint("check the depot where it is kept: packlift-export depot check --depot DIR --trust DIR; a mirror is copied again")
}
