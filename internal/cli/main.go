package cli

import (
	"context"
	"errors"
	"os"
	"runtime/debug"
	"slices"

	"github.com/spf13/cobra"

	"packlift/internal/fault"
)

// Tool is one of the two binaries: its name, what it is for, and its commands.
type Tool struct {
	Name, Short, Long string
	Environment       string // what else of the environment it reads, for help environment
	Commands          []Command
}

// Command is one of a tool's. New builds it with its flags, in a run that may come to it.
type Command struct {
	Name string
	New  func(*Console) *cobra.Command
}

// Main runs the tool and ends the process. A panic in any goroutine aborts
// instead of exiting with Go's 2, which means "updated itself" here.
func Main(t Tool) {
	debug.SetTraceback("crash")
	os.Exit(main(t))
}

// main has every defer behind it when Main exits.
func main(t Tool) int {
	ctx, stop := signalContext(context.Background())
	defer stop()
	return Run(ctx, t, os.Args[1:], Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr})
}

// Run runs the tool with args and returns its exit code.
func Run(ctx context.Context, t Tool, args []string, s Streams) int {
	c := NewConsole(s)
	root, started := newRoot(t, c, args)
	root.SetArgs(args)
	cmd, err := root.ExecuteContextC(ctx)
	if err != nil && !*started {
		err = usageError(cmd, err)
		c.json = c.json || asksJSON(args) // parsing stopped before it came there
	}
	if lost := c.lost(); err == nil {
		err = lost
	}
	if err != nil {
		c.report(cmd, interrupted(ctx, err))
	}
	return ExitCode(interrupted(ctx, err))
}

// asksJSON reports whether --json stands among the flags.
func asksJSON(args []string) bool {
	if i := slices.Index(args, "--"); i >= 0 {
		args = args[:i]
	}
	return slices.Contains(args, "--json") || slices.Contains(args, "--json=true")
}

// interrupted classes an error that came of a signal, whatever shape it has taken on its way.
func interrupted(ctx context.Context, err error) error {
	if err == nil || fault.ClassOf(err) != fault.General || ctx.Err() == nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return &fault.Error{Class: fault.Interrupted, Err: err}
}

// report prints how a run failed, by the rules of the package doc.
func (c *Console) report(cmd *cobra.Command, err error) {
	var ended *Ended
	if errors.As(err, &ended) {
		return
	}
	class, hint := classOf(err), hintOf(err)
	kind := "error"
	if class == fault.Reverted || class == fault.UpdatedItself { // what was asked for, with a code of its own
		kind = "ended"
		c.Note("%s", err)
	} else {
		c.failure(err.Error(), class.String())
	}
	if class == fault.Usage {
		c.lines(c.streams.Err, "", "usage: "+cmd.UseLine())
		if hint == "" {
			hint = called() + " help" + commandPath(cmd)
		}
	}
	if hint != "" {
		c.Hint("%s", hint)
	}
	if c.json {
		c.emit(kind, failure{class.String(), codeOf(class), err.Error(), hint})
	}
}

type failure struct {
	Class   string `json:"class"`
	Code    int    `json:"code"`
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
}

// commandPath is cmd's path below its root, with a space before each word.
func commandPath(cmd *cobra.Command) string {
	return cmd.CommandPath()[len(cmd.Root().Name()):]
}
