package main

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"
)

// machine says when and on what the figures were measured.
func machine() string {
	s := fmt.Sprintf("%s, %d cores", time.Now().UTC().Format(time.DateOnly), runtime.NumCPU())
	if v := lineOf("/proc/cpuinfo", "model name"); v != "" {
		s += " of " + v
	}
	if kib := 0; true {
		if _, err := fmt.Sscan(lineOf("/proc/meminfo", "MemTotal"), &kib); err == nil {
			s += fmt.Sprintf(", %d GiB", (kib+1<<19)>>20)
		}
	}
	return s + fmt.Sprintf(", %s/%s, %s.", runtime.GOOS, runtime.GOARCH, runtime.Version())
}

// lineOf is what stands behind the colon of the first line that begins with key.
func lineOf(file, key string) string {
	data, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(data)) {
		if k, v, found := strings.Cut(line, ":"); found && strings.TrimSpace(k) == key {
			return strings.TrimSpace(v)
		}
	}
	return ""
}
