// Package hooks runs a command of the site's own, through the system's shell and
// with a time limit.
//
// What it prints goes to a temporary file, not to a pipe, so that a program which it
// leaves running in the background (a product that was started) neither keeps the run
// waiting nor loses its output's other end. When the time is over, or ctx, the
// command and all that it started is killed.
package hooks

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"

	"packlift/internal/rootfs"
)

// MaxOutput is how much of a command's output is given back, its end, in bytes.
const MaxOutput = 64 << 10

// Hook is a command to run.
type Hook struct {
	Command string
	Dir     string
	Env     []string // NAME=VALUE, besides this process's own
	Timeout time.Duration
}

// ErrTimeout is in the chain of the error about a command that took too long.
var ErrTimeout = errors.New("it did not end in time")

// Run runs the command to its end and gives the end of its output. An error says
// how it ended: with which exit code, or that its time was over.
func (h Hook) Run(ctx context.Context) (output []byte, err error) {
	if h.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, h.Timeout, fmt.Errorf("%w (%v)", ErrTimeout, h.Timeout))
		defer cancel()
	}
	out, remove, err := rootfs.SpoolFile()
	if err != nil {
		return nil, err
	}
	defer remove()
	err = h.run(ctx, out)
	tail, readErr := tailOf(out)
	return tail, errors.Join(err, readErr)
}

func (h Hook) run(ctx context.Context, out *rootfs.File) error {
	cmd := shell(h.Command)
	cmd.Dir, cmd.Env = h.Dir, append(os.Environ(), h.Env...)
	cmd.Stdout, cmd.Stderr = out.Raw(), out.Raw()
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case err := <-ended:
		return exitOf(err)
	case <-ctx.Done():
		killAll(cmd)
		<-ended
		return context.Cause(ctx)
	}
}

func exitOf(err error) error {
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() >= 0 {
		return fmt.Errorf("it ended with exit code %d", exit.ExitCode())
	}
	return err
}

func tailOf(f *rootfs.File) ([]byte, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	from := max(0, info.Size()-MaxOutput)
	b := make([]byte, info.Size()-from)
	n, err := f.ReadAt(b, from)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return b[:n], err
}
