package probe

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"packlift/internal/version"
)

// Timeout is how long an executable may take to say its version. Only tests
// change it.
var Timeout = 10 * time.Second

const maxOutput = 64 << 10

// Run starts `path version --json` and returns what it says of itself. The
// error tells whether it did not start, did not end in time, failed, or said
// something else than a version.
func Run(ctx context.Context, path string) (version.Info, error) {
	var none version.Info
	path, err := filepath.Abs(path)
	if err != nil {
		return none, err
	}
	within, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	out, err := start(within, path)
	switch {
	case ctx.Err() != nil:
		return none, ctx.Err()
	case within.Err() != nil:
		return none, fmt.Errorf("it did not say its version within %s", Timeout)
	case err != nil:
		return none, err
	}
	return parse(out)
}

// start runs the executable; a just-written file is busy for as long as a
// child that another goroutine is starting holds the writing descriptor
// (golang.org/issue/22315), so that case is tried again.
func start(ctx context.Context, path string) ([]byte, error) {
	for wait := time.Millisecond; ; wait *= 2 {
		out, err := once(ctx, path)
		if !errors.Is(err, syscall.ETXTBSY) || wait > time.Second {
			return out, err
		}
		time.Sleep(wait)
	}
}

func once(ctx context.Context, path string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, path, "version", "--json")
	stdout, stderr := &capped{}, &capped{}
	cmd.Stdout, cmd.Stderr = stdout, stderr
	cmd.Env, cmd.Dir = environment(), filepath.Dir(path)
	cmd.WaitDelay = time.Second
	if err := cmd.Run(); err != nil {
		if said := firstLine(stderr.b.String()); said != "" {
			return nil, fmt.Errorf("it does not run: %w: %s", err, said)
		}
		return nil, fmt.Errorf("it does not run: %w", err)
	}
	return stdout.b.Bytes(), nil
}

func environment() []string {
	env := []string{"LC_ALL=C"}
	for _, name := range []string{"TMPDIR", "TEMP", "TMP", "SystemRoot"} {
		if v, ok := os.LookupEnv(name); ok && (runtime.GOOS == "windows" || name == "TMPDIR") {
			env = append(env, name+"="+v)
		}
	}
	return env
}

func parse(out []byte) (version.Info, error) {
	var info version.Info
	if err := json.NewDecoder(bytes.NewReader(out)).Decode(&info); err != nil {
		return info, fmt.Errorf("it does not say its version: %w", err)
	}
	if !version.Valid(info.Version) || info.OS == "" || info.Arch == "" {
		return info, fmt.Errorf("it says no version: %.80q", firstLine(string(out)))
	}
	return info, nil
}

// firstLine gives one short printable line of what a foreign program said.
func firstLine(s string) string {
	s, _, _ = strings.Cut(strings.TrimSpace(s), "\n")
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return -1
		}
		return r
	}, s)
	return s[:min(len(s), 200)]
}

// capped keeps the first maxOutput bytes and drops the rest, so that a program
// that talks without end neither fills memory nor blocks.
type capped struct{ b bytes.Buffer }

func (c *capped) Write(p []byte) (int, error) {
	c.b.Write(p[:min(len(p), maxOutput-c.b.Len())])
	return len(p), nil
}
