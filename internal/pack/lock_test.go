package pack

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"packlift/internal/fault"
)

func mustLock(t *testing.T, p *Pack, command string) func() error {
	t.Helper()
	unlock, err := p.Lock(context.Background(), 0, command)
	if err != nil {
		t.Fatal(err)
	}
	return unlock
}

func TestLockNamesItsHolder(t *testing.T) {
	p, dir := newPack(t)
	unlock := mustLock(t, p, "apply-update\x1b[2J")
	other, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	_, err = other.Lock(ended(), 0, "revert") // were it to wait, it would say that it was called off
	wantClass(t, "second", err, fault.Locked)
	h, ok := other.Holder()
	if !ok || h.PID != os.Getpid() || h.Command != "apply-update?[2J" || h.User == "" || h.Host == "" || time.Since(h.Since) > time.Minute {
		t.Errorf("%+v, %v", h, ok)
	}
	for _, want := range []string{"pid ", h.User, h.Host, "apply-update", h.Since.Format(time.RFC3339), p.Dir()} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in: %v", want, err)
		}
	}
	if err := errors.Join(unlock(), unlock()); err != nil {
		t.Fatal(err)
	}
	if h, ok := other.Holder(); ok {
		t.Errorf("after unlock: %+v", h)
	}
	mustLock(t, other, "revert")()
}

// ended is a context that is called off: who waits says so.
func ended() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

func TestLockWaits(t *testing.T) {
	first, dir := newPack(t)
	unlock := mustLock(t, first, "first")
	time.AfterFunc(200*time.Millisecond, func() { unlock() })
	p, err := Open(dir) // another run's view of the pack: a Pack is one run's
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	second, err := p.Lock(context.Background(), 2*time.Minute, "second")
	if err != nil {
		t.Fatal(err)
	}
	defer second()
	begin := time.Now()
	_, err = p.Lock(context.Background(), 200*time.Millisecond, "third")
	wantClass(t, "third", err, fault.Locked)
	if d := time.Since(begin); d < 100*time.Millisecond || d > time.Minute {
		t.Errorf("waited %s", d)
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	time.AfterFunc(100*time.Millisecond, func() { cancel(errors.New("a signal came")) })
	_, err = p.Lock(ctx, time.Minute, "fourth")
	wantClass(t, "fourth", err, fault.Interrupted)
	if got := fmt.Sprint(err); got != "a signal came, while it waited for the lock" {
		t.Error(got)
	}
}

func TestLockExcludes(t *testing.T) {
	p, dir := newPack(t)
	var inside, most atomic.Int32
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			mine, err := Open(dir)
			if err != nil {
				t.Error(err)
				return
			}
			defer mine.Close()
			unlock, err := mine.Lock(context.Background(), 2*time.Minute, "x")
			if err != nil {
				t.Error(err)
				return
			}
			if n := inside.Add(1); n > most.Load() {
				most.Store(n)
			}
			if most.Load() == 1 { // a lock file put in the place of the held one must not let a second run in beside a third
				time.Sleep(5 * time.Millisecond)
			}
			inside.Add(-1)
			if err := unlock(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if most.Load() != 1 {
		t.Errorf("%d at once", most.Load())
	}
	_ = p
}

func TestLockFileReplaced(t *testing.T) {
	p, dir := newPack(t)
	unlock := mustLock(t, p, "old")
	file := filepath.Join(dir, LockFile)
	if err := os.Remove(file); err != nil {
		if err := unlock(); err != nil {
			t.Error(err)
		}
		t.Skip("a held file cannot be removed here:", err)
	}
	for _, c := range []struct {
		what string
		put  func() error
	}{
		{"removed", func() error { return nil }},
		{"made anew", func() error { return os.WriteFile(file, nil, 0o600) }},
		{"made a folder", func() error { return errors.Join(os.Remove(file), os.Mkdir(file, 0o755)) }},
	} {
		if err := c.put(); err != nil {
			t.Fatal(err)
		}
		_, err := p.Lock(context.Background(), 0, "second")
		wantClass(t, c.what, err, fault.Locked)
	}
	if err := unlock(); err != nil {
		t.Errorf("the lock's file is another's: %v", err)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	mustLock(t, p, "third")()
}

// Where folders cannot be held a run asks before it moves files.
func TestLockFileReplacedNoFolder(t *testing.T) {
	p, dir := newPack(t)
	if err := p.CheckLock(); err != nil {
		t.Errorf("without a lock: %v", err)
	}
	defer mustLock(t, p, "first")()
	if p.held.folder != nil {
		p.held.folder.Close()
	}
	p.held.folder = nil
	if err := p.CheckLock(); err != nil {
		t.Errorf("with its own lock: %v", err)
	}
	if err := os.Remove(filepath.Join(dir, LockFile)); err != nil {
		t.Skip("a held file cannot be removed here:", err)
	}
	wantClass(t, "removed", p.CheckLock(), fault.Locked)
	write(t, dir, LockFile, "")
	wantClass(t, "replaced", p.CheckLock(), fault.Locked)
}

func TestLockOfAMovedPackIsNotTaken(t *testing.T) {
	p, dir := newPack(t)
	moved := dir + "-moved"
	if err := os.Rename(dir, moved); err != nil {
		t.Skip("an open folder cannot be moved here:", err)
	}
	defer os.RemoveAll(moved)
	if _, err := p.Lock(context.Background(), 0, "x"); err == nil || fault.ClassOf(err) == fault.Locked {
		t.Errorf("the folder is gone: %v", err)
	}
	if _, err := os.Lstat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Error("something was made where the pack had been")
	}
	impostor, err := Init(mkdir(t, dir), options())
	if err != nil {
		t.Fatal(err)
	}
	defer impostor.Close()
	if _, err := p.Lock(context.Background(), 0, "x"); err == nil {
		t.Error("the lock of another folder is taken for the pack's")
	}
	mustLock(t, impostor, "x")() // and it is not held by the attempt
}

func mkdir(t *testing.T, dir string) string {
	t.Helper()
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestLockFileIsNoLink(t *testing.T) {
	p, dir := newPack(t)
	outside := filepath.Join(t.TempDir(), "theirs")
	write(t, filepath.Dir(outside), "theirs", "x")
	if err := errors.Join(os.Remove(filepath.Join(dir, LockFile)), os.Symlink(outside, filepath.Join(dir, LockFile))); err != nil {
		t.Skip("no links here:", err)
	}
	if _, err := p.Lock(context.Background(), 0, "x"); err == nil {
		t.Error("a linked lock is taken")
	}
	if b, _ := os.ReadFile(outside); string(b) != "x" {
		t.Errorf("written through: %q", b)
	}
}

func TestHostileHolder(t *testing.T) {
	p, dir := newPack(t)
	for _, text := range []string{"", "\n", "\n{}", "\n{\"pid\":-1}", "\n{\"pid\":1,\"user\":\"\\u001b[2J\"}", "\n{\"pid\":1}{}", strings.Repeat("x", 1<<20), "\n{\"pid\":1,\"other\":2}"} {
		write(t, dir, LockFile, text)
		if h, ok := p.Holder(); ok {
			t.Errorf("%.40q: %+v", text, h)
		}
		mustLock(t, p, "x")()
	}
}
