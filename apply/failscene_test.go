//go:build failpoint && linux

package apply

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"packlift/internal/pack"
)

// The failpoint tests end the helper before each single file effect, or make
// that effect fail. A scene is one run that changes a pack, and the pack before it.
type scene struct {
	name, job string // job is the helper's: apply, full, revert, hotfix, heal or staged
	outside   bool   // backups lie outside the pack
	noBackup  bool
	mount     bool // mnt is another file system
	owner     bool // the pack is another user's, who runs the helper
	template  string
	tool      string
	from, to  *side
	back      string // the facts after a revert of to
}

// crashOwn is the site's own; what it put into a folder that the update makes
// was there before.
var crashOwn = tree{"own": file("the site's own"), "new": dir(0o755), "new/own": file("own")}

// kinds are the scenes; the first four are the ones that everybody runs.
var kinds = []scene{
	{name: "apply", job: "apply"}, {name: "revert", job: "revert"},
	{name: "apply outside", job: "apply", outside: true}, {name: "revert outside", job: "revert", outside: true},
	{name: "chain", job: "chain"}, {name: "chain across mounts", job: "chain", mount: true},
	{name: "full", job: "full"}, {name: "apply without backup", job: "apply", noBackup: true},
	{name: "apply as owner", job: "apply", owner: true}, {name: "revert as owner", job: "revert", owner: true},
	{name: "apply across mounts", job: "apply", mount: true}, {name: "revert across mounts", job: "revert", mount: true},
}

// scenes runs f on each of the kinds, or on those named.
func scenes(t *testing.T, f func(*testing.T, *scene), names ...string) {
	for _, k := range kinds {
		if len(names) == 0 || slices.Contains(names, k.name) {
			t.Run(k.name, func(t *testing.T) { k.lay(t); f(t, &k) })
		}
	}
}

// lay makes the template, and notes what it is and what it has to become.
func (s *scene) lay(t *testing.T) {
	top := s.work(t)
	s.template, s.tool = filepath.Join(top, "template"), filepath.Join(top, "helper")
	if s.owner && os.Geteuid() != 0 {
		t.Skip("only root can give a pack to another user")
	}
	must(t, exec.Command("cp", os.Args[0], s.tool).Run())
	must(t, os.Mkdir(s.template, 0o755))
	dir := filepath.Join(s.template, "pack")
	must(t, os.Mkdir(dir, 0o755))
	if s.mount {
		mountAt(t, filepath.Join(dir, "mnt"))
	}
	old, level := crashOld.with(crashOwn), 3
	if s.job == "full" {
		old, level = tree{}, pack.NoLevel
	}
	must(t, initPack(t, dir, old, level).Close())
	if s.job == "full" { // the site's own comes into the empty pack
		old = crashOwn
		old.write(t, dir)
	} else {
		must(t, os.Link(filepath.Join(dir, "two"), filepath.Join(dir, "linked")))
		old = old.with(tree{"linked": file("two names")})
	}
	decorate(t, dir, old, s.owner)
	s.sides(t, old)
	if first := map[string]string{"revert": "apply", "heal": "apply", "staged": "stage"}[s.job]; first != "" {
		if out, err := s.spawn(first, s.template, ""); err != nil {
			t.Fatal(err, out)
		}
	}
	if s.job == "heal" {
		s.damage(t)
	}
	s.from.whole(t, "before", s, s.template)
}

func (s *scene) backup(top string) string {
	switch {
	case s.outside:
		return filepath.Join(top, "backups")
	case s.noBackup:
		return noBackup
	}
	return ""
}

func (s *scene) options(top string) Options {
	o := testOptions()
	if s.outside {
		o.BackupDir = s.backup(top)
	}
	return o
}

func (s *scene) dir(top string) string { return filepath.Join(top, "pack") }

// work is a folder for copies, which the pack's owner may enter.
func (s *scene) work(t *testing.T) string {
	top := scratch(t)
	must(t, os.Chmod(top, 0o755))
	t.Cleanup(func() { s.unmountBelow(top) })
	return top
}

// fresh copies the scene's pack. The backup's place is part of what the pack
// knows, so a revert from outside has to find it at the same path: each copy
// names its own with --backup.
func (s *scene) fresh(t *testing.T, top string) { s.copy(t, s.template, top) }

func (s *scene) copy(t *testing.T, from, to string) {
	if err := copyTree(from, to, s.mount); err != nil {
		t.Errorf("copy: %v", err)
	}
}

func (s *scene) remove(top string) {
	if s.mount {
		unix.Unmount(filepath.Join(top, "pack", "mnt"), unix.MNT_DETACH)
	}
	if os.Geteuid() == 0 { // whom no mode stops
		os.RemoveAll(top)
		return
	}
	removeTree(top)
}

func (s *scene) unmountBelow(top string) {
	list, _ := os.ReadFile("/proc/self/mounts")
	for line := range strings.Lines(string(list)) {
		if f := strings.Fields(line); len(f) > 1 && strings.HasPrefix(f[1], top+"/") {
			unix.Unmount(f[1], unix.MNT_DETACH)
		}
	}
}

// errKilled says that the helper ended by SIGKILL.
var errKilled = errors.New("killed")

// spawn runs the helper; an error is errKilled or what the run ended with.
func (s *scene) spawn(job, top, failpoint string) (out string, err error) {
	cmd := exec.Command(s.tool, "-test.run=^$")
	cmd.Env = append(os.Environ(), helperEnv+"="+job+"|"+s.dir(top)+"|"+s.backup(top), "PACKLIFT_FAILPOINT="+failpoint, "GOGC=off")
	if s.owner {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: otherUser, Gid: otherUser}}
	}
	var b bytes.Buffer
	cmd.Stdout, cmd.Stderr = &b, &b
	err = cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL {
		return b.String(), errKilled
	}
	return b.String(), err
}

// kill has job end before its effect n, or says that it has fewer.
func (s *scene) kill(t *testing.T, job, top string, n int) bool {
	out, err := s.spawn(job, top, fmt.Sprintf("kill:%d", n))
	if err != nil && !errors.Is(err, errKilled) {
		t.Errorf("%s killed at %d: %v: %s", job, n, err, out)
	}
	return errors.Is(err, errKilled)
}

// count gives the effects of job on the pack in top, "OP PATH" each, without
// what differs from run to run.
func (s *scene) count(t *testing.T, job, top string) []string {
	list := top + ".count"
	must(t, os.WriteFile(list, nil, 0o666))
	must(t, os.Chmod(list, 0o666))
	if out, err := s.spawn(job, top, "count:"+list); err != nil {
		t.Errorf("%s: %v %s", job, err, out)
	}
	return effects(t, list, top)
}

func effects(t *testing.T, list, top string) (lines []string) {
	f, err := os.Open(list)
	if err != nil {
		t.Error(err)
		return nil
	}
	defer f.Close()
	for sc := bufio.NewScanner(f); sc.Scan(); {
		_, line, _ := strings.Cut(sc.Text(), " ")
		lines = append(lines, normal(strings.ReplaceAll(line, top, "")))
	}
	must(t, os.Remove(list))
	return lines
}

var random = []struct {
	find *regexp.Regexp
	with string
}{
	{regexp.MustCompile(`\b[0-9a-f]{64}\b`), "DIGEST"},
	{regexp.MustCompile(`\b[0-9a-f]{16}\b`), "TXN"},
	{regexp.MustCompile(`\b[A-Z2-7]{26}\b`), "RANDOM"},
	{regexp.MustCompile(`\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`), "TIME"},
}

// normal takes out what differs from run to run.
func normal(s string) string {
	for _, r := range random {
		s = r.find.ReplaceAllString(s, r.with)
	}
	return s
}

// each calls f for 1 to n on as many workers as there are cores to spare.
func each(n int, f func(int)) {
	var wg sync.WaitGroup
	next := make(chan int)
	for range 3 {
		wg.Go(func() {
			for i := range next {
				f(i)
			}
		})
	}
	for i := 1; i <= n; i++ {
		next <- i
	}
	close(next)
	wg.Wait()
}

// copyTree copies all that a test looks at: names, contents, modes, owners,
// attributes and hard links.
func copyTree(from, to string, mount bool) error {
	linked := map[uint64]string{}
	type folder struct {
		name string
		mode fs.FileMode
	}
	var folders []folder
	err := filepath.WalkDir(from, func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		st, rel := info.Sys().(*syscall.Stat_t), name[len(from):]
		dst := to + rel
		switch first := linked[st.Ino]; {
		case e.IsDir():
			err = os.Mkdir(dst, 0o700)
			if err == nil && mount && rel == "/pack/mnt" {
				err = unix.Mount("tmpfs", dst, "tmpfs", 0, "size=32m,mode=755")
			}
			folders = append(folders, folder{dst, info.Mode().Perm()})
		case e.Type()&fs.ModeSymlink != 0:
			target, rerr := os.Readlink(name)
			return errors.Join(rerr, os.Symlink(target, dst), os.Lchown(dst, int(st.Uid), int(st.Gid)))
		case st.Nlink > 1 && first != "":
			return os.Link(first, dst)
		default:
			linked[st.Ino] = dst
			b, rerr := os.ReadFile(name)
			err = errors.Join(rerr, os.WriteFile(dst, b, 0o600))
		}
		return errors.Join(err, copyAttributes(name, dst, st), chmodFile(dst, info))
	})
	for _, f := range slices.Backward(folders) {
		err = errors.Join(err, os.Chmod(f.name, f.mode))
	}
	return err
}

func chmodFile(dst string, info fs.FileInfo) error {
	if info.IsDir() {
		return nil
	}
	return os.Chmod(dst, info.Mode().Perm())
}

func copyAttributes(from, to string, st *syscall.Stat_t) error {
	if v := attribute(from); v != "" {
		if err := unix.Lsetxattr(to, testAttribute, []byte(v), 0); err != nil {
			return err
		}
	}
	return os.Lchown(to, int(st.Uid), int(st.Gid))
}
