package cli

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"

	"golang.org/x/term"

	"packlift/internal/fault"
)

// PassphraseFile is the variable that names a file whose first line is the passphrase.
const PassphraseFile = "PACKLIFT_PASSPHRASE_FILE"

const maxPassphrase = 64 << 10

// Passphrase returns the first line of the file that PACKLIFT_PASSPHRASE_FILE
// names, or asks on the terminal without echo.
func (c *Console) Passphrase(ctx context.Context, question string) ([]byte, error) {
	if name := os.Getenv(PassphraseFile); name != "" {
		return Await(ctx, func() ([]byte, error) { return passphraseFrom(name) })
	}
	tty, err := openTerminal()
	if err != nil {
		return nil, fault.New(fault.Usage, "%s: no terminal to ask on", strings.TrimRight(question, ": ")).
			WithHint("write the passphrase into a file and set %s to its name", PassphraseFile)
	}
	defer tty.Close()
	return askHidden(ctx, tty, question)
}

// NewPassphrase asks twice, and refuses an empty answer.
func (c *Console) NewPassphrase(ctx context.Context, question string) (string, error) {
	first, err := c.Passphrase(ctx, question)
	if err != nil {
		return "", err
	}
	if len(first) == 0 {
		return "", fault.New(fault.Usage, "the passphrase is empty")
	}
	if os.Getenv(PassphraseFile) != "" {
		return string(first), nil
	}
	again, err := c.Passphrase(ctx, "the same again")
	if err != nil {
		return "", err
	}
	if !bytes.Equal(first, again) {
		return "", fault.New(fault.Usage, "the two passphrases differ")
	}
	return string(first), nil
}

func passphraseFrom(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", PassphraseFile, err)
	}
	defer f.Close()
	line, err := bufio.NewReader(io.LimitReader(f, maxPassphrase)).ReadBytes('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: %w", PassphraseFile, err)
	}
	return bytes.TrimRight(line, "\r\n"), nil
}

// Ask asks for one line on the terminal, hidden without echo. ok is false where
// there is no terminal.
func (c *Console) Ask(ctx context.Context, question string, hidden bool) (answer string, ok bool, err error) {
	tty, err := openTerminal()
	if err != nil {
		return "", false, nil
	}
	defer tty.Close()
	var line []byte
	if hidden {
		line, err = askHidden(ctx, tty, question)
	} else {
		fmt.Fprintf(tty.out, "%s: ", Clean(question))
		line, err = Await(ctx, func() ([]byte, error) { return bufio.NewReader(io.LimitReader(tty.in, 4096)).ReadBytes('\n') })
	}
	return strings.TrimRight(string(line), "\r\n"), err == nil, err
}

// terminal is where questions go, whatever standard input and error are.
type terminal struct{ in, out *os.File }

func openTerminal() (*terminal, error) {
	if runtime.GOOS == "windows" {
		in, err := os.OpenFile("CONIN$", os.O_RDWR, 0)
		if err != nil {
			return nil, err
		}
		out, err := os.OpenFile("CONOUT$", os.O_RDWR, 0)
		if err != nil {
			in.Close()
			return nil, err
		}
		return &terminal{in, out}, nil
	}
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	return &terminal{tty, tty}, err
}

// Close closes both ends.
func (t *terminal) Close() error { return errors.Join(t.in.Close(), closeOther(t)) }

func closeOther(t *terminal) error {
	if t.out == t.in {
		return nil
	}
	return t.out.Close()
}

// askHidden reads one line without echo. A signal restores the terminal at once.
func askHidden(ctx context.Context, tty *terminal, question string) ([]byte, error) {
	fd := int(tty.in.Fd())
	old, err := term.GetState(fd)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(tty.out, "%s: ", Clean(strings.TrimSuffix(question, ": ")))
	defer fmt.Fprintln(tty.out)
	return waitFor(ctx, func() ([]byte, error) { return term.ReadPassword(fd) }, func() { _ = term.Restore(fd, old) })
}

// Await returns read's answer, or the end of ctx. read may open a pipe that no
// one writes to: it is left where it waits.
func Await(ctx context.Context, read func() ([]byte, error)) ([]byte, error) {
	return waitFor(ctx, read, func() {})
}

// waitFor returns read's answer, or the end of ctx after restoring.
func waitFor(ctx context.Context, read func() ([]byte, error), restore func()) ([]byte, error) {
	type answer struct {
		line []byte
		err  error
	}
	got := make(chan answer, 1)
	go func() {
		line, err := read()
		got <- answer{line, err}
	}()
	select {
	case a := <-got:
		return a.line, a.err
	case <-ctx.Done():
		restore()
		return nil, context.Cause(ctx)
	}
}

// Confirm asks a yes-or-no question on the terminal. Without one it is a usage
// error with the hint.
func (c *Console) Confirm(ctx context.Context, question, hint string) error {
	tty, err := openTerminal()
	if err != nil || c.JSON() {
		return fault.New(fault.Usage, "%s: no terminal to ask on", question).WithHint("%s", hint)
	}
	defer tty.Close()
	fmt.Fprintf(tty.out, "%s [y/N] ", Clean(question))
	line, err := Await(ctx, func() ([]byte, error) { return bufio.NewReader(io.LimitReader(tty.in, 1024)).ReadBytes('\n') })
	if err != nil {
		return err
	}
	switch strings.ToLower(strings.TrimSpace(string(line))) {
	case "y", "yes":
		return nil
	}
	return fault.New(fault.General, "not confirmed; nothing was changed")
}
