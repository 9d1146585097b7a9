//go:build failpoint

package apply

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"packlift/internal/fault"
	"packlift/internal/manifest"
	"packlift/internal/pack"
)

// The tests of this file end the helper before each single file effect, or make
// that effect fail.

var crashOwn = tree{"own": file("the site's own"), "new/own": file("own")}

// scene is one transition, and a pack that stands before it.
type scene struct {
	job      string // apply or revert
	outside  bool
	template string
	from, to tree
}

func newScene(t *testing.T, job string, outside bool) *scene {
	s := &scene{job: job, outside: outside, template: filepath.Join(scratch(t), "template")}
	s.from, s.to = crashOld.with(crashOwn), crashNew.with(crashOwn)
	// What the site put into a folder that the update makes was there before.
	s.from["new"] = dir(0o755)
	p := initPack(t, filepath.Join(s.template, "pack"), s.from, 3)
	if job == "revert" {
		update(t, p, crashBundle(), s.options(s.template))
		s.from, s.to = s.to, s.from
	}
	must(t, p.Close())
	return s
}

func (s *scene) options(top string) Options {
	o := testOptions()
	o.BackupDir = s.backup(top)
	return o
}

func (s *scene) backup(top string) string {
	if !s.outside {
		return ""
	}
	return filepath.Join(top, "backups")
}

// fresh copies the scene's pack. The backup's place is part of what the pack
// knows, so a revert from outside has to find it at the same path: each copy
// names its own with --backup.
func (s *scene) fresh(t *testing.T, top string) {
	out, err := exec.Command("cp", "-a", s.template, top).CombinedOutput()
	if err != nil {
		t.Errorf("cp: %v: %s", err, out)
	}
}

// spawn runs the helper; killed tells that it ended by SIGKILL.
func (s *scene) spawn(t *testing.T, job, top, failpoint string) (killed bool, out string, err error) {
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

// count gives the effects of job on a copy of the scene, one line each.
func (s *scene) count(t *testing.T, job, top string) []string {
	t.Helper()
	list := top + ".count"
	if killed, out, err := s.spawn(t, job, top, "count:"+list); killed || err != nil {
		t.Fatalf("%s: %v %s", job, err, out)
	}
	f, err := os.Open(list)
	must(t, err)
	defer f.Close()
	var lines []string
	for sc := bufio.NewScanner(f); sc.Scan(); {
		lines = append(lines, sc.Text())
	}
	if len(lines) < 20 {
		t.Fatalf("%s has only %d effects", job, len(lines))
	}
	return lines
}

// each calls f for every n on as many workers as there are cores to spare.
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

// whole opens the pack, lets it recover, and fails unless it is exactly old or
// new in everything.
func (s *scene) whole(t *testing.T, what, top string) (onNew bool) {
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
	return s.agrees(t, what, p, top)
}

func (s *scene) agrees(t *testing.T, what string, p *pack.Pack, top string) (onNew bool) {
	t.Helper()
	tidy(t, p)
	got := readTree(t, p.Dir()).String()
	if onNew = got == s.to.whole().String(); !onNew && got != s.from.whole().String() {
		t.Errorf("%s: the tree is neither old nor new:\n%s", what, got)
		return false
	}
	st, err := p.State()
	if err != nil {
		t.Errorf("%s: %v", what, err)
		return onNew
	}
	onTen := onNew == (s.job == "apply")
	history := 1
	for _, step := range []bool{s.job == "revert", onNew} {
		if step {
			history++
		}
	}
	if (st.Level == 10) != onTen || len(st.History) != history || st.Manifest != s.manifest(onTen) {
		t.Errorf("%s: the tree is new: %v, the state says %+v", what, onNew, st)
	}
	updated := s.job == "revert" || onNew
	if _, err := os.Stat(filepath.Join(p.Dir(), "updates/changelog-0003-0010.md")); (err == nil) != updated {
		t.Errorf("%s: changelog: %v", what, err)
	}
	if floor, ok, err := p.Floor(); err != nil || ok != updated || ok && floor != (manifest.Sequence{Level: 3}) {
		t.Errorf("%s: floor: %v %v %v", what, floor, ok, err)
	}
	s.backupAgrees(t, what, p, top, onTen)
	return onNew
}

// manifest is the digest that the state has to name: of the level that init
// named none is known before the first bundle.
func (s *scene) manifest(onTen bool) manifest.Digest {
	switch info := crashBundle().info; {
	case onTen:
		return info.TargetManifest
	case s.job == "revert":
		return info.BaseManifest
	}
	return manifest.Digest{}
}

func (s *scene) backupAgrees(t *testing.T, what string, p *pack.Pack, top string, onTen bool) {
	t.Helper()
	_, err := os.Stat(filepath.Join(p.Dir(), generationDir(1)))
	if (err == nil) != onTen {
		t.Errorf("%s: backup: %v", what, err)
	}
	if s.outside {
		list, err := filepath.Glob(filepath.Join(s.backup(top), "*/*"))
		if err != nil || (len(list) == 1) != onTen || len(list) > 1 {
			t.Errorf("%s: backup outside: %v, %v", what, list, err)
		}
	}
	if onTen {
		if pl, err := NewRevert(context.Background(), p, s.options(top)); err != nil || len(pl.Conflicts) > 0 {
			t.Errorf("%s: a revert is not possible: %v", what, err)
		}
	}
	audit, err := os.ReadFile(filepath.Join(p.Dir(), "updates/packlift/audit.log"))
	if err != nil || strings.Contains(string(audit), `"event":"update"`) != (onTen || s.job == "revert") {
		t.Errorf("%s: audit log %v:\n%s", what, err, audit)
	}
}

func scenes(t *testing.T, f func(*testing.T, *scene)) {
	for _, outside := range []bool{false, true} {
		for _, job := range []string{"apply", "revert"} {
			t.Run(fmt.Sprintf("%s/outside=%v", job, outside), func(t *testing.T) { f(t, newScene(t, job, outside)) })
		}
	}
}

// Killed before every effect: the next run brings exactly the old or the new.
func TestKilledAnywhere(t *testing.T) {
	scenes(t, func(t *testing.T, s *scene) {
		work := scratch(t)
		probe := filepath.Join(work, "probe")
		s.fresh(t, probe)
		effects := s.count(t, s.job, probe)
		var mu sync.Mutex
		ends := map[bool]int{}
		each(len(effects), func(n int) {
			top := filepath.Join(work, fmt.Sprint(n))
			s.fresh(t, top)
			what := fmt.Sprintf("killed before %s", effects[n-1])
			killed, out, err := s.spawn(t, s.job, top, fmt.Sprintf("kill:%d", n))
			if !killed {
				t.Errorf("%s: it was not: %v %s", what, err, out)
			}
			onNew := s.whole(t, what, top)
			mu.Lock()
			ends[onNew]++
			mu.Unlock()
			removeTree(top)
		})
		t.Logf("%d effects; old %d times, new %d times", len(effects), ends[false], ends[true])
		if ends[false] == 0 || ends[true] == 0 {
			t.Error("recovery never goes both ways")
		}
	})
}

// Recovery itself killed before each of its effects, from a sample of first deaths.
func TestRecoveryKilled(t *testing.T) {
	scenes(t, func(t *testing.T, s *scene) {
		work := scratch(t)
		probe := filepath.Join(work, "probe")
		s.fresh(t, probe)
		n := len(s.count(t, s.job, probe))
		deaths := 0
		for first := n/2 + 3; first < n; first += max(1, n/7) {
			for second := 1; ; second += 2 {
				top := filepath.Join(work, fmt.Sprint(first, "-", second))
				s.fresh(t, top)
				if killed, out, err := s.spawn(t, s.job, top, fmt.Sprintf("kill:%d", first)); !killed {
					t.Fatalf("not killed: %v %s", err, out)
				}
				killed, out, err := s.spawn(t, "recover", top, fmt.Sprintf("kill:%d", second))
				if err != nil {
					t.Errorf("recovery: %v %s", err, out)
				}
				s.whole(t, fmt.Sprintf("killed at %d, then at %d", first, second), top)
				removeTree(top)
				if deaths++; !killed {
					break
				}
			}
		}
		t.Logf("%d second deaths", deaths)
	})
}

// Each effect fails once: the run ends with the cause, and the tree is old or new at once.
func TestErrnoAnywhere(t *testing.T) {
	names := []string{"ENOSPC", "EIO", "EACCES"}
	scenes(t, func(t *testing.T, s *scene) {
		work := scratch(t)
		probe := filepath.Join(work, "probe")
		s.fresh(t, probe)
		effects := s.count(t, s.job, probe)
		each(len(effects), func(n int) {
			top := filepath.Join(work, fmt.Sprint(n))
			s.fresh(t, top)
			name := names[n%len(names)]
			what := fmt.Sprintf("%s at %s", name, effects[n-1])
			killed, out, err := s.spawn(t, s.job, top, fmt.Sprintf("errno:%d:%s", n, name))
			if killed {
				t.Errorf("%s: killed", what)
			}
			if err == nil && s.harmless(effects[n-1]) {
				removeTree(s.backup(top)) // by hand
			} else if err == nil && s.report(effects[n-1]) {
				must(t, os.WriteFile(filepath.Join(top, "pack", changelogName(3, 10)), nil, 0o644)) // by hand
			} else if err == nil {
				t.Errorf("%s: the run went on", what)
			}
			if err != nil {
				s.checkMessage(t, what, name, out)
			}
			got := readTree(t, filepath.Join(top, "pack")).String()
			if got != s.from.whole().String() && got != s.to.whole().String() {
				t.Errorf("%s (%s): the tree is neither old nor new:\n%s", what, out, got)
			}
			s.whole(t, what, top)
			removeTree(top)
		})
	})
}

// harmless: a backup outside that is not needed any more is removed if that is possible.
func (s *scene) harmless(effect string) bool {
	op, name, _ := strings.Cut(effect[strings.Index(effect, " ")+1:], " ")
	return s.job == "revert" && s.outside && strings.Contains(name, "/backups/") && (op == "remove" || op == "chmod" || op == "syncdir")
}

// report: the changelog's effects are the only ones in updates itself; a
// changelog that cannot be written is a warning.
func (s *scene) report(effect string) bool {
	_, name, _ := strings.Cut(effect[strings.Index(effect, " ")+1:], " ")
	name = strings.Trim(name, `"`)
	return s.job == "apply" && filepath.Base(name) != "packlift" && (filepath.Base(name) == "updates" || filepath.Base(filepath.Dir(name)) == "updates")
}

func (s *scene) checkMessage(t *testing.T, what, name, out string) {
	text := map[string]string{"ENOSPC": "no space left", "EIO": "input/output error", "EACCES": "permission denied"}[name]
	if !strings.Contains(out, text) || !strings.Contains(out, "/") {
		t.Errorf("%s: the message names no cause or path: %s", what, out)
	}
	if name == "ENOSPC" && !strings.HasPrefix(out, fault.NoSpace.String()+":") {
		t.Errorf("%s: the class is wrong: %s", what, out)
	}
}

// From one effect on all fail (a disk that is gone): the next run recovers.
func TestDiskGone(t *testing.T) {
	scenes(t, func(t *testing.T, s *scene) {
		work := scratch(t)
		probe := filepath.Join(work, "probe")
		s.fresh(t, probe)
		effects := s.count(t, s.job, probe)
		each(len(effects)/5, func(i int) {
			n := i * 5
			top := filepath.Join(work, fmt.Sprint(n))
			s.fresh(t, top)
			what := fmt.Sprintf("disk gone at %s", effects[n-1])
			if killed, out, err := s.spawn(t, s.job, top, fmt.Sprintf("errno:%d+:EIO", n)); killed || err == nil {
				t.Errorf("%s: killed %v, %s", what, killed, out)
			}
			s.whole(t, what, top)
			removeTree(top)
		})
	})
}
