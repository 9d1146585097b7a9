package selfupdate

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
)

func rerun(path string, args, env []string) error {
	// The console sends an interrupt to both; the child decides what it means.
	signal.Ignore(os.Interrupt)
	cmd := exec.Command(path, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.Env = os.Stdin, os.Stdout, os.Stderr, env
	err := cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return &Exited{Code: exit.ExitCode()}
	}
	if err != nil {
		return fmt.Errorf("starting %s: %w", path, err)
	}
	return &Exited{Code: 0}
}
