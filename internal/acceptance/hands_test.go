//go:build realpacks && linux

package acceptance

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// importer is a command of packlift-import on a pack.
func (r *realSite) importer(t *testing.T, command, pack string, more ...string) *process {
	t.Helper()
	args := append([]string{command, "--pack", pack}, more...)
	if command == "apply-update" {
		args = append(args, "-i", r.s.identity, r.bundle)
	}
	return begin(t, r.s.command(tool(t, "packlift-import"), args...), false)
}

// TestRealPackTwoRuns starts runs beside one that stages, with and without its lock
// file: they are refused and told who is at work. Those that wait come after it.
func TestRealPackTwoRuns(t *testing.T) {
	r := newRealSite(t)
	for _, c := range []struct {
		name   string
		handle func(lock string) error
		names  bool // the refused are told the run's name
	}{
		{"the lock as it is", func(string) error { return nil }, true},
		{"the lock removed", os.Remove, false},
		{"the lock made anew", func(lock string) error { _ = os.Remove(lock); return os.WriteFile(lock, nil, 0o600) }, false},
	} {
		first, pack := r.staging(t)
		if err := c.handle(filepath.Join(pack, "updates", "packlift", "lock")); err != nil {
			t.Fatal(err)
		}
		var refused, waiting []*process
		for _, command := range []string{"apply-update", "revert", "recover"} {
			refused = append(refused, r.importer(t, command, pack))
			waiting = append(waiting, r.importer(t, command, pack, "--lock-timeout", "2m"))
		}
		for _, p := range refused {
			<-p.ended
			p.wantCode(t, c.name, 15)
			if who := fmt.Sprintf("pid %d of user ", first.cmd.Process.Pid); c.names && !strings.Contains(p.out.String(), who) {
				t.Errorf("%s: it does not say %q: %s", c.name, who, p.out.String())
			}
		}
		_ = first.cmd.Process.Signal(syscall.SIGCONT) // what it ends with is looked at
		<-first.ended
		first.wantCode(t, c.name+", the first", 0)
		for i, p := range waiting {
			<-p.ended
			if code := p.cmd.ProcessState.ExitCode(); code != 0 && !(i == 1 && code == 4) {
				t.Errorf("%s: who waits ends with %d: %s", c.name, code, p.out.String())
			}
		}
		r.whole(t, c.name, pack, readState(t, pack).Level)
		os.RemoveAll(pack)
	}
}

// staging gives an update that has begun to stage, and stands still.
func (r *realSite) staging(t *testing.T) (p *process, pack string) {
	t.Helper()
	for range 50 {
		pack = filepath.Join(t.TempDir(), "pack")
		copyPack(t, r.pack, pack)
		w := watch(t, pack)
		p = r.importer(t, "apply-update", pack)
		if !w.sees("stage", p.ended) {
			t.Fatalf("the run stages nothing: %s", p.out.String())
		}
		w.close()
		_ = p.cmd.Process.Signal(syscall.SIGSTOP) // it may have ended
		if _, err := os.Lstat(filepath.Join(pack, "updates", "packlift", "state.json")); err == nil && !p.over() && readState(t, pack).Level == 0 {
			t.Cleanup(func() { _ = p.cmd.Process.Kill() })
			return p, pack
		}
		_ = p.cmd.Process.Kill()
		<-p.ended
		os.RemoveAll(pack)
	}
	t.Fatal("each run was over before it could be stopped")
	return nil, ""
}

// over tells whether the command ended, and waits for it to stand still if not.
func (p *process) over() bool {
	for {
		select {
		case <-p.ended:
			return true
		case <-time.After(time.Millisecond):
		}
		stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid)) // it may have ended
		if strings.Contains(string(stat), ") T ") {
			return false
		}
	}
}

// TestRealPackAtOnce starts several runs in the same instant: one has the pack at a
// time, and those that are refused have done nothing.
func TestRealPackAtOnce(t *testing.T) {
	r := newRealSite(t)
	for range 5 {
		pack := filepath.Join(t.TempDir(), "pack")
		copyPack(t, r.pack, pack)
		var all []*process
		for range 4 {
			all = append(all, r.importer(t, "apply-update", pack))
		}
		done := 0
		for _, p := range all {
			<-p.ended
			switch code := p.cmd.ProcessState.ExitCode(); {
			case code == 0 && strings.Contains(p.out.String(), "is at level 10 (before: 0)"):
				done++
			case code == 15 && strings.Contains(p.out.String(), "locked by"):
			case code == 0 && strings.Contains(p.out.String(), "at level 10 already"): // it came after the end
			default:
				t.Errorf("exit code %d: %s", code, p.out.String())
			}
		}
		if done != 1 {
			t.Errorf("%d runs brought the pack to its level", done)
		}
		r.whole(t, "at once", pack, 10)
		os.RemoveAll(pack)
	}
}

// TestRealPackMoved renames the pack's folder during a run and puts another pack
// in its place: the run goes on in the folder that it has, or says that it cannot,
// and the other pack is as it was.
func TestRealPackMoved(t *testing.T) {
	g := newSignals(t)
	r := rand.New(rand.NewPCG(g.seed, 5))
	t.Logf("PACKLIFT_KILL_SEED=%d", g.seed)
	length := g.once(t, "apply-update", "", 0)
	for n := range 8 * g.rounds {
		dir := t.TempDir()
		pack, moved, other := filepath.Join(dir, "pack"), filepath.Join(dir, "moved"), filepath.Join(dir, "other")
		copyPack(t, g.pack, pack)
		copyPack(t, g.pack, other)
		before := everything(t, other)
		w := watch(t, pack)
		command := []string{"apply-update", "self-update"}[n%2]
		program := tool(t, "packlift-import")
		if command == "self-update" {
			program = filepath.Join(pack, "bin", "packlift-import")
			copyPack(t, g.old, program)
		}
		p := begin(t, g.s.command(program, "apply-update", "--pack", pack, "-i", g.s.identity, g.bundle), false)
		if after := time.Duration(r.Int64N(int64(length))); n%4 < 2 {
			w.sees("stage", p.ended)
		} else {
			time.Sleep(after)
		}
		w.close()
		if err := os.Rename(pack, moved); err != nil {
			t.Fatal(err)
		}
		if n%3 > 0 {
			if err := os.Rename(other, pack); err != nil {
				t.Fatal(err)
			}
			other = pack
		}
		<-p.ended
		what, left := fmt.Sprintf("%s %d", command, n), found(t, moved)
		if code := p.cmd.ProcessState.ExitCode(); code == 0 && readState(t, other).Level == 10 && everything(t, other) != before {
			left.state = 0 // the run came to the other pack before it had opened any, or its new tool did
			g.whole(t, what+", the other", other, 10)
		} else if (code == 0) != (left.state == 10) || everything(t, other) != before {
			t.Errorf("%s: exit code %d, level %d; the other pack is as it was: %v\n%s", what, code, left.state, everything(t, other) == before, p.out.String())
		}
		g.s.want(0, "packlift-import", "recover", "--pack", moved)
		g.whole(t, what, moved, left.state)
		os.RemoveAll(dir)
	}
}

// everything describes a folder with all that is in it.
func everything(t *testing.T, dir string) string {
	t.Helper()
	var out strings.Builder
	err := filepath.WalkDir(dir, func(full string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(dir, full)
		what, err := describe(full, d)
		fmt.Fprintf(&out, "%s %q\n", rel, what)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// TestRealPackEdited edits each file that an interrupted update had moved or was
// to move: recovery names it and leaves it, and goes on once it is moved aside.
func TestRealPackEdited(t *testing.T) {
	r := newRealSite(t)
	seen := map[string]bool{}
	for len(seen) < 3 {
		pack := r.between(t)
		name, edited := r.edit(t, pack, seen)
		p := r.importer(t, "recover", pack)
		<-p.ended
		p.wantCode(t, name, 18)
		if out := p.out.String(); !strings.Contains(out, "error:   "+name+": ") || !strings.Contains(out, "hint: ") {
			t.Errorf("%s: %s", name, out)
		}
		full := filepath.Join(pack, filepath.FromSlash(name))
		if b, err := os.ReadFile(full); err != nil || string(b) != edited {
			t.Errorf("%s: the edit is lost: %v", name, err)
		}
		if err := os.Rename(full, filepath.Join(t.TempDir(), "aside")); err != nil {
			t.Fatal(err)
		}
		r.s.want(0, "packlift-import", "recover", "--pack", pack)
		r.whole(t, name, pack, readState(t, pack).Level)
		os.RemoveAll(pack)
	}
}

// edit writes into one of the paths of the journal that was not seen yet.
func (r *realSite) edit(t *testing.T, pack string, seen map[string]bool) (name, text string) {
	t.Helper()
	journal, err := os.ReadFile(filepath.Join(pack, "updates", "packlift", "journal"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(journal)) {
		var op struct{ Path string }
		if err := json.Unmarshal([]byte(line), &op); err != nil {
			t.Fatal(err)
		}
		if op.Path == "" || seen[op.Path] {
			continue
		}
		seen[op.Path] = true
		text = "edited on site\n"
		if err := os.WriteFile(filepath.Join(pack, filepath.FromSlash(op.Path)), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return op.Path, text
	}
	t.Fatal("the journal has no other path")
	return "", ""
}

// between gives a pack whose update was killed as it moved files.
func (r *realSite) between(t *testing.T) string {
	t.Helper()
	for range 200 {
		pack := filepath.Join(t.TempDir(), "pack")
		copyPack(t, r.pack, pack)
		w := watch(t, pack)
		p := r.importer(t, "apply-update", pack)
		w.journal(p.ended)
		_ = p.cmd.Process.Kill()
		<-p.ended
		w.close()
		if left := found(t, pack); left.journal && left.state == 0 {
			return pack
		}
		os.RemoveAll(pack)
	}
	t.Fatal("no kill met a run that moved files")
	return ""
}
