//go:build !windows

package hooks

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestOutputEnvironmentAndCode(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir()) // as pwd tells it
	if err != nil {
		t.Fatal(err)
	}
	h := Hook{Command: "echo $WHAT; pwd; echo err >&2; exit 3", Dir: dir, Env: []string{"WHAT=this"}, Timeout: time.Minute}
	out, err := h.Run(context.Background())
	if string(out) != "this\n"+dir+"\nerr\n" || err == nil || err.Error() != "it ended with exit code 3" {
		t.Errorf("%q %v", out, err)
	}
	h.Command = "head -c 200000 /dev/zero | tr '\\0' x; echo end"
	if out, err := h.Run(context.Background()); err != nil || len(out) != MaxOutput || !strings.HasSuffix(string(out), "x\nend\n") && !strings.HasSuffix(string(out), "xend\n") {
		t.Errorf("%d bytes, %v", len(out), err)
	}
}

// A program that is left running does not hold the hook up; one that takes too long
// is killed, and so is what it started.
func TestBackgroundAndTimeout(t *testing.T) {
	dir := t.TempDir()
	h := Hook{Command: "sleep 600 & echo $! >pid", Dir: dir, Timeout: time.Hour}
	if _, err := h.Run(context.Background()); err != nil {
		t.Errorf("%v", err)
	}
	left := pidIn(t, dir)
	if err := syscall.Kill(left, 0); err != nil {
		t.Errorf("what the hook left running is gone: %v", err)
	}
	syscall.Kill(left, syscall.SIGKILL)

	h = Hook{Command: "sleep 600 & echo $! >now; mv now pid; wait", Dir: dir, Timeout: 300 * time.Millisecond}
	for started := false; !started; h.Timeout *= 2 { // on a busy machine its time may be over before it began
		if err := os.Remove(filepath.Join(dir, "pid")); err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		if _, err := h.Run(context.Background()); !errors.Is(err, ErrTimeout) {
			t.Fatalf("%v", err)
		}
		_, err := os.Stat(filepath.Join(dir, "pid"))
		started = err == nil
	}
	child := pidIn(t, dir)
	for until := time.Now().Add(2 * time.Minute); time.Now().Before(until); time.Sleep(20 * time.Millisecond) {
		if stat, err := os.ReadFile("/proc/" + strconv.Itoa(child) + "/stat"); err != nil || strings.Contains(string(stat), ") Z ") {
			return
		}
	}
	t.Error("what the hook started lives on")
}

func pidIn(t *testing.T, dir string) int {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, "pid"))
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestSignal(t *testing.T) {
	ctx, cancel := context.WithCancelCause(context.Background())
	cause := errors.New("a signal")
	time.AfterFunc(200*time.Millisecond, func() { cancel(cause) })
	if _, err := (Hook{Command: "sleep 600", Dir: t.TempDir()}).Run(ctx); !errors.Is(err, cause) {
		t.Errorf("%v", err)
	}
}
