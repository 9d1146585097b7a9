package cli

import (
	"os"
	"runtime/debug"
)

// LimitMemory keeps what the process takes near n bytes: the collector runs more
// often the closer it comes. It is no cap; work that needs more gets it.
// GOMEMLIMIT in the environment wins.
func LimitMemory(n int64) {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(n)
	}
}
