//go:build failpoint && disks

package apply

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"packlift/internal/disktest"
	"packlift/internal/manifest"
	"packlift/internal/pack"
)

// The tests of this file take the power from real file systems before each
// single file effect: what was not made durable is lost. On ext4 and xfs that
// is the shutdown ioctl. btrfs has none, so its disk is an image that is cloned
// in one instant, and the clone is what the next boot finds.

// cutScene is one transition on disks of their own. Kinds are those of the disk
// of the pack, and of a second disk, which is mounted at second.
type cutScene struct {
	job     string // apply or revert
	kinds   []string
	second  string   // backups, or pack/updates
	images  []string // as they are before the run
	host    string   // where images are cloned
	from    tree
	to      tree
	effects []string
}

// PACKLIFT_POWERCUTS=all takes every effect; else one in so many, spread over all.
func cutStep() int {
	if os.Getenv("PACKLIFT_POWERCUTS") == "all" {
		return 1
	}
	return 9
}

func TestPowerCut(t *testing.T) {
	host := disktest.CloneHost(t, 3<<10)
	kinds := disktest.Kinds()
	for i, kind := range kinds {
		for _, second := range []string{"", "backups", "pack/updates"} {
			disks := []string{kind}
			if second != "" {
				disks = append(disks, kinds[(i+1)%len(kinds)])
			}
			for _, job := range []string{"apply", "revert"} {
				t.Run(strings.Join(append(disks, filepath.Base(second), job), "/"), func(t *testing.T) {
					s := newCutScene(t, host, &cutScene{job: job, kinds: disks, second: second, from: crashOld, to: crashNew})
					s.cutAnywhere(t)
				})
			}
		}
	}
}

func newCutScene(t *testing.T, host string, s *cutScene) *cutScene {
	t.Helper()
	top := s.format(t, host)
	must(t, initPack(t, filepath.Join(top, "pack"), s.from, 3).Close())
	giveAway(t, filepath.Join(top, "pack"))
	if s.job == "revert" {
		p, err := pack.Open(filepath.Join(top, "pack"))
		must(t, err)
		o := testOptions()
		o.BackupDir = s.backup(top)
		update(t, p, crashBundle(), o)
		must(t, p.Close())
		s.from, s.to = s.to, s.from
	}
	s.unmount(t, top)
	s.count(t)
	return s
}

// format makes the scene's disks, and mounts them.
func (s *cutScene) format(t *testing.T, host string) (top string) {
	t.Helper()
	s.host = filepath.Join(host, strings.ReplaceAll(t.Name(), "/", "-"))
	must(t, os.Mkdir(s.host, 0o755))
	for i, kind := range s.kinds {
		image := filepath.Join(s.host, fmt.Sprint("template-", i))
		disktest.Format(t, image, kind, 0)
		s.images = append(s.images, image)
	}
	return s.mount(t, s.images)
}

// giveAway makes the product another's, so that it shows if an owner is lost.
func giveAway(t *testing.T, top string) {
	t.Helper()
	if out, err := exec.Command("chown", "-hR", fmt.Sprintf("%d:%d", otherUser, otherUser), top).CombinedOutput(); err != nil {
		t.Fatalf("chown: %v: %s", err, out)
	}
}

func (s *cutScene) backup(top string) string {
	if s.second != "backups" {
		return ""
	}
	return filepath.Join(top, s.second)
}

// mount mounts images, the second one below the first, at the same place each
// time: a pack knows where its backups are.
func (s *cutScene) mount(t *testing.T, images []string) (top string) {
	t.Helper()
	top = filepath.Join(s.host, "disk")
	disktest.Mount(t, images[0], s.kinds[0], top, "")
	if len(images) > 1 {
		disktest.Mount(t, images[1], s.kinds[1], filepath.Join(top, s.second), "")
	}
	return top
}

func (s *cutScene) unmount(t *testing.T, top string) {
	t.Helper()
	if len(s.kinds) > 1 {
		disktest.Unmount(t, filepath.Join(top, s.second))
	}
	disktest.Unmount(t, top)
}

// fresh mounts copies of the scene's disks.
func (s *cutScene) fresh(t *testing.T, name string) (top string, images []string) {
	t.Helper()
	for i, image := range s.images {
		images = append(images, filepath.Join(s.host, fmt.Sprint(name, "-", i)))
		disktest.Clone(t, image, images[i])
	}
	return s.mount(t, images), images
}

// spawn runs job; killed tells that it ended by SIGKILL.
func (s *cutScene) spawn(top, job, failpoint string) (killed bool, out string, err error) {
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), helperEnv+"="+job+"|"+filepath.Join(top, "pack")+"|"+s.backup(top), "PACKLIFT_FAILPOINT="+failpoint)
	var b bytes.Buffer
	cmd.Stdout, cmd.Stderr = &b, &b
	err = cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == -1 {
		return true, b.String(), nil
	}
	return false, b.String(), err
}

func (s *cutScene) count(t *testing.T) {
	t.Helper()
	top, images := s.fresh(t, "count")
	list := filepath.Join(s.host, "effects")
	if killed, out, err := s.spawn(top, s.job, "count:"+list); killed || err != nil {
		t.Fatalf("%s: %v %s", s.job, err, out)
	}
	b, err := os.ReadFile(list)
	must(t, err)
	s.effects = strings.Split(strings.TrimSpace(string(b)), "\n")
	if !s.agrees(t, "whole run", top) {
		t.Fatal("the run did not come to the new level")
	}
	s.unmount(t, top)
	remove(t, images)
}

func remove(t *testing.T, files []string) {
	t.Helper()
	for _, f := range files {
		must(t, os.Remove(f))
	}
}

// cutAnywhere takes the power before effects of the run; the next boot
// recovers, and every second time that is cut as well.
func (s *cutScene) cutAnywhere(t *testing.T) {
	ends, second := map[bool]int{}, 0
	for n := 1 + cutStep()/2; n <= len(s.effects); n += cutStep() {
		what := "power cut before " + s.effects[n-1]
		top, images := s.fresh(t, fmt.Sprint(n))
		images = s.cut(t, what, s.job, top, images, n, true)
		if n%2 == 0 {
			top = s.mount(t, images)
			images = s.cut(t, what+", and again in recovery", "recover", top, images, 1+n/2%12, false)
			second++
		}
		top = s.mount(t, images)
		ends[s.agrees(t, what, top)]++
		s.unmount(t, top)
		remove(t, images)
	}
	t.Logf("%d effects; power cut %d times, %d of them again in recovery: old %d times, new %d times",
		len(s.effects), ends[false]+ends[true], second, ends[false], ends[true])
	if ends[false] == 0 || ends[true] == 0 {
		t.Error("recovery never goes both ways")
	}
}

// cut runs job until the power fails before its effect n, and gives the disks as
// they are then. A recovery may have fewer effects.
func (s *cutScene) cut(t *testing.T, what, job, top string, images []string, n int, must bool) []string {
	t.Helper()
	var down, clones, after []string
	for i, image := range images {
		if s.kinds[i] == "btrfs" {
			after = append(after, image+".cut")
			clones = append(clones, fmt.Sprintf("clone:%d:%s:%s", n, image, after[i]))
			continue
		}
		after = append(after, image)
		down = append(down, []string{top, filepath.Join(top, s.second)}[i])
	}
	how := clones // which kill
	if len(down) > 0 && len(clones) > 0 {
		how = append([]string{fmt.Sprintf("gone:%d:%s", n, strings.Join(down, ":"))}, clones...)
	} else if len(down) > 0 {
		how = []string{fmt.Sprintf("shutdown:%d:%s", n, strings.Join(down, ":"))}
	}
	killed, out, err := s.spawn(top, job, strings.Join(how, ","))
	if must && !killed {
		t.Errorf("%s: it went on: %v %s", what, err, out)
	}
	s.unmount(t, top)
	for i, image := range images {
		if image == after[i] {
			continue
		}
		if _, err := os.Stat(after[i]); err != nil {
			after[i] = image // the run ended before
			continue
		}
		remove(t, []string{image})
	}
	return after
}

// agrees lets the pack recover and fails unless it is exactly old or new in everything.
func (s *cutScene) agrees(t *testing.T, what, top string) (onNew bool) {
	t.Helper()
	p, err := pack.Open(filepath.Join(top, "pack"))
	if err != nil {
		t.Errorf("%s: %v", what, err)
		return false
	}
	defer p.Close()
	if _, err := Recover(context.Background(), p, nil); err != nil {
		t.Errorf("%s: recover: %v", what, err)
		return false
	}
	tidy(t, p)
	if wrong := notOwned(t, p.Dir()); len(wrong) > 0 {
		t.Errorf("%s: another owner has %q", what, wrong)
	}
	got := readTree(t, p.Dir()).String()
	if onNew = got == s.to.whole().String(); !onNew && got != s.from.whole().String() {
		t.Errorf("%s: the tree is neither old nor new:\n%s", what, got)
	}
	for _, why := range s.data(p, top, onNew) {
		t.Errorf("%s: the tree is new: %v, but %s", what, onNew, why)
	}
	return onNew
}

// data compares the pack's own data with where its tree is.
func (s *cutScene) data(p *pack.Pack, top string, onNew bool) (wrong []string) {
	bad := func(is bool, format string, args ...any) {
		if is {
			wrong = append(wrong, fmt.Sprintf(format, args...))
		}
	}
	onTen, updated := onNew == (s.job == "apply"), s.job == "revert" || onNew
	kinds := []string{"init"}
	if updated {
		kinds = append(kinds, "update")
	}
	if s.job == "revert" && onNew {
		kinds = append(kinds, "revert")
	}
	st, err := p.State()
	bad(err != nil || (st.Level == 10) != onTen || len(st.History) != len(kinds), "the state says %+v, %v", st, err)
	floor, ok, err := p.Floor()
	bad(err != nil || ok != updated || ok && floor != (manifest.Sequence{Level: 3}), "the floor is %v %v %v", floor, ok, err)
	_, err = os.Stat(filepath.Join(p.Dir(), changelogName(3, 10)))
	bad((err == nil) != updated, "changelog: %v", err)
	_, err = os.Stat(filepath.Join(p.Dir(), generationDir(1)))
	bad((err == nil) != onTen, "backup: %v", err)
	told, err := events(p)
	bad(err != nil || !slices.Equal(told, kinds), "the audit log has %v, %v", told, err)
	o := testOptions()
	if o.BackupDir = s.backup(top); o.BackupDir != "" {
		list, err := filepath.Glob(filepath.Join(o.BackupDir, "*/0*"))
		bad(err != nil || (len(list) == 1) != onTen || len(list) > 1, "the backup outside is %v, %v", list, err)
	}
	if onTen {
		pl, err := NewRevert(context.Background(), p, o)
		bad(err != nil || len(pl.Conflicts) > 0, "a revert is not possible: %v", err)
	}
	return wrong
}

// notOwned lists what of the pack does not belong to the other user.
func notOwned(t *testing.T, top string) (wrong []string) {
	t.Helper()
	must(t, filepath.WalkDir(top, func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err == nil && info.Sys().(*syscall.Stat_t).Uid != otherUser {
			wrong = append(wrong, strings.TrimPrefix(name, top+"/"))
		}
		return err
	}))
	return wrong
}

// events are those that the audit log's whole records tell, less what was undone.
func events(p *pack.Pack) (told []string, err error) {
	b, err := os.ReadFile(filepath.Join(p.Dir(), pack.AuditFile))
	for line := range bytes.Lines(b) {
		var r struct{ Event string }
		if json.Unmarshal(line, &r) == nil && r.Event != "undone" && r.Event != "mended" {
			told = append(told, r.Event)
		}
	}
	return told, err
}
