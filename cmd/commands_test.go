package cmd

import (
	"bufio"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/gofrs/flock"
	"github.com/rogpeppe/go-internal/testscript"
)

// commands are what the scripts know besides testscript's own.
var commands = map[string]func(ts *testscript.TestScript, neg bool, args []string){
	"exits":    exits,
	"json":     jsonLines,
	"sametree": sameTree,
	"pack":     makePack,
	"hold":     holdLock,
	"flip":     flip,
	"cutoff":   cutoff,
	"random":   random,
	"agent":    agent,
	"signaled": signaled,
	"sendfile": sendFile,
	"runs":     runs,
	"stop":     stop,
	"paste":    paste,
}

// exits CODE PROGRAM ARGS… runs the program and wants that exit code.
func exits(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	checkCode(ts, want, ts.Exec(args[1], args[2:]...))
}

// paste CODE PATTERN runs by a shell the command that PATTERN's group finds in what
// was printed last, as whoever reads it would, and wants that exit code.
func paste(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	m := regexp.MustCompile(args[1]).FindStringSubmatch(ts.ReadFile("stdout") + ts.ReadFile("stderr"))
	if m == nil {
		ts.Fatalf("no command is named by %q", args[1])
	}
	ts.Logf("pasted: %s", m[1])
	checkCode(ts, want, ts.Exec("sh", "-c", m[1]))
}

func checkCode(ts *testscript.TestScript, want int, err error) {
	var exit *exec.ExitError
	got := 0
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// json TYPE [KEY=VALUE…] wants that standard output is JSON lines, each with
// message_type, and one of TYPE that has these values.
func jsonLines(ts *testscript.TestScript, _ bool, args []string) {
	found := false
	in := bufio.NewScanner(strings.NewReader(ts.ReadFile("stdout")))
	in.Buffer(nil, 16<<20)
	for in.Scan() {
		var m map[string]any
		if err := json.Unmarshal(in.Bytes(), &m); err != nil {
			ts.Fatalf("%q: %v", in.Text(), err)
		}
		kind, ok := m["message_type"].(string)
		if !ok || !strings.HasPrefix(in.Text(), `{"message_type":`) {
			ts.Fatalf("%q has no message_type first", in.Text())
		}
		found = found || kind == args[0] && holds(m, args[1:])
	}
	ts.Check(in.Err())
	if !found {
		ts.Fatalf("no line of type %v", args)
	}
}

func holds(m map[string]any, wants []string) bool {
	return !slices.ContainsFunc(wants, func(w string) bool {
		key, value, _ := strings.Cut(w, "=")
		return fmt.Sprint(m[key]) != value
	})
}

// sametree A B compares two product trees: all but what belongs to the pack's keeper.
func sameTree(ts *testscript.TestScript, neg bool, args []string) {
	a, b := listTree(ts, args[0]), listTree(ts, args[1])
	if (a == b) == neg {
		ts.Fatalf("%s:\n%s\n%s:\n%s", args[0], a, args[1], b)
	}
}

func listTree(ts *testscript.TestScript, dir string) string {
	var out strings.Builder
	top := ts.MkAbs(dir)
	ts.Check(filepath.WalkDir(top, func(name string, d fs.DirEntry, err error) error {
		rel, relErr := filepath.Rel(top, name)
		if err != nil || relErr != nil {
			return errors.Join(err, relErr)
		}
		if rel == "updates" {
			return fs.SkipDir
		}
		if strings.HasPrefix(rel, "bin/packlift-import") || rel == "." {
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		fmt.Fprintf(&out, "%s %s", info.Mode(), rel)
		if info.Mode().IsRegular() {
			b, err := os.ReadFile(name)
			fmt.Fprintf(&out, " %x", sha256.Sum256(b))
			if err != nil {
				return err
			}
		}
		out.WriteByte('\n')
		return nil
	}))
	return out.String()
}

// pack DIR [IMPORTER] makes a pack of the old tree at level 3, with the importer in its bin.
func makePack(ts *testscript.TestScript, _ bool, args []string) {
	dir, fix := ts.MkAbs(args[0]), ts.Getenv("FIX")
	ts.Check(os.CopyFS(dir, os.DirFS(filepath.Join(fix, "old"))))
	ts.Check(ts.Exec("packlift-import", "init", "--pack", dir, "--product", "demo-1.0.0", "--level", "3", "--trust", filepath.Join(fix, "trust"), "--yes"))
	if len(args) > 1 { // by another process: a file that this one has open for writing may be run by none (ETXTBSY)
		ts.Check(ts.Exec("cp", ts.MkAbs(args[1]), filepath.Join(dir, "bin", "packlift-import")))
	}
}

// hold PACK takes a pack's lock until the script ends.
func holdLock(ts *testscript.TestScript, _ bool, args []string) {
	l := flock.New(ts.MkAbs(args[0]) + "/updates/packlift/lock")
	ok, err := l.TryLock()
	ts.Check(err)
	if !ok {
		ts.Fatalf("the lock is held already")
	}
	ts.Defer(func() { l.Close() })
}

// flip FILE PERCENT turns one bit of a file, so far into it.
func flip(ts *testscript.TestScript, _ bool, args []string) {
	name := ts.MkAbs(args[0])
	b, err := os.ReadFile(name)
	ts.Check(err)
	b[at(ts, len(b), args[1])] ^= 1
	ts.Check(os.WriteFile(name, b, 0o644))
}

// cutoff FILE PERCENT keeps the first part of a file.
func cutoff(ts *testscript.TestScript, _ bool, args []string) {
	info, err := os.Stat(ts.MkAbs(args[0]))
	ts.Check(err)
	ts.Check(os.Truncate(ts.MkAbs(args[0]), int64(at(ts, int(info.Size()), args[1]))))
}

func at(ts *testscript.TestScript, size int, percent string) int {
	n, err := strconv.Atoi(percent)
	ts.Check(err)
	return size * n / 100
}

// random FILE MIB writes bytes that do not compress.
func random(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	r := rand.NewChaCha8([32]byte{1})
	b := make([]byte, n<<20)
	r.Read(b)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), b, 0o644))
}

// agent KEY starts an ssh agent that holds a private key.
func agent(ts *testscript.TestScript, _ bool, args []string) {
	dir, err := os.MkdirTemp("", "agent") // a socket's path has 107 characters at most
	ts.Check(err)
	socket := filepath.Join(dir, "s")
	cmd := exec.Command("ssh-agent", "-D", "-a", socket)
	ts.Check(cmd.Start())
	ts.Defer(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		os.RemoveAll(dir)
	})
	soon(ts, "the agent answers", func() bool {
		c, err := net.Dial("unix", socket)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
	ts.Setenv("SSH_AUTH_SOCK", socket)
	ts.Check(ts.Exec("ssh-add", "-q", ts.MkAbs(args[0])))
}

// soon waits for what comes about by itself, on a machine that does other things first.
func soon(ts *testscript.TestScript, what string, holds func() bool) {
	for until := time.Now().Add(2 * time.Minute); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(until) {
			ts.Fatalf("it never comes about: %s", what)
		}
	}
}

// runs FILE PROGRAM ARGS… [<INPUT] starts a program and writes its number into the file. It
// has begun when the script goes on, and runs until stop or the script's end.
func runs(ts *testscript.TestScript, _ bool, args []string) {
	words := args[1:]
	var input *os.File
	if name, ok := strings.CutPrefix(words[len(words)-1], "<"); ok {
		var err error
		input, err = os.Open(ts.MkAbs(name))
		ts.Check(err)
		defer input.Close()
		words = words[:len(words)-1]
	}
	program := words[0]
	if strings.Contains(program, "/") {
		program = ts.MkAbs(program)
	}
	cmd := exec.Command(program, words[1:]...)
	cmd.Dir, cmd.Env = ts.MkAbs("."), []string{"HOME=" + ts.Getenv("HOME"), "TMPDIR=" + ts.Getenv("TMPDIR")}
	if input != nil { // a nil *os.File in the interface would not be nil
		cmd.Stdin = input
	}
	ts.Check(cmd.Start())
	ended := make(chan struct{})
	go func() { defer close(ended); _ = cmd.Wait() }()
	ts.Defer(func() { _ = cmd.Process.Kill(); <-ended })
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), fmt.Appendln(nil, cmd.Process.Pid), 0o644))
}

// stop FILE ends the process whose number stands in the file, and waits until it is gone.
func stop(ts *testscript.TestScript, _ bool, args []string) {
	pid, err := strconv.Atoi(strings.TrimSpace(ts.ReadFile(args[0])))
	ts.Check(err)
	p, err := os.FindProcess(pid)
	ts.Check(err)
	ts.Check(p.Kill())
	soon(ts, fmt.Sprintf("process %d is gone", pid), func() bool {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err == nil { // of a dead one whose parent is busy, its status is left
			return strings.Contains(string(stat), ") Z ")
		}
		return p.Signal(syscall.Signal(0)) != nil
	})
}

// signaled SIGNAL CODE DIR PROGRAM ARGS… runs the program, sends the signal once a
// file appears in DIR, and wants the exit code. A run that ended before the signal, as
// it may on a busy machine, shows nothing: DIR is emptied, and it is run again.
func signaled(ts *testscript.TestScript, _ bool, args []string) {
	signal := map[string]syscall.Signal{"INT": syscall.SIGINT, "TERM": syscall.SIGTERM, "HUP": syscall.SIGHUP, "KILL": syscall.SIGKILL}[args[0]]
	want, err := strconv.Atoi(args[1])
	ts.Check(err)
	program, err := exec.LookPath(filepath.Join(ts.Getenv("FIX"), "1.3.0", args[3]))
	ts.Check(err)
	dir := ts.MkAbs(args[2])
	for range 20 {
		cmd := exec.Command(program, args[4:]...)
		cmd.Dir = ts.MkAbs(".")
		cmd.Env = []string{"HOME=" + ts.Getenv("HOME"), "TMPDIR=" + ts.Getenv("TMPDIR")}
		err := signalOnceIn(ts, cmd, signal, dir)
		if want == 0 || err != nil {
			checkCode(ts, want, err)
			return
		}
		ts.Logf("it ended before the signal; again")
		ts.Check(errors.Join(os.RemoveAll(dir), os.Mkdir(dir, 0o777)))
	}
	ts.Fatalf("no signal met it at work")
}

// signalOnceIn runs cmd, sends the signal once a file is in dir, and returns how it ended.
func signalOnceIn(ts *testscript.TestScript, cmd *exec.Cmd, signal os.Signal, dir string) error {
	var errs strings.Builder
	cmd.Stderr = &errs
	ts.Check(cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for {
		if list, err := os.ReadDir(dir); err == nil && len(list) > 0 {
			_ = cmd.Process.Signal(signal) // it may have ended
			break
		}
		select {
		case err := <-ended:
			ts.Logf("%s", errs.String())
			return err
		case <-time.After(5 * time.Millisecond):
		}
	}
	err := <-ended
	ts.Logf("%s", errs.String())
	return err
}

// sendfile FILE CODE PROGRAM ARGS… runs the program with the file as its standard input.
func sendFile(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[1])
	ts.Check(err)
	f, err := os.Open(ts.MkAbs(args[0]))
	ts.Check(err)
	defer f.Close()
	program := args[2]
	if !strings.Contains(program, "/") {
		program = filepath.Join(ts.Getenv("FIX"), "1.3.0", program)
	}
	cmd := exec.Command(ts.MkAbs(program), args[3:]...)
	cmd.Dir, cmd.Stdin = ts.MkAbs("."), f
	cmd.Env = []string{"HOME=" + ts.Getenv("HOME"), "TMPDIR=" + ts.Getenv("TMPDIR")}
	out, err := cmd.CombinedOutput()
	ts.Logf("%s", out)
	ts.Check(os.WriteFile(ts.MkAbs("sent"), out, 0o644))
	checkCode(ts, want, err)
}
