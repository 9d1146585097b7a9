package acceptance

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

// patience is how long is waited for what will come, on a machine that does other things first.
const patience = 2 * time.Minute

// screen is a terminal on which a run of the exporter asks.
type screen struct {
	sync.Mutex
	tty   *os.File
	shown bytes.Buffer
	done  chan struct{}
}

// onScreen starts a run with a terminal for its standard streams, as a login shell would.
func onScreen(t *testing.T, cmd *exec.Cmd) *screen {
	t.Helper()
	tty, err := pty.Start(cmd)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tty.Close() })
	s := &screen{tty: tty, done: make(chan struct{})}
	go func() {
		defer close(s.done)
		for b := make([]byte, 4096); ; {
			n, err := tty.Read(b)
			s.Lock()
			s.shown.Write(b[:n])
			s.Unlock()
			if err != nil { // EIO when the last user of the terminal ends
				return
			}
		}
	}()
	return s
}

func (s *screen) text() string {
	s.Lock()
	defer s.Unlock()
	return s.shown.String()
}

// answer waits for a question and types a line.
func (s *screen) answer(t *testing.T, question, line string) {
	t.Helper()
	for until := time.Now().Add(patience); !strings.Contains(s.text(), question); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(until) {
			t.Fatalf("%q is not asked:\n%s", question, s.text())
		}
	}
	s.quiet(t, question)
	if _, err := io.WriteString(s.tty, line+"\n"); err != nil {
		t.Fatal(err)
	}
}

// quiet waits until the terminal does not echo what is typed to a hidden question.
func (s *screen) quiet(t *testing.T, question string) {
	t.Helper()
	if !strings.HasPrefix(question, "password") {
		return
	}
	for until := time.Now().Add(patience); echoes(t, s.tty); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(until) {
			t.Fatal("the terminal echoes what is typed")
		}
	}
}

// end is the run's exit code and all that was shown.
func (s *screen) end(t *testing.T, cmd *exec.Cmd) (int, string) {
	t.Helper()
	var ended *exec.ExitError
	if err := cmd.Wait(); err != nil && !errors.As(err, &ended) {
		t.Fatal(err)
	}
	select {
	case <-s.done:
	case <-time.After(patience):
	}
	return cmd.ProcessState.ExitCode(), s.text()
}

// asksOnATerminal: who gives a name alone, or nothing, is asked, once; what is typed for a password is not
// shown; a signal gives the terminal back as it was.
func (d *webDepot) asksOnATerminal(ca []string) {
	t := d.t
	for _, c := range []struct {
		name    string
		args    []string
		answers [][2]string
		code    int
		want    string
	}{
		{"name given", []string{"-u", depotUser}, [][2]string{{"password of " + depotUser, depotPassword}}, 0, "1 level newer"},
		{"both asked", nil, [][2]string{{"username for the depot", depotUser}, {"password of " + depotUser, depotPassword}}, 0, "1 level newer"},
		{"typed wrong", []string{"-u", depotUser}, [][2]string{{"password of " + depotUser, wrongPassword}}, 1, "does not take these credentials"},
		{"no name", nil, [][2]string{{"username for the depot", ""}}, 1, "wants credentials"},
	} {
		cmd := d.askCommand(c.name, append(ca, c.args...))
		s := onScreen(t, cmd)
		for _, a := range c.answers {
			s.answer(t, a[0], a[1])
		}
		code, shown := s.end(t, cmd)
		if code != c.code || !strings.Contains(shown, c.want) {
			t.Errorf("%s: exit code %d, want %d and %q\n%s", c.name, code, c.code, c.want, shown)
		}
		if c.name == "both asked" && !strings.Contains(shown, depotUser+"\r\n") {
			t.Errorf("%s: the name that was typed is not shown:\n%s", c.name, shown)
		}
		d.printed.WriteString(shown)
	}
	cmd := d.askCommand("empty", append(ca, "-u", depotUser))
	s := onScreen(t, cmd)
	s.answer(t, "password of "+depotUser, "") // no line is an empty password
	if code, shown := s.end(t, cmd); code != 64 || !strings.Contains(shown, "is empty") {
		t.Errorf("an empty line: exit code %d\n%s", code, shown)
	}
	d.givesTheTerminalBack(ca)
}

func (d *webDepot) givesTheTerminalBack(ca []string) {
	t := d.t
	cmd := d.askCommand("signal", append(ca, "-u", depotUser))
	s := onScreen(t, cmd)
	for until := time.Now().Add(patience); !strings.Contains(s.text(), "password of"); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(until) {
			t.Fatalf("nothing is asked:\n%s", s.text())
		}
	}
	s.quiet(t, "password")
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	code, shown := s.end(t, cmd)
	if code != 130 || !echoes(t, s.tty) {
		t.Errorf("after a signal: exit code %d, the terminal echoes: %v\n%s", code, echoes(t, s.tty), shown)
	}
}

// echoes asks the terminal whether it shows what is typed.
func echoes(t *testing.T, tty *os.File) bool {
	t.Helper()
	state, err := unix.IoctlGetTermios(int(tty.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return state.Lflag&unix.ECHO != 0
}

func (d *webDepot) askCommand(name string, more []string) *exec.Cmd {
	args := append(d.ask("https://"+d.server.HTTPS, more...), "--cache", filepath.Join(d.home, "cache", "terminal-"+strings.ReplaceAll(name, " ", "-")))
	cmd := exec.Command(tool(d.t, "packlift-export"), args...)
	cmd.Dir = d.home
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + d.home, "TMPDIR=" + d.home, "TERM=dumb", "NO_COLOR=1"}
	return cmd
}
