//go:build failpoint && unix

package rootfs

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestMain lets the test binary play the process that is to fail.
func TestMain(m *testing.M) {
	if dir := os.Getenv("ROOTFS_TEST_PLAY"); dir != "" {
		if err := play(dir); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func play(dir string) error {
	r, err := Open(dir)
	if err != nil {
		return err
	}
	if err := r.MkdirAll("a/b", 0o755); err != nil {
		return err
	}
	if err := r.WriteFile("a/b/f", []byte("new"), 0o644); err != nil {
		return err
	}
	if err := r.PlaceFile("a/b/later", []byte("new"), 0o644); err != nil {
		return err
	}
	return r.RemoveAll("a")
}

func run(dir, spec string) (string, *os.ProcessState) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "ROOTFS_TEST_PLAY="+dir, "PACKLIFT_FAILPOINT="+spec)
	out, _ := cmd.CombinedOutput()
	return string(out), cmd.ProcessState
}

func ops(t *testing.T) []string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "count")
	if out, state := run(t.TempDir(), "count:"+file); !state.Success() {
		t.Fatal(out)
	}
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var out []string
	for s := bufio.NewScanner(f); s.Scan(); {
		out = append(out, strings.Fields(s.Text())[1])
	}
	return out
}

func TestEveryEffectHasItsPoint(t *testing.T) {
	place := "create write write sync rename syncdir"
	if SyncsFS {
		place = "create write write rename"
	}
	want := "mkdir mkdir create write write sync rename syncdir " + place + " remove remove remove remove"
	if got := strings.Join(ops(t), " "); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestKillBeforeEachEffect(t *testing.T) {
	for n := range ops(t) {
		dir := t.TempDir()
		out, state := run(dir, fmt.Sprintf("kill:%d", n+1))
		if status := state.Sys().(syscall.WaitStatus); !status.Signaled() || status.Signal() != syscall.SIGKILL {
			t.Fatalf("point %d: %v %s", n+1, state, out)
		}
		for _, name := range []string{"a/b/f", "a/b/later"} {
			b, err := os.ReadFile(filepath.Join(dir, name))
			if !errors.Is(err, os.ErrNotExist) && (err != nil || string(b) != "new") {
				t.Errorf("point %d: %s is half there: %q, %v", n+1, name, b, err)
			}
		}
	}
}

func TestErrnoAtEachEffect(t *testing.T) {
	for n, op := range ops(t) {
		dir := t.TempDir()
		out, state := run(dir, fmt.Sprintf("errno:%d:ENOSPC", n+1))
		if state.ExitCode() != 1 || !strings.Contains(out, "no space left") || !strings.Contains(out, dir) {
			t.Errorf("point %d (%s): %v: %s", n+1, op, state, out)
		}
		if left := listing(t, dir); strings.Contains(left, TempPrefix) {
			t.Errorf("point %d (%s) leaves a temporary file:\n%s", n+1, op, left)
		}
	}
}

func TestErrnoFromAPointOn(t *testing.T) {
	if out, state := run(t.TempDir(), "errno:3+:EROFS"); state.ExitCode() != 1 || !strings.Contains(out, "read-only") {
		t.Errorf("%v: %s", state, out)
	}
}
