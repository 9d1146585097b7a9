//go:build unix

package selfupdate

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"packlift/internal/version"
)

// TestRerunner is no test: it is the child of TestRerun.
func TestRerunner(t *testing.T) {
	tool := os.Getenv("SELFUPDATE_RERUN")
	if tool == "" {
		t.Skip("only run as a child")
	}
	fmt.Println(Rerun(tool, []string{"apply-update", "a bundle", "--json"}))
	os.Exit(9)
}

func rerunner(tool string) (*exec.Cmd, string, error) {
	cmd := exec.Command(os.Args[0], "-test.run=^TestRerunner$")
	cmd.Env = append(os.Environ(), "SELFUPDATE_RERUN="+tool, Guard+"=0.1.0")
	out := &strings.Builder{}
	cmd.Stdout = out
	err := cmd.Run()
	return cmd, out.String(), err
}

// TestRerun: the new tool takes this process's place, with the same arguments,
// the guard of the tool that started it, and its own exit code.
func TestRerun(t *testing.T) {
	tool := filepath.Join(t.TempDir(), "packlift-import")
	write(t, tool, []byte("#!/bin/sh\necho $$ \"$#\" \"$1\" \"$2\" \"$3\" \"$"+Guard+"\"\nexit 3\n"))
	cmd, out, _ := rerunner(tool)
	want := fmt.Sprintf("%d 3 apply-update a bundle --json %s\n", cmd.Process.Pid, version.Current())
	if out != want || cmd.ProcessState.ExitCode() != 3 {
		t.Errorf("it said %q with code %d, want %q with 3", out, cmd.ProcessState.ExitCode(), want)
	}
}

// TestRerunThatFails returns, with the tool's name and the cause.
func TestRerunThatFails(t *testing.T) {
	tool := filepath.Join(t.TempDir(), "packlift-import")
	cmd, out, _ := rerunner(tool)
	if want := "starting " + tool + ": no such file or directory\n"; out != want || cmd.ProcessState.ExitCode() != 9 {
		t.Errorf("it said %q with code %d, want %q", out, cmd.ProcessState.ExitCode(), want)
	}
}
