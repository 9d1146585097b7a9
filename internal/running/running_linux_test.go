package running

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"packlift/internal/rootfs"
)

const staysEnv = "RUNNING_TEST_STAYS"

// The test binary plays a program that does nothing.
func init() {
	if os.Getenv(staysEnv) != "" {
		time.Sleep(10 * time.Minute)
		os.Exit(0)
	}
}

// start runs a program until the test ends.
func start(t *testing.T, dir string, stdin *os.File, name string, args ...string) int {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	if stdin != nil {
		cmd.Stdin = stdin
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	return cmd.Process.Pid
}

func find(t *testing.T, dir string, more ...string) string {
	t.Helper()
	root, err := rootfs.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	list, err := Find(context.Background(), root, more...)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, p := range list {
		out = append(out, fmt.Sprintf("%d %s", p.PID, p.Why))
	}
	return strings.Join(out, "; ")
}

func put(t *testing.T, dir, name, text string) string {
	t.Helper()
	full := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(full, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return full
}

func TestFind(t *testing.T) {
	dir := t.TempDir()
	want := func(what, text string, more ...string) {
		t.Helper()
		if got := find(t, dir, more...); got != text {
			t.Errorf("%s: found %q, want %q", what, got, text)
		}
	}
	want("nothing", "")
	for name, text := range map[string]string{"a.pid": "", "b.pid": "no number", "c.pid": "999999999", "d.pid": "-1", "e.pid": strings.Repeat("1", 100),
		"f.pid": fmt.Sprint(os.Getpid()), "g.pid": fmt.Sprint(os.Getppid())} {
		put(t, dir, name, text)
	}
	if err := os.Symlink("/proc/1/stat", filepath.Join(dir, "h.pid")); err != nil {
		t.Fatal(err)
	}
	want("pid files that name nobody, or this process and its parent", "")

	pid := start(t, "/", nil, "sleep", "600")
	file := put(t, dir, "wso2/default/runtime.pid", fmt.Sprintf("%d\n", pid))
	want("a pid file", fmt.Sprintf("%d wso2/default/runtime.pid names it", pid))
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(file, old, old); err != nil {
		t.Fatal(err)
	}
	want("a pid file that is older than the process", "")
	put(t, dir, "odd/place.txt", fmt.Sprint(pid))
	want("a place of the product's own", fmt.Sprintf("%d odd/place.txt names it", pid), "odd/*.txt")
}

func TestFindHolders(t *testing.T) {
	dir := t.TempDir()
	sh := put(t, dir, "lib/x.jar", "x")
	f, err := os.Open(sh)
	if err != nil {
		t.Fatal(err)
	}
	pid := start(t, "/", f, "sleep", "600")
	f.Close()
	if got, want := find(t, dir), fmt.Sprintf("%d has lib/x.jar open", pid); got != want {
		t.Errorf("found %q, want %q", got, want)
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	if got, want := find(t, link), fmt.Sprintf("%d has lib/x.jar open", pid); got != want {
		t.Errorf("by a link: found %q, want %q", got, want)
	}
	other := t.TempDir()
	log, err := os.Create(put(t, other, "updates/logs/x.log", ""))
	if err != nil {
		t.Fatal(err)
	}
	start(t, "/", log, "sleep", "600")
	log.Close()
	if got := find(t, other); got != "" {
		t.Errorf("a file of the pack's own: found %q", got)
	}
}

// TestPipeline: who reads what this process writes, and who writes what it reads, any
// number of pipes away; not who only shares an end, as a script's children do.
func TestPipeline(t *testing.T) {
	all := map[int32]ends{
		1: {in: "ci-in", out: []string{"ci", "ci"}}, // this one, in a script
		2: {in: "null", out: []string{"ci", "ci"}},  // a server that the same script started
		3: {in: "a", out: []string{"b"}},            // of another pipeline
		4: {in: "ci", out: []string{"log"}},         // who reads the script's output
		5: {in: "log"},                              // and who reads that
		6: {in: "x", out: []string{"ci-in"}},        // who writes its input
		7: {out: []string{"err", "x"}},              // and who writes that
		8: {in: "ci-in", out: []string{"other"}},    // shares the input
		9: {},
	}
	for pid := range all {
		want := pid == 4 || pid == 5 || pid == 6 || pid == 7
		if got := pipeline(1, all)[pid]; got != want {
			t.Errorf("%d: %v, want %v", pid, got, want)
		}
	}
	if got := pipeline(9, all); len(got) > 0 {
		t.Errorf("without pipes: %v", got)
	}
}

func TestShells(t *testing.T) {
	for text, want := range map[string]bool{
		"bash": true, "-bash": true, "/bin/zsh -l": true, "bash --init-file /x/y.sh -i": true, "sh": true,
		"bash -c server": false, "sh bin/product.sh": false, "/bin/sh -x bin/product.sh start": false, "java": false, "vim": false, "": false, "pash": false,
	} {
		if got := isShell(strings.Fields(text)); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}
