//go:build unix

package pack

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"packlift/internal/fault"
)

// Taking the lock leaves the product's bin as it is, whatever its files are called.
func TestLockLeavesBin(t *testing.T) {
	dir := t.TempDir()
	p, err := Init(dir, InitOptions{Product: "wso2am", Version: "4.2.0", Level: 3, Trust: options().Trust})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	names := []string{"bin/.packlift-tmp-notes", "bin/.packlift-tmp-ABCDEFGHIJKLMNOPQRSTUVWXYZ", "updates/.packlift-tmp-notes"}
	for _, name := range names {
		write(t, dir, name, "mine")
	}
	unlock, err := p.Lock(context.Background(), 0, "test")
	if err != nil {
		t.Fatal(err)
	}
	if err := unlock(); err != nil {
		t.Error(err)
	}
	for _, name := range names {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
}

// Nothing is written through a second name, and nothing waits for a FIFO.
func TestOwnFilesArePlain(t *testing.T) {
	dir := t.TempDir()
	p, err := Init(dir, InitOptions{Product: "wso2am", Version: "4.2.0", Level: 3, Trust: options().Trust})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	audit, lock, other := filepath.Join(dir, AuditFile), filepath.Join(dir, LockFile), filepath.Join(dir, "other")
	plainly := func(what string, err error) {
		t.Helper()
		if err == nil || fault.HintOf(err) == "" {
			t.Errorf("%s: %v, hint %q", what, err, fault.HintOf(err))
		}
	}
	if err := os.Link(audit, other); err != nil {
		t.Fatal(err)
	}
	before, _ := os.ReadFile(other)
	plainly("linked audit log", p.Audit("x", nil))
	if after, _ := os.ReadFile(other); string(after) != string(before) {
		t.Error("the log was written through its other name")
	}
	os.Remove(audit)
	if err := unix.Mkfifo(audit, 0o600); err != nil {
		t.Fatal(err)
	}
	plainly("audit log is a FIFO", p.CheckAuditPlace())
	plainly("audit log is a FIFO", p.AuditOnce("x", nil))
	os.Remove(audit)
	if err := p.CheckAuditPlace(); err != nil {
		t.Errorf("no audit log: %v", err)
	}
	unlock, err := p.Lock(context.Background(), 0, "test")
	if err != nil {
		t.Fatal(err)
	}
	if err := unlock(); err != nil {
		t.Error(err)
	}
	if err := os.Link(lock, other+"2"); err != nil {
		t.Fatal(err)
	}
	_, err = p.Lock(context.Background(), 0, "test")
	plainly("linked lock", err)
	if err == nil || !strings.Contains(err.Error(), "hard link") {
		t.Errorf("linked lock: %v", err)
	}
}
