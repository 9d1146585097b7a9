//go:build unix

package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"
)

// TestStubborn is no test: it is the child of TestSecondSignalEnds, which stops for no context.
func TestStubborn(t *testing.T) {
	if os.Getenv("CLI_STUBBORN") == "" {
		t.Skip("only run as a child")
	}
	ctx, stop := signalContext(context.Background())
	defer stop()
	fmt.Println("ready")
	<-ctx.Done()
	fmt.Println("asked")
	select {}
}

// TestSecondSignalEnds: a run that hears the first signal and does not stop
// dies of the second, whichever they are.
func TestSecondSignalEnds(t *testing.T) {
	for _, pair := range [][2]syscall.Signal{{syscall.SIGTERM, syscall.SIGTERM}, {syscall.SIGINT, syscall.SIGTERM}, {syscall.SIGTERM, syscall.SIGINT}} {
		cmd := exec.Command(os.Args[0], "-test.run=^TestStubborn$")
		cmd.Env = append(os.Environ(), "CLI_STUBBORN=1")
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for i, want := range []string{"ready", "asked"} {
			if !lines.Scan() || lines.Text() != want {
				t.Fatalf("%v: it says %q, want %q", pair, lines.Text(), want)
			}
			if err := cmd.Process.Signal(pair[i]); err != nil {
				t.Fatal(err)
			}
		}
		var exit *exec.ExitError
		err = cmd.Wait()
		if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != pair[1] {
			t.Errorf("%v: it ends with %v", pair, err)
		}
	}
}
