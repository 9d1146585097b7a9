//go:build realpacks && linux

package acceptance

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestRealPackKills ends apply, revert and recovery of a real pack with kill -9
// at random times, a third of them once the journal is there. Whatever the next
// command is, it finds what the kill must have left, old or new, and brings the
// pack there: every byte, mode and link, the state, the log, and nothing besides.
// PACKLIFT_KILLS is how many kills land, PACKLIFT_KILL_SEED repeats a run's plan.
func TestRealPackKills(t *testing.T) {
	k := newKilling(t)
	t.Logf("%d kills, PACKLIFT_KILL_SEED=%d", k.goal, k.seed)
	t.Run("workers", func(t *testing.T) {
		for n := range runtime.NumCPU() {
			t.Run(fmt.Sprint(n), func(t *testing.T) {
				t.Parallel()
				for i := k.next(); i >= 0 && !t.Failed(); i = k.next() {
					k.trial(t, i)
				}
			})
		}
	})
	k.report(t)
}

// killing is what the workers share.
type killing struct {
	*realSite
	packs  map[int]string           // by level: a pack that a trial copies
	length map[string]time.Duration // how long a command runs undisturbed
	commit map[string]time.Duration // and how long of it from the journal on
	seed   uint64
	goal   int

	mu     sync.Mutex
	trials int
	landed map[string]int // by command and what the kill left
	ended  map[int]int    // trials by the level that the kills decided
	missed int            // kills that came after the end
}

func newKilling(t *testing.T) *killing {
	k := &killing{
		realSite: newRealSite(t), packs: map[int]string{},
		seed: number(t, "PACKLIFT_KILL_SEED", rand.Uint64()), goal: int(number(t, "PACKLIFT_KILLS", 100)),
		length: map[string]time.Duration{}, commit: map[string]time.Duration{}, landed: map[string]int{}, ended: map[int]int{},
	}
	for range 3 {
		k.packs[10] = k.measured(t, "apply-update", k.pack)
		k.measured(t, "revert", k.packs[10])
	}
	k.packs[0], k.length["recover"] = k.pack, k.recovery(t)
	for command, length := range k.length {
		t.Logf("%s takes %s, of which the journal is there for %s", command, length, k.commit[command])
	}
	return k
}

// recovery measures a recovery, of an update that is killed as it begins to move files.
func (k *killing) recovery(t *testing.T) time.Duration {
	pack := filepath.Join(t.TempDir(), "pack")
	copyPack(t, k.pack, pack)
	w := watch(t, pack)
	defer w.close()
	cmd, ended := k.start(t, "apply-update", pack)
	w.journal(ended)
	_ = cmd.Process.Kill()
	<-ended
	start := time.Now()
	_, ended = k.start(t, "recover", pack)
	<-ended
	return time.Since(start)
}

// measured runs a command to its end on a copy of a pack, which it returns.
func (k *killing) measured(t *testing.T, command, from string) (pack string) {
	pack = filepath.Join(t.TempDir(), "pack")
	copyPack(t, from, pack)
	w := watch(t, pack)
	defer w.close()
	start := time.Now()
	cmd, ended := k.start(t, command, pack)
	there := w.journal(ended)
	begun := time.Now()
	if gone := there && w.journal(ended); !gone {
		t.Fatalf("%s: no journal seen to come and go", command)
	}
	commit := time.Since(begun)
	<-ended
	if code := cmd.ProcessState.ExitCode(); code != 0 && code != 4 {
		t.Fatalf("%s: exit code %d", command, code)
	}
	k.shorter(command, time.Since(start), commit)
	return pack
}

// shorter keeps the shortest times that were measured: most kills then land.
func (k *killing) shorter(command string, length, commit time.Duration) {
	if was, ok := k.length[command]; !ok || length < was {
		k.length[command] = length
	}
	if was, ok := k.commit[command]; !ok || commit < was {
		k.commit[command] = commit
	}
}

// start begins a command on a pack; the channel is closed at its end.
func (k *killing) start(t *testing.T, command, pack string) (*exec.Cmd, <-chan struct{}) {
	t.Helper()
	args := []string{command, "--pack", pack, "-q"}
	if command == "apply-update" {
		args = append(args, "-i", k.s.identity, k.bundle)
	}
	cmd := exec.Command(tool(t, "packlift-import"), args...)
	cmd.Env = []string{"HOME=" + k.s.dir, "TMPDIR=" + os.TempDir()}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // its code is looked at where it matters
		close(ended)
	}()
	return cmd, ended
}

// next gives the number of a trial, -1 once enough kills have landed.
func (k *killing) next() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	n := 0
	for _, c := range k.landed {
		n += c
	}
	if n >= k.goal {
		return -1
	}
	k.trials++
	return k.trials - 1
}

// trial kills a command, maybe recoveries after it, and lets one more command
// put all right.
func (k *killing) trial(t *testing.T, i int) {
	r := rand.New(rand.NewPCG(k.seed, uint64(i)))
	pack := filepath.Join(t.TempDir(), "pack")
	defer os.RemoveAll(pack)
	from, command := 0, "apply-update"
	if i%2 == 1 {
		from, command = 10, "revert"
	}
	copyPack(t, k.packs[from], pack)
	what := fmt.Sprintf("trial %d: %s", i, command)
	left := k.kill(t, r, command, pack, i%3 == 0)
	for n := 0; n < 3 && (left.journal || left.stage) && r.IntN(4) > 0; n++ {
		level := left.level()
		what += fmt.Sprintf(", killed (%s), recover", left)
		if left = k.kill(t, r, "recover", pack, false); left.level() != level {
			t.Errorf("%s: then the pack goes to level %d", what, left.level())
		}
	}
	what += fmt.Sprintf(", killed (%s)", left)
	k.mu.Lock()
	k.ended[left.level()]++
	k.mu.Unlock()
	k.settle(t, what, pack, left.level(), r.IntN(3))
	if t.Failed() {
		t.Logf("%s: PACKLIFT_KILL_SEED=%d", what, k.seed)
	}
}

// kill ends a command at a random time of its run, or of its commit.
func (k *killing) kill(t *testing.T, r *rand.Rand, command, pack string, inCommit bool) leftover {
	t.Helper()
	w := watch(t, pack)
	defer w.close()
	cmd, ended := k.start(t, command, pack)
	if inCommit && w.journal(ended) {
		for wait, seen := random(r, k.commit[command]), time.Now(); time.Since(seen) < wait; { // too short for a sleep
		}
	} else {
		select {
		case <-time.After(random(r, k.length[command])):
		case <-ended:
		}
	}
	_ = cmd.Process.Kill() // it may have ended
	<-ended
	left := found(t, pack)
	k.mu.Lock()
	defer k.mu.Unlock()
	if status, ok := cmd.ProcessState.Sys().(interface{ Signaled() bool }); ok && status.Signaled() {
		k.landed[command+": "+left.String()]++
	} else {
		k.missed++
	}
	return left
}

func random(r *rand.Rand, below time.Duration) time.Duration {
	return time.Duration(r.Int64N(int64(below)))
}

// settle lets the next command find a killed pack that must come to level.
func (k *killing) settle(t *testing.T, what, pack string, level, next int) {
	t.Helper()
	on := func(command string, more ...string) result {
		return run(t, k.s.dir, tool(t, "packlift-import"), append([]string{command, "--pack", pack}, more...)...)
	}
	want := func(r result, code int, command string) {
		t.Helper()
		what += ", " + command
		if r.code != code {
			t.Errorf("%s: exit code %d, want %d\n%s", what, r.code, code, r.out)
		}
	}
	switch next {
	case 0:
		want(on("recover"), 0, "recover")
	case 1:
		want(on("current-state"), 0, "current-state")
		want(on("apply-update", "-i", k.s.identity, k.bundle), 0, "apply-update")
		level = 10
	case 2:
		want(on("revert"), map[int]int{0: 0, 10: 4}[level], "revert")
		level = 0
	}
	k.whole(t, what, pack, level)
}

// watcher tells when a pack gets its journal, and loses it.
type watcher struct{ fd int }

func watch(t *testing.T, pack string) *watcher {
	t.Helper()
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err == nil {
		_, err = unix.InotifyAddWatch(fd, filepath.Join(pack, "updates", "packlift"), unix.IN_CREATE|unix.IN_MOVED_TO|unix.IN_DELETE)
	}
	if err != nil {
		t.Fatal(err)
	}
	return &watcher{fd}
}

func (w *watcher) close() { unix.Close(w.fd) }

// journal waits until the journal comes or goes, or the process has ended.
func (w *watcher) journal(ended <-chan struct{}) bool { return w.sees("journal", ended) }

// sees waits until something of that name comes or goes in the folder of the pack's
// own data. It polls by itself: a goroutine that Go's poller wakes comes too late to
// meet a commit.
func (w *watcher) sees(name string, ended <-chan struct{}) bool {
	b := make([]byte, 4096)
	for {
		_, _ = unix.Poll([]unix.PollFd{{Fd: int32(w.fd), Events: unix.POLLIN}}, 20)
		n, _ := unix.Read(w.fd, b)
		if n > 0 && strings.Contains(string(b[:n]), name+"\x00") {
			return true
		}
		select {
		case <-ended:
			return false
		default:
		}
	}
}

func (k *killing) report(t *testing.T) {
	sum, between, recovering := 0, 0, 0
	for _, what := range slices.Sorted(maps.Keys(k.landed)) {
		n := k.landed[what]
		t.Logf("%5d %s", n, what)
		sum += n
		if strings.HasSuffix(what, "journal there") {
			between += n
		}
		if strings.HasPrefix(what, "recover") {
			recovering += n
		}
	}
	t.Logf("%d kills in %d trials: %d with the journal there, %d during recovery, %d more came after the end; %d trials ended on the old level, %d on the new",
		sum, k.trials, between, recovering, k.missed, k.ended[0], k.ended[10])
	if !t.Failed() && (sum < k.goal || between < sum/5) {
		t.Errorf("too few kills landed where they should")
	}
}
