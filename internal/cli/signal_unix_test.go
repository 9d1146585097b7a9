//go:build unix

package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"testing"
	"time"
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
// dies of a later one, whichever they are, but not of the first one's echo.
func TestSecondSignalEnds(t *testing.T) {
	for _, pair := range [][2]syscall.Signal{
		{syscall.SIGTERM, syscall.SIGTERM}, {syscall.SIGINT, syscall.SIGTERM}, {syscall.SIGTERM, syscall.SIGINT}, {syscall.SIGHUP, syscall.SIGHUP},
	} {
		t.Run(fmt.Sprint(pair), func(t *testing.T) {
			t.Parallel()
			secondSignalEnds(t, pair)
		})
	}
}

func secondSignalEnds(t *testing.T, pair [2]syscall.Signal) {
	cmd := exec.Command(os.Args[0], "-test.run=^TestStubborn$")
	cmd.Env = append(os.Environ(), "CLI_STUBBORN=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	// A child ignores what its parent ignores, as under nohup or behind a shell's &; what its parent is notified of, it does not.
	heard := make(chan os.Signal, 1)
	signal.Notify(heard, pair[0], pair[1])
	err = cmd.Start()
	signal.Stop(heard)
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	var began time.Time // no later than the child's own time, however late this process hears of it
	for i, want := range []string{"ready", "asked"} {
		if !lines.Scan() || lines.Text() != want {
			t.Fatalf("it says %q, want %q", lines.Text(), want)
		}
		if i == 0 {
			began = time.Now()
		}
		if err := cmd.Process.Signal(pair[i]); err != nil {
			t.Fatal(err)
		}
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for {
		select {
		case err = <-ended:
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != pair[1] || time.Since(began) < sameSignal {
				t.Errorf("it ends after %s with %v", time.Since(began), err)
			}
			return
		case <-time.After(sameSignal / 4):
			_ = cmd.Process.Signal(pair[1]) // it may have ended
		}
	}
}
