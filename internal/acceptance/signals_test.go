//go:build realpacks && linux

package acceptance

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// prompt is how much of a processor a run may take to end after a signal: what the
// clock says depends on what else the machine does.
const prompt = 3 * time.Second

// TestRealPackSignals ends each command that writes by each signal, and by a
// terminal that is closed, at random times of its run: it ends with 130, soon, and
// with no recovery at all what it worked on is old or new, whole. PACKLIFT_KILL_SEED
// repeats a run's times, PACKLIFT_SIGNAL_ROUNDS is how many rounds there are.
func TestRealPackSignals(t *testing.T) {
	g := newSignals(t)
	t.Logf("PACKLIFT_KILL_SEED=%d", g.seed)
	t.Run("all", func(t *testing.T) {
		for i, command := range []string{"apply-update", "revert", "self-update", "create-update"} {
			t.Run(command, func(t *testing.T) {
				t.Parallel()
				g.command(t, command, rand.New(rand.NewPCG(g.seed, uint64(i))))
			})
		}
	})
}

// signals is what the tests of signals share.
type signals struct {
	*realSite
	updated string // a pack at level 10
	old     string // an importer of version 1.2.0
	seed    uint64
	rounds  int
}

func newSignals(t *testing.T) *signals {
	g := &signals{realSite: newRealSite(t), seed: number(t, "PACKLIFT_KILL_SEED", rand.Uint64()), rounds: int(number(t, "PACKLIFT_SIGNAL_ROUNDS", 1))}
	g.updated = filepath.Join(filepath.Dir(g.pack), "updated")
	if _, err := os.Stat(g.updated); err != nil {
		copyPack(t, g.pack, g.updated)
		g.s.want(0, "packlift-import", "apply-update", "--pack", g.updated, "-i", g.s.identity, g.bundle)
	}
	dir, err := olderRelease()
	if err != nil {
		t.Fatal(err)
	}
	g.old = filepath.Join(dir, "packlift-import")
	return g
}

// olderRelease is the folder of binaries that updates replace.
var olderRelease = sync.OnceValues(func() (string, error) {
	dir := filepath.Join(scratch, "older")
	return dir, build(top, "1.2.0", dir)
})

// starting is more of a processor than a tool takes to be up and listen, which is 3 ms:
// until then Go's runtime has every signal, and passes it on to the system.
const starting = 30 * time.Millisecond

// mostSignals are sent until one meets a run at work: of those that one of ten meets
// so many miss once in 10^13 times.
const mostSignals = 300

// signalNames are the ways to be told to end; "closed" is the terminal's.
var signalNames = map[string]syscall.Signal{"INT": syscall.SIGINT, "TERM": syscall.SIGTERM, "HUP": syscall.SIGHUP, "closed": 0}

// command runs one command with each signal, some times.
func (g *signals) command(t *testing.T, command string, r *rand.Rand) {
	times := g.rounds * map[string]int{"apply-update": 4, "revert": 4, "self-update": 3, "create-update": 1}[command]
	length := g.once(t, command, "", 0) // to its end
	if command != "create-update" {
		length = min(length, g.once(t, command, "", 0), g.once(t, command, "", 0))
	}
	early, late := 0, 0
	var took []time.Duration
	names := []string{"INT", "TERM", "HUP", "closed"}
	for i := 0; i < times*len(names) || len(took) == 0; i++ { // of a short run the part that a signal ends may be a tenth
		if i == mostSignals {
			t.Fatal("no signal met it at work")
		}
		switch d := g.once(t, command, names[i%len(names)], time.Duration(r.Int64N(int64(length)))); {
		case d < 0:
			late++
		case d == 0:
			early++
		default:
			took = append(took, d)
		}
	}
	slices.Sort(took)
	t.Logf("%s takes %s; %d signals ended it in %s to %s, the median %s; %d came after its end, %d before it listened",
		command, length.Round(time.Millisecond), len(took), took[0].Round(time.Millisecond), took[len(took)-1].Round(time.Millisecond),
		took[len(took)/2].Round(time.Millisecond), late, early)
	if took[len(took)-1] > prompt {
		t.Errorf("%s takes %s to end", command, took[len(took)-1])
	}
}

// once runs a command and ends it after a while. It returns how much of a processor it took
// to end after the signal (0: killed before it listened, -1: it had ended), or without
// a signal how long it ran.
func (g *signals) once(t *testing.T, command, name string, after time.Duration) time.Duration {
	t.Helper()
	w := g.work(t, command)
	p := begin(t, w.cmd, name == "closed")
	start := time.Now()
	var alarm <-chan time.Time
	if name != "" {
		alarm = time.After(after)
	}
	select {
	case <-p.ended:
		w.check(t, fmt.Sprintf("%s, which ended before %s", command, name), p, w.code)
		if name == "" {
			return time.Since(start)
		}
		return -1
	case <-alarm:
	}
	worked := processor(p.cmd.Process.Pid)
	p.end(t, name)
	<-p.ended
	took := max(p.cmd.ProcessState.UserTime()+p.cmd.ProcessState.SystemTime()-worked, 1)
	what := fmt.Sprintf("%s, %s after %s", command, name, after)
	if p.signaled() && (worked < starting || command == "self-update") { // it was not up yet, or the one that just replaced it
		w.check(t, what, p, -1)
		return 0
	}
	if code := p.cmd.ProcessState.ExitCode(); code == w.code { // all was done, and said
		w.check(t, what, p, code)
		return -1
	}
	w.check(t, what, p, 130)
	return took
}

// processor is how much of a processor a process has taken, itself and its children.
func processor(pid int) time.Duration {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid)) // it may have ended
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	ticks := int64(0)
	for i := 11; i < 15 && i < len(fields); i++ {
		n, _ := strconv.ParseInt(fields[i], 10, 64)
		ticks += n
	}
	return time.Duration(ticks) * (time.Second / 100)
}

// process is a command under way; pty is its terminal where it has one.
type process struct {
	cmd   *exec.Cmd
	out   bytes.Buffer
	pty   *os.File
	ended chan struct{}
}

func begin(t *testing.T, cmd *exec.Cmd, terminal bool) *process {
	t.Helper()
	p := &process{cmd: cmd, ended: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = &p.out, &p.out
	if terminal {
		var tty *os.File
		p.pty, tty = openPTY(t)
		defer tty.Close()
		cmd.Stdin, cmd.Stdout, cmd.Stderr = tty, tty, tty
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = cmd.Wait() // its code is looked at
		close(p.ended)
	}()
	return p
}

// end sends the signal, or closes the terminal: the kernel then sends SIGHUP, and
// writes to the terminal fail.
func (p *process) end(t *testing.T, name string) {
	t.Helper()
	if p.pty != nil {
		p.pty.Close()
		return
	}
	_ = p.cmd.Process.Signal(signalNames[name]) // it may have ended
}

func (p *process) signaled() bool {
	s, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus)
	return ok && s.Signaled()
}

func openPTY(t *testing.T) (master, tty *os.File) {
	t.Helper()
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no pseudo terminal: %v", err)
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		tty, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	return os.NewFile(uintptr(fd), "/dev/ptmx"), tty
}

// work is a command ready to run, its code where nothing ends it, and what has
// to hold afterwards; code -1 is any.
type work struct {
	cmd   *exec.Cmd
	code  int
	check func(t *testing.T, what string, p *process, code int)
}

func (g *signals) work(t *testing.T, command string) work {
	if command == "create-update" {
		return g.create(t)
	}
	dir, err := os.MkdirTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	pack, from, program := filepath.Join(dir, "pack"), g.pack, tool(t, "packlift-import")
	args := []string{"apply-update", "-i", g.s.identity, g.bundle}
	w, goal := work{}, 10
	if command == "revert" {
		from, args, w.code, goal = g.updated, []string{"revert"}, 4, 0
	}
	copyPack(t, from, pack)
	if command == "self-update" {
		program = filepath.Join(pack, "bin", "packlift-import")
		copyPack(t, g.old, program)
	}
	w.cmd = g.s.command(program, append(args, "--pack", pack)...)
	w.check = func(t *testing.T, what string, p *process, code int) {
		t.Helper()
		p.wantCode(t, what, code)
		left := found(t, pack)
		if left.journal || left.stage || code == w.code && left.state != goal {
			t.Errorf("%s: it left %s, level %d", what, left, left.state)
		}
		g.whole(t, what, pack, left.state)
		if command == "self-update" {
			g.oneTool(t, what, program)
		}
		os.RemoveAll(dir)
	}
	return w
}

// command is one with the clean environment of a site.
func (s *site) command(program string, args ...string) *exec.Cmd {
	cmd := exec.Command(program, args...)
	cmd.Dir = s.dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + s.dir, "TMPDIR=" + os.TempDir(), "TERM=xterm"}
	return cmd
}

func (p *process) wantCode(t *testing.T, what string, code int) {
	t.Helper()
	if got := p.cmd.ProcessState.ExitCode(); code >= 0 && got != code {
		t.Errorf("%s: exit code %d, want %d\n%s", what, got, code, p.out.String())
	}
}

// oneTool wants the pack's tool to be the old one or the new one, whole, the log
// to tell of the new one once, and nothing else of the two in bin.
func (g *signals) oneTool(t *testing.T, what, program string) {
	t.Helper()
	held, err1 := os.ReadFile(program)
	was, err2 := os.ReadFile(g.old)
	brought, err3 := os.ReadFile(filepath.Join(g.s.tools, "packlift-import_"+platform()))
	log, err4 := os.ReadFile(filepath.Join(filepath.Dir(filepath.Dir(program)), "updates", "packlift", "audit.log"))
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		t.Fatal(err)
	}
	fresh := bytes.Equal(held, brought)
	if !fresh && !bytes.Equal(held, was) {
		t.Errorf("%s: the tool is neither old nor new", what)
	}
	if told := strings.Count(string(log), `"event":"self-update"`); (told == 1) != fresh || told > 1 {
		t.Errorf("%s: the tool is new: %v; the log says so %d times", what, fresh, told)
	}
	beside, err := filepath.Glob(program + "*")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range beside {
		if name != program && name != program+".old" {
			t.Errorf("%s: %s is left", what, name)
		}
	}
}

// create makes a bundle over one that is there already.
func (g *signals) create(t *testing.T) work {
	out, err := os.MkdirTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(out, "b.packlift")
	copyPack(t, g.bundle, file)
	before, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	cmd := g.s.command(tool(t, "packlift-export"), "create-update", "--from", g.realSite.old, "--to", g.new, "--product", realProduct, "-s", "0", "-e", "10",
		"-r", g.s.recipient, "--sign-key", g.s.key("alice"), "--sign-key", g.s.key("bob"), "--trust", g.s.trust, "--tools", g.s.tools, "-o", file)
	return work{cmd: cmd, check: func(t *testing.T, what string, p *process, code int) {
		t.Helper()
		p.wantCode(t, what, code)
		after, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		_, noSidecar := os.Lstat(file + ".sha256")
		if fresh := !bytes.Equal(before, after); fresh {
			g.s.want(0, "packlift-export", "verify", "--trust", g.s.trust, file)
		} else if code == 0 {
			t.Errorf("%s: the bundle is the old one", what)
		}
		if (noSidecar == nil) != !bytes.Equal(before, after) {
			t.Errorf("%s: the sidecar is not that of the bundle", what)
		}
		list, err := os.ReadDir(out)
		if err != nil || len(list) > 2 {
			t.Errorf("%s: %v left, %v", what, list, err)
		}
		os.RemoveAll(out)
	}}
}

// TestRealPackNohup: who ignores SIGHUP goes on without its terminal, to the end.
func TestRealPackNohup(t *testing.T) {
	g := newRealSite(t)
	pack := filepath.Join(t.TempDir(), "pack")
	copyPack(t, g.pack, pack)
	line := fmt.Sprintf(`trap "" HUP; exec %q apply-update --pack %q -i %q %q`, tool(t, "packlift-import"), pack, g.s.identity, g.bundle)
	p := begin(t, g.s.command("sh", "-c", line), true)
	for runs := ""; runs != tool(t, "packlift-import"); time.Sleep(time.Millisecond) { // the shell has its trap by then
		var err error
		if runs, err = os.Readlink(fmt.Sprintf("/proc/%d/exe", p.cmd.Process.Pid)); err != nil {
			t.Fatalf("it ended: %v\n%s", err, p.out.String())
		}
	}
	p.end(t, "closed")
	<-p.ended
	p.wantCode(t, "without a terminal", 0)
	g.whole(t, "without a terminal", pack, 10)
}

// TestRealPackToolKilled kills self-updates at random times: whichever tool is in
// bin, it is whole, runs, and its next run puts the rest right.
func TestRealPackToolKilled(t *testing.T) {
	g := newSignals(t)
	r := rand.New(rand.NewPCG(g.seed, 9))
	t.Logf("PACKLIFT_KILL_SEED=%d", g.seed)
	length, fresh := g.once(t, "self-update", "", 0), 0
	kills := 8 * g.rounds
	for i := range kills {
		pack := filepath.Join(t.TempDir(), "pack")
		program := filepath.Join(pack, "bin", "packlift-import")
		copyPack(t, g.pack, pack)
		copyPack(t, g.old, program)
		p := begin(t, g.s.command(program, "apply-update", "-i", g.s.identity, g.bundle), false)
		time.Sleep(time.Duration(r.Int64N(int64(length))))
		_ = p.cmd.Process.Kill()
		<-p.ended
		what := fmt.Sprintf("kill %d", i)
		if out := g.s.want(0, program, "recover"); strings.Contains(g.s.want(0, program, "version"), "1.3.0") {
			fresh++
		} else if strings.Contains(out, "finished") {
			t.Errorf("%s: the old tool moved files", what)
		}
		sweepNew(t, program)
		g.oneTool(t, what, program)
		g.whole(t, what, pack, found(t, pack).state)
		g.s.want(0, program, "apply-update", "-i", g.s.identity, g.bundle)
		g.whole(t, what+", then again", pack, 10)
		g.oneTool(t, what+", then again", program)
		os.RemoveAll(pack)
	}
	t.Logf("%d kills within %s: %d found the new tool in bin", kills, length, fresh)
}

// sweepNew removes a tool that was on its way in, as the next self-update does.
func sweepNew(t *testing.T, program string) {
	t.Helper()
	list, err := filepath.Glob(program + ".new-*")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range list {
		if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	}
}
