//go:build failpoint || disks

package acceptance

import (
	"os/exec"
	"testing"
)

// copyTo lays a copy of the tree from at the new folder to.
func copyTo(t *testing.T, from, to string) {
	t.Helper()
	if out, err := exec.Command("cp", "-a", from, to).CombinedOutput(); err != nil {
		t.Fatalf("cp: %v: %s", err, out)
	}
}
