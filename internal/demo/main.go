// Command demo plays both sides of an air gap with a small product, in a
// temporary folder: a vendor makes and signs an update, an auditor checks it, a
// site whose importer is too old applies it and takes it back again.
//
//	make demo
//
// Each command stands before its output as it would be typed. The demo ends
// with an error at the first exit code or tree that is not the expected one.
package main

import (
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/term"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("demo: ")
	if err := run(); err != nil {
		log.Fatal(err)
	}
}

func run() error {
	top, err := os.Getwd()
	if err != nil {
		return err
	}
	work, err := os.MkdirTemp("", "packlift-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	s := &stage{top: top, work: work, colour: term.IsTerminal(int(os.Stdout.Fd())) && os.Getenv("NO_COLOR") == ""}
	for _, act := range []func(*stage) error{build, meet, create, carry, check, apply, refuse, revert} {
		if err := act(s); err != nil {
			return err
		}
	}
	s.title("Done: the pack went from level 0 to 10 and back, and is byte for byte what it was")
	return nil
}

// stage is where the demo plays: a temporary folder with one folder for each party.
type stage struct {
	top, work string
	colour    bool
	recipient string // of the site
}

func (s *stage) title(text string) {
	if s.colour {
		text = "\x1b[1;36m" + text + "\x1b[0m"
	}
	fmt.Printf("\n%s\n", text)
}

func (s *stage) say(text string) { fmt.Printf("# %s\n", text) }

// do runs one command line in the stage's folder and wants the given exit
// code. Words that the stage abbreviates are expanded: $RECIPIENT.
func (s *stage) do(code int, line string) (string, error) {
	shown := line
	if s.colour {
		shown = "\x1b[1m" + line + "\x1b[0m"
	}
	fmt.Printf("\n$ %s\n", shown)
	words := strings.Fields(strings.ReplaceAll(line, "$RECIPIENT", s.recipient))
	cmd := exec.Command(s.program(words[0]), words[1:]...)
	cmd.Dir = s.work
	cmd.Env = append(os.Environ(), "NO_COLOR=1", "HOME="+s.work)
	out := &tee{to: os.Stdout}
	cmd.Stdout, cmd.Stderr = out, out
	err := cmd.Run()
	if _, ended := err.(*exec.ExitError); err != nil && !ended {
		return "", err
	}
	if got := cmd.ProcessState.ExitCode(); got != code {
		return "", fmt.Errorf("%s: exit code %d, want %d", line, got, code)
	}
	if code != 0 {
		fmt.Printf("(exit code %d)\n", code)
	}
	return out.text.String(), nil
}

// program finds a command: a path stays beneath the stage, the exporter is the one built.
func (s *stage) program(name string) string {
	switch {
	case name == "packlift-export":
		return filepath.Join(s.work, "new", name+exe())
	case name == "packlift-import":
		return filepath.Join(s.work, "new", name+exe())
	case strings.HasPrefix(name, "docs/"):
		return filepath.Join(s.top, name)
	case strings.Contains(name, "/"):
		return filepath.Join(s.work, name)
	}
	return name
}

// all runs command lines that are to end with 0.
func (s *stage) all(lines ...string) error {
	for _, line := range lines {
		if _, err := s.do(0, line); err != nil {
			return err
		}
	}
	return nil
}

// tee passes output on and keeps it.
type tee struct {
	to   *os.File
	text strings.Builder
}

func (t *tee) Write(b []byte) (int, error) {
	t.text.Write(b)
	return t.to.Write(b)
}

func exe() string {
	if runtime.GOOS == "windows" {
		return ".exe"
	}
	return ""
}
