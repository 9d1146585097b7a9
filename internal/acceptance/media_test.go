//go:build realpacks && linux

package acceptance

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"packlift/internal/disktest"
)

// mishap is what becomes of a bundle's file during a run, and the exit codes
// that a run may end with: 0 where nothing more was read of it.
type mishap struct {
	name  string
	do    func(file string) error
	codes []int
}

var mishaps = []mishap{
	{"another is renamed over it", func(file string) error {
		return errors.Join(os.WriteFile(file+".new", make([]byte, 1<<20), 0o644), os.Rename(file+".new", file))
	}, []int{0, 10}},
	{"it is written in place", func(file string) error { return overwrite(file, 1) }, []int{0, 10}},
	{"its second half is written in place", func(file string) error { return overwrite(file, 2) }, []int{0, 10}},
	{"it is cut", func(file string) error { return os.Truncate(file, 1<<20) }, []int{0, 10}},
	{"it is emptied", func(file string) error { return os.Truncate(file, 0) }, []int{0, 10}},
	{"it grows", func(file string) error { return extend(file) }, []int{0, 10}},
	{"it is removed", os.Remove, []int{0, 64}},
}

// overwrite writes noise over the last 1/part of a file, whose length stays.
func overwrite(file string, part int64) error {
	f, err := os.OpenFile(file, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	noise := make([]byte, info.Size()/part)
	rand.NewChaCha8([32]byte{1}).Read(noise)
	_, err = f.WriteAt(noise, info.Size()-int64(len(noise)))
	return err
}

func extend(file string) error {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	_, err = f.Write(make([]byte, 100_000))
	return errors.Join(err, f.Close())
}

// TestRealPackMedia changes a bundle's file at random times of an update, with
// and without one of the tool before it: what was verified is used, or the run is
// refused and the pack stays on the old level.
func TestRealPackMedia(t *testing.T) {
	g := newSignals(t)
	t.Logf("PACKLIFT_KILL_SEED=%d", g.seed)
	t.Run("all", func(t *testing.T) {
		for i, command := range []string{"apply-update", "self-update"} {
			t.Run(command, func(t *testing.T) {
				t.Parallel()
				g.media(t, command, rand.New(rand.NewPCG(g.seed, uint64(i))))
			})
		}
	})
}

func (g *signals) media(t *testing.T, command string, r *rand.Rand) {
	length := g.once(t, command, "", 0)
	for _, m := range mishaps {
		done, runs := 0, 2*g.rounds
		for n := range runs {
			after := time.Duration(r.Int64N(int64(length)))
			if n%2 == 0 {
				after = -1
			}
			stick := t.TempDir()
			file := filepath.Join(stick, "b.packlift")
			copyPack(t, g.bundle, file)
			done += g.meets(t, command, file, m, after)
			os.RemoveAll(stick)
		}
		t.Logf("%s: %d of %d runs went on to the new level", m.name, done, runs)
	}
}

// meets runs a command on a bundle that meets with a mishap after a while, or
// where that is negative as the run begins to stage. It returns 1 where the run went
// on to the new level.
func (g *signals) meets(t *testing.T, command, file string, m mishap, after time.Duration) int {
	t.Helper()
	pack, program := filepath.Join(t.TempDir(), "pack"), tool(t, "packlift-import")
	copyPack(t, g.pack, pack)
	defer os.RemoveAll(pack)
	if command == "self-update" {
		program = filepath.Join(pack, "bin", "packlift-import")
		copyPack(t, g.old, program)
	}
	w := watch(t, pack)
	defer w.close()
	p := begin(t, g.s.command(program, "apply-update", "-i", g.s.identity, file, "--pack", pack), false)
	if after < 0 {
		w.sees("stage", p.ended)
	} else {
		time.Sleep(after)
	}
	if err := m.do(file); err != nil {
		t.Fatal(err)
	}
	<-p.ended
	what := fmt.Sprintf("%s, %s after %s", command, m.name, after)
	if after < 0 {
		what = fmt.Sprintf("%s, %s while it stages", command, m.name)
	}
	code, left := p.cmd.ProcessState.ExitCode(), found(t, pack)
	if !slices.Contains(m.codes, code) {
		t.Errorf("%s: exit code %d, want one of %v\n%s", what, code, m.codes, p.out.String())
	}
	if (code == 0) != (left.state == 10) || left.journal || left.stage {
		t.Errorf("%s: exit code %d left level %d, %s\n%s", what, code, left.state, left, p.out.String())
	}
	if code != 0 && !strings.Contains(p.out.String(), "hint: ") {
		t.Errorf("%s: no hint\n%s", what, p.out.String())
	}
	g.whole(t, what, pack, left.state)
	if command == "self-update" {
		g.oneTool(t, what, program)
	}
	return left.state / 10
}

// TestRealPackPulled pulls the stick that the bundle lies on: what is not in
// memory cannot be read any more.
func TestRealPackPulled(t *testing.T) {
	g := newSignals(t)
	r := rand.New(rand.NewPCG(g.seed, 4))
	t.Logf("PACKLIFT_KILL_SEED=%d", g.seed)
	length, failed := g.once(t, "apply-update", "", 0), 0
	for n := range 6 * g.rounds {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			top := disktest.Scratch(t)
			image, stick := filepath.Join(top, "stick.img"), filepath.Join(top, "stick")
			disktest.Format(t, image, "ext4", 32)
			disktest.Mount(t, image, "ext4", stick, "")
			file := filepath.Join(stick, "b.packlift")
			copyPack(t, g.bundle, file)
			unix.Sync()
			forget(t, file)
			pull := func(file string) error {
				err := os.Truncate(image, 0)
				forget(t, file)
				return err
			}
			after := time.Duration(r.Int64N(int64(length)))
			if n%3 == 0 {
				after = -1
			}
			failed += 1 - g.meets(t, []string{"apply-update", "self-update"}[n%2], file, mishap{"the stick is pulled", pull, []int{0, 1}}, after)
		})
	}
	t.Logf("%d of %d runs could not read on", failed, 6*g.rounds)
}

// forget takes a file out of the system's memory.
func forget(t *testing.T, file string) {
	t.Helper()
	f, err := os.Open(file)
	if err == nil {
		err = unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED)
		f.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
}
