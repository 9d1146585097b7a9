//go:build unix

package pack

import (
	"context"
	"testing"
	"time"

	"packlift/internal/fault"
)

// TestLockOfTheDead: a lock that names a process that is gone is waited for a
// moment; that of a live one is refused at once.
func TestLockOfTheDead(t *testing.T) {
	defer func(d time.Duration) { deadWait = d }(deadWait)
	deadWait = 2 * time.Minute
	p, _ := newPack(t)
	other, err := Open(p.Dir())
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	const nobody = 1 << 30 // no system numbers its processes so far
	for _, pid := range []int{nobody, thisHolder("").PID} {
		mustLock(t, p, "killed")
		h := thisHolder("killed")
		h.PID = pid
		if err := p.writeHolder(h); err != nil {
			t.Fatal(err)
		}
		held := p.held
		if pid != nobody {
			_, err := other.Lock(ended(), 0, "next")
			wantClass(t, "of a live one", err, fault.Locked)
			held.Close()
			continue
		}
		_, err := other.Lock(ended(), 0, "next")
		wantClass(t, "it is not waited for", err, fault.Interrupted)
		time.AfterFunc(300*time.Millisecond, func() { held.Close() })
		again, err := other.Lock(context.Background(), 0, "next")
		if err == nil {
			err = again()
		}
		if err != nil {
			t.Errorf("of the dead: %v", err)
		}
	}
}
