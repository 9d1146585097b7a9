//go:build unix

package apply

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"packlift/internal/fault"
	"packlift/internal/pack"
	"packlift/internal/testenv"
)

const otherUser = 65534

// ownedPack is a pack of another user; these tests need root to make one.
func ownedPack(t *testing.T) (top string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can give a pack to another user")
	}
	top = scratchOfAll(t)
	must(t, initPack(t, filepath.Join(top, "pack"), crashOld, 3).Close())
	must(t, filepath.WalkDir(top, func(name string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(name, otherUser, otherUser)
	}))
	return top
}

// scratchOfAll is a scratch folder that every user comes to.
func scratchOfAll(t *testing.T) string {
	t.Helper()
	top := scratchIn(t, testenv.Memory(64<<20, true))
	for dir := filepath.Dir(top); dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		must(t, err)
		if info.Mode().Perm()&0o001 == 0 { // a folder for temporary files that is one user's own
			top = scratchIn(t, "/tmp")
			break
		}
	}
	must(t, os.Chmod(top, 0o755))
	return top
}

func checkOwner(t *testing.T, top string) {
	t.Helper()
	must(t, filepath.WalkDir(top, func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err == nil && info.Sys().(*syscall.Stat_t).Uid != otherUser {
			t.Errorf("%s belongs to %d", name, info.Sys().(*syscall.Stat_t).Uid)
		}
		return err
	}))
}

// The pack's owner, bound by its permission bits, gets through read-only folders.
func TestAsOwner(t *testing.T) {
	top := ownedPack(t)
	tool := filepath.Join(top, "helper")
	b, err := os.ReadFile(os.Args[0])
	must(t, err)
	must(t, os.WriteFile(tool, b, 0o755))
	for _, step := range []struct {
		job  string
		want tree
	}{{"apply", crashNew}, {"revert", crashOld}, {"apply", crashNew}} {
		cmd := exec.Command(tool, "-test.run=^$")
		cmd.Env = append(os.Environ(), helperEnv+"="+step.job+"|"+filepath.Join(top, "pack")+"|")
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: otherUser, Gid: otherUser}}
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		if err := cmd.Run(); err != nil {
			t.Fatalf("%s: %v %s", step.job, err, out.String())
		}
		sameTree(t, step.job, readTree(t, filepath.Join(top, "pack")), step.want)
		checkOwner(t, filepath.Join(top, "pack"))
	}
}

// Root is refused on another's pack; allowed, it leaves all to the owner.
func TestPrivileged(t *testing.T) {
	top := ownedPack(t)
	p, err := pack.Open(filepath.Join(top, "pack"))
	must(t, err)
	defer p.Close()
	f, o := crashBundle(), testOptions()
	pl, err := f.plan(p, o)
	must(t, err)
	o.AllowRoot = false
	if _, err := f.run(context.Background(), p, pl, o); fault.ClassOf(err) != fault.Privileged {
		t.Errorf("run as root: %v", err)
	}
	sameTree(t, "untouched", readTree(t, p.Dir()), crashOld)
	update(t, p, f, testOptions())
	sameTree(t, "allowed", readTree(t, p.Dir()), crashNew)
	checkOwner(t, p.Dir())
	revert(t, p, testOptions())
	sameTree(t, "reverted", readTree(t, p.Dir()), crashOld)
	checkOwner(t, p.Dir())
}

// A run that ended between making a folder and giving it its owner is finished,
// or undone, with the owner.
func TestRecoverGivesOwner(t *testing.T) {
	for _, undo := range []bool{false, true} {
		from := tree{"own/out": dir(0o755), "own/same": file("x")}
		to := tree{"own/in": dir(0o750), "own/same": file("x")}
		p := newPack(t, from, 3)
		if os.Geteuid() != 0 {
			t.Skip("only root can give folders away")
		}
		for _, name := range []string{"own", "own/out"} {
			must(t, os.Lchown(filepath.Join(p.Dir(), name), otherUser, otherUser))
		}
		f := newFake(t, from, to, 3, 10)
		pl, err := f.plan(p, testOptions())
		must(t, err)
		o := testOptions().withDefaults()
		pl.states(o.Now())
		must(t, newStager(p, pl, o).stage(context.Background(), &fakeBlobs{f: f}))
		tr := &transaction{p: p, log: o.Log, engine: engine{root: p.Root(), head: pl.head, ops: pl.ops}}
		must(t, tr.begin())
		must(t, tr.each(true, (*op).removesDir, tr.removeDir))
		half, want := "own/in", to
		if undo {
			must(t, p.Root().Rename(journalName, undoName))
			half, want = "own/out", from
		}
		must(t, os.Mkdir(filepath.Join(p.Dir(), half), 0o700))
		_, err = Recover(context.Background(), p, nil)
		must(t, err)
		sameTree(t, "recovered", readTree(t, p.Dir()), want)
		if uid, _, _, err := p.Root().OwnerOf(half); uid != otherUser || err != nil {
			t.Errorf("undo %v: %s belongs to %d, %v", undo, half, uid, err)
		}
	}
}
