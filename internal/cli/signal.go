package cli

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"

	"packlift/internal/fault"
)

// sameSignal is how long further signals count as the first one: timeout(1) sends
// its signal twice, and of a closed terminal kernel and shell both tell.
const sameSignal = time.Second

// signalContext returns a context that SIGINT, SIGTERM or SIGHUP ends. The
// first signal asks the command to stop where the pack is whole; one that comes
// later than sameSignal after it kills the process as usual, which recovery is made for.
func signalContext(parent context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(parent)
	got := make(chan os.Signal, 1)
	signal.Notify(got, endings()...)
	// Notified of SIGPIPE, a write to a closed pipe is an error of that write, not the end of the process.
	pipe := make(chan os.Signal, 1)
	signal.Notify(pipe, brokenPipe...)
	go func() {
		select {
		case s := <-got:
			cancel(fault.New(fault.Interrupted, "interrupted by a signal (%s)", s))
			time.Sleep(sameSignal)
			signal.Stop(got)
		case <-ctx.Done():
		}
	}()
	// The signals stay noted: one that comes as the process ends must not change how.
	return ctx, func() { cancel(nil) }
}

// endings are the signals that end a run; what the caller ignores (nohup) stays ignored.
func endings() []os.Signal {
	out := []os.Signal{os.Interrupt}
	for _, s := range []os.Signal{syscall.SIGTERM, syscall.SIGHUP} {
		if !signal.Ignored(s) {
			out = append(out, s)
		}
	}
	return out
}
