package cmd

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
)

// maxInit is what a package of packlift may take before a run begins, in bytes. Tables
// are made at their first use: most runs come to few of them.
const maxInit = 4 << 10

var initLine = regexp.MustCompile(`(?m)^init (\S+) .* (\d+) bytes, \d+ allocs$`)

func TestStarts(t *testing.T) {
	if err := seeSources(); err != nil {
		t.Fatal(err)
	}
	for _, tool := range []string{"packlift-import", "packlift-export"} {
		bin := filepath.Join(t.TempDir(), tool)
		if err := goBuild("./"+tool, "", "", bin); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(bin, "version")
		cmd.Env = append(os.Environ(), "GODEBUG=inittrace=1")
		var trace bytes.Buffer
		cmd.Stderr = &trace
		if err := cmd.Run(); err != nil {
			t.Fatal(err)
		}
		ours := 0
		for _, m := range initLine.FindAllStringSubmatch(trace.String(), -1) {
			name, taken := m[1], m[2]
			if strings.HasPrefix(name, "packlift/") {
				ours++
				if n, err := strconv.Atoi(taken); err != nil || n > maxInit {
					t.Errorf("%s: the start of %s takes %s bytes, more than %d: make it at first use", tool, name, taken, maxInit)
				}
			}
			if runtime.GOOS == "linux" && strings.Contains(name, "gopsutil") { // it reads what all processors did so far
				t.Errorf("%s starts %s", tool, name)
			}
		}
		if ours < 5 {
			t.Errorf("%s: %d packages of its own start:\n%s", tool, ours, &trace)
		}
	}
}
