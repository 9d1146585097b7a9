package running

import (
	"context"
	"go/build"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/shirou/gopsutil/v4/process"
	"golang.org/x/sys/unix"
)

// stopped runs a shell, and returns when it has stopped itself: all that it opened to begin with is closed again.
func stopped(t *testing.T, dir string, stdin *os.File, args ...string) int {
	t.Helper()
	pid := start(t, dir, stdin, "sh", append([]string{"-c", "kill -STOP $$"}, args...)...)
	var status unix.WaitStatus
	if _, err := unix.Wait4(pid, &status, unix.WUNTRACED, nil); err != nil || !status.Stopped() {
		t.Fatalf("it did not stop: %v, %v", status, err)
	}
	return pid
}

// What the kernel's files tell is what gopsutil says, of processes that do not change: its own, and those that it started.
func TestProcessesAsGopsutilSeesThem(t *testing.T) {
	ctx := context.Background()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	long := filepath.Join(dir, "a name (of more) than 15 letters")
	if err := os.Symlink(self, long); err != nil {
		t.Fatal(err)
	}
	t.Setenv(staysEnv, "1")
	pids := []int{os.Getpid(), start(t, dir, nil, "sleep", "600"), start(t, "/", nil, long), stopped(t, dir, nil, "two\nlines", "")}
	all, err := numbers(ctx)
	if err != nil || !slices.Contains(all, int32(os.Getppid())) {
		t.Fatalf("%v, %v", all, err)
	}
	for _, pid := range pids {
		if !slices.Contains(all, int32(pid)) {
			t.Errorf("%v lacks %d", all, pid)
		}
		compare(t, number(pid), &process.Process{Pid: int32(pid)})
	}
}

func compare(t *testing.T, p number, o *process.Process) {
	t.Helper()
	ctx := context.Background()
	equal := func(what string, got, want any, err error) {
		t.Helper()
		if err != nil || got != want {
			t.Errorf("%s of %d: %v, want %v, %v", what, p, got, want, err)
		}
	}
	parent, err := o.Ppid()
	got, _ := p.parent(ctx)
	equal("parent", got, parent, err)
	name, err := o.Name()
	gotName, _ := p.name(ctx)
	equal("name", gotName, name, err)
	exe, err := o.Exe()
	gotExe, _ := p.program(ctx)
	equal("program", gotExe, exe, err)
	dir, err := o.Cwd()
	gotDir, _ := p.folder(ctx)
	equal("folder", gotDir, dir, err)
	words, err := o.CmdlineSlice()
	gotWords, _ := p.words(ctx)
	equal("command line", strings.Join(gotWords, "|"), strings.Join(words, "|"), err)
	made, err := o.CreateTime()
	began, _ := p.began(ctx)
	equal("start within two seconds", time.UnixMilli(made).Sub(began).Abs() <= 2*time.Second, true, err) // it counts from a second
	status, err := o.Status()
	equal("life", p.alive(ctx), !slices.Contains(status, process.Zombie), err)
}

func TestOpenFilesAsGopsutilSeesThem(t *testing.T) {
	f, err := os.Open("process_linux.go")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	pid := stopped(t, "/", f)
	want, err := (&process.Process{Pid: int32(pid)}).OpenFiles()
	if err != nil {
		t.Fatal(err)
	}
	got, err := number(pid).opened(context.Background())
	if err != nil || len(got) != len(want) || len(got) < 3 {
		t.Fatalf("%v, %v; want %v", got, err, want)
	}
	for _, w := range want {
		if !slices.Contains(got, openFile{w.Path, w.Fd}) {
			t.Errorf("%v lacks %v", got, w)
		}
	}
}

func TestAlive(t *testing.T) {
	ctx := context.Background()
	cmd := exec.Command("true")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := number(cmd.Process.Pid)
	if err := unix.Waitid(unix.P_PID, cmd.Process.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil); err != nil { // until nothing is left but its status
		t.Fatal(err)
	}
	if p.alive(ctx) {
		t.Error("a process that ended is alive")
	}
	if s, err := p.stat(); err != nil || s.state != 'Z' {
		t.Errorf("%+v, %v", s, err)
	}
	cmd.Wait()
	if p.alive(ctx) || number(1<<30).alive(ctx) {
		t.Error("a process that is not there is alive")
	}
	if _, err := number(1 << 30).parent(ctx); err == nil {
		t.Error("a process that is not there has a parent")
	}
}

func TestOnTerminal(t *testing.T) {
	ctx := context.Background()
	cmd := exec.Command("sleep", "600")
	tty, err := pty.Start(cmd)
	if err != nil {
		t.Fatal(err)
	}
	defer tty.Close()
	defer func() { cmd.Process.Kill(); cmd.Wait() }()
	if on, err := number(cmd.Process.Pid).onTerminal(ctx); !on || err != nil {
		t.Errorf("with a terminal: %v, %v", on, err)
	}
	none := exec.Command("sleep", "600")
	none.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := none.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { none.Process.Kill(); none.Wait() }()
	if on, err := number(none.Process.Pid).onTerminal(ctx); on || err != nil {
		t.Errorf("without a terminal: %v, %v", on, err)
	}
}

func TestParseStat(t *testing.T) {
	tail := " S 17 1 1 34816 2 3 4 5 6 7 8 9 10 11 12 13 14 15 4711 99 100"
	for text, want := range map[string]stat{
		"42 (java)" + tail:         {"java", 'S', 17, 34816, 4711},
		"42 (a) Z 1 (b) c)" + tail: {"a) Z 1 (b) c", 'S', 17, 34816, 4711},
		"42 ()" + tail:             {"", 'S', 17, 34816, 4711},
		"42 (two\nlines)" + tail:   {"two\nlines", 'S', 17, 34816, 4711},
		"":                         {},
		"42 java" + tail:           {},
		"42 )java(" + tail:         {},
		"42 (java)":                {},
		"42 (java) S 17 1 1 34816": {},
		"42 (java) S x" + tail[5:]: {},
		"42 (java)" + strings.Replace(tail, "4711", "x", 1): {},
	} {
		got, err := parseStat(text)
		if got != want || (err == nil) != (want != stat{}) {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
}

// On Linux gopsutil stays out of the binaries: its start reads what all processors did.
func TestLinuxNeedsNoGopsutil(t *testing.T) {
	linux := build.Default
	linux.GOOS = "linux"
	p, err := linux.ImportDir(".", 0)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(p.GoFiles, "process_linux.go") {
		t.Fatalf("files: %v", p.GoFiles)
	}
	for _, name := range p.Imports {
		if strings.Contains(name, "gopsutil") {
			t.Errorf("imports %s", name)
		}
	}
}
