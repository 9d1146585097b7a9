package testenv

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/creack/pty"
)

const childEnv = "TESTENV_CHILD"

// TestChild is no test: it is a test run as TestSame starts it.
func TestChild(t *testing.T) {
	if os.Getenv(childEnv) == "" {
		t.Skip("only run as a child")
	}
	if out, err := exec.Command("sh", "-c", "umask; : </dev/tty").CombinedOutput(); err == nil || !strings.HasPrefix(string(out), "0022\n") {
		t.Errorf("%q, %v", out, err)
	}
	if _, err := os.Open("/dev/tty"); !errors.Is(err, syscall.ENXIO) {
		t.Errorf("it has a terminal: %v", err)
	}
}

// TestSame starts a test run with another umask on a terminal, from a shell.
func TestSame(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sh", "-c", `: </dev/tty && umask 077 && "$0" -test.run='^TestChild$' -test.v; exit $?`, self)
	cmd.Env = append(os.Environ(), childEnv+"=1")
	tty, err := pty.Start(cmd)
	if err != nil {
		t.Fatal(err)
	}
	defer tty.Close()
	var shown bytes.Buffer
	_, _ = io.Copy(&shown, tty) // EIO when the last user of the terminal ends
	if err := cmd.Wait(); err != nil || !strings.Contains(shown.String(), "--- PASS: TestChild") {
		t.Errorf("%v\n%s", err, &shown)
	}
}
