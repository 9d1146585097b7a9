//go:build disks

package acceptance

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"packlift/internal/disktest"
)

// slowStick is a stick that takes a while for each read, and fails from one on.
type slowStick struct {
	reads, failAt atomic.Int64
	meets         func() // called in the fifth read
	dir           string
}

const slowRead = 3 * time.Millisecond

func newSlowStick(t *testing.T) *slowStick {
	t.Helper()
	needRoot(t)
	s := &slowStick{dir: filepath.Join(disktest.Scratch(t), "stick")}
	disktest.Medium(t, s.dir, func() error {
		time.Sleep(slowRead)
		n, at := s.reads.Add(1), s.failAt.Load()
		if n == 5 && s.meets != nil {
			s.meets()
		}
		if at > 0 && n >= at {
			return unix.EIO
		}
		return nil
	})
	return s
}

// TestDiskSlowStick: from a stick whose reads are slow an update comes as from any; a
// signal that meets it in a read ends it soon; and where the reads of a stick fail, from
// whichever on, the run names the file and the cause and leaves the old level, or it had
// read all that it needs.
func TestDiskSlowStick(t *testing.T) {
	s, bundle, from, to := sharedSite(t)
	pack := filepath.Join(t.TempDir(), "pack")
	copyTo(t, from, pack)
	s.want(0, "packlift-import", "init", "--pack", pack, "--product", "demo-1.0.0", "--level", "0", "--trust", s.trust, "--yes")
	stick := newSlowStick(t)
	file := filepath.Join(stick.dir, "b.packlift")
	copyTo(t, bundle, file)
	apply := []string{"apply-update", "--pack", pack, "-i", s.identity, file}

	late := stick.interrupted(t, s, apply)
	s.wholeAt("interrupted", pack, from, "0")

	stick.reads.Store(0)
	began := time.Now()
	s.want(0, "packlift-import", apply...)
	reads := stick.reads.Load()
	t.Logf("%d slow reads, %s", reads, time.Since(began).Round(time.Millisecond))
	s.wholeAt("slowly", pack, to, "10")
	if reads < 10 {
		t.Fatal("the stick was hardly read")
	}
	if late > reads/2 {
		t.Errorf("after the signal it makes %d reads, of %d in all", late, reads)
	}
	s.want(4, "packlift-import", "revert", "--pack", pack)
	stick.fails(t, s, apply, reads, func(code int) {
		if code == 0 {
			s.wholeAt("read before", pack, to, "10")
			s.want(4, "packlift-import", "revert", "--pack", pack)
		}
		s.wholeAt("failed", pack, from, "0")
	})
}

// interrupted ends a run that waits for the stick, and gives how many reads it makes after that.
func (k *slowStick) interrupted(t *testing.T, s *site, args []string) int64 {
	t.Helper()
	cmd := exec.Command(tool(t, "packlift-import"), args...)
	cmd.Env = []string{"HOME=" + s.dir, "TMPDIR=" + os.TempDir()}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	started, met := make(chan struct{}), k.reads.Load()
	k.meets = func() {
		<-started
		met = k.reads.Load()
		_ = cmd.Process.Signal(syscall.SIGINT)
	}
	defer func() { k.meets = nil }()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	close(started)
	_ = cmd.Wait() // its code is looked at
	if code := cmd.ProcessState.ExitCode(); code != 130 {
		t.Errorf("interrupted: exit code %d\n%s", code, out.String())
	}
	return k.reads.Load() - met
}

// fails has the stick fail from one read on, for some spread over a whole run.
func (k *slowStick) fails(t *testing.T, s *site, args []string, reads int64, after func(code int)) {
	t.Helper()
	ends := map[int]int{}
	for i := range int64(8) {
		k.reads.Store(0)
		k.failAt.Store(1 + i*reads/8)
		r := run(t, s.dir, tool(t, "packlift-import"), args...)
		k.failAt.Store(0)
		ends[r.code]++
		if r.code != 0 && (r.code != 1 || !strings.Contains(r.out, "input/output error") || !strings.Contains(r.out, "b.packlift")) {
			t.Errorf("reads fail from %d on: exit code %d\n%s", 1+i*reads/8, r.code, r.out)
		}
		after(r.code)
	}
	t.Logf("reads that fail: exit codes %v", ends)
	if ends[1] < 4 {
		t.Error("the reads that failed were hardly needed")
	}
}
