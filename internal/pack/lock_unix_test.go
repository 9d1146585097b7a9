//go:build unix

package pack

import (
	"context"
	"os/exec"
	"testing"
	"time"

	"packlift/internal/fault"
)

// TestLockOfTheDead: a lock that names a process that was killed is waited for a
// moment; that of a live one is refused at once.
func TestLockOfTheDead(t *testing.T) {
	cmd := exec.Command("true")
	if err := cmd.Run(); err != nil {
		t.Skip(err)
	}
	p, _ := newPack(t)
	other, err := Open(p.Dir())
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	for _, pid := range []int{cmd.Process.Pid, thisHolder("").PID} {
		unlock := mustLock(t, p, "killed")
		h := thisHolder("killed")
		h.PID = pid
		if err := p.writeHolder(h); err != nil {
			t.Fatal(err)
		}
		held := p.held
		given := time.AfterFunc(300*time.Millisecond, func() { held.Close() })
		again, err := other.Lock(context.Background(), 0, "next")
		if dead := pid == cmd.Process.Pid; dead != (err == nil) {
			t.Errorf("dead: %v, and the next run gets: %v", dead, err)
		}
		if err == nil {
			err = again()
		}
		if err != nil && fault.ClassOf(err) != fault.Locked {
			t.Error(err)
		}
		if given.Stop() {
			unlock()
		}
	}
}
