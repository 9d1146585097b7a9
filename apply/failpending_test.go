//go:build failpoint && linux

package apply

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"packlift/internal/pack"
)

// waitHelper runs the helper on the pack at dir.
func waitHelper(job, dir, failpoint string) (string, error) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), helperEnv+"="+job+"|"+dir+"|"+noBackup, "PACKLIFT_FAILPOINT="+failpoint)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// waitPack makes a pack that waits, with a final file for go on.
func waitPack(t *testing.T, dir, job string) {
	t.Helper()
	p := initPack(t, dir, waitSite, 3)
	switch job {
	case "suspend", "hotfix waits":
	case "hotfix goes on":
		must(t, suspendIt(p, waitHotfix()))
	default:
		must(t, suspendNow(p))
	}
	if goesOn(job) || job == "stage on" {
		must(t, p.Root().WriteFile("conf/b.final", []byte("both\n"), 0o644))
	}
	must(t, p.Close())
}

// goesOn: the job brings the pack to its end.
func goesOn(job string) bool { return job == "go on" || job == "hotfix goes on" }

// TestWaitingFails: whatever effect a run that waits, is dropped, goes on or stages
// what is decided ends at, killed or by a full disk, the pack is the old one or the new one, what lies
// beside it is accounted for, and the same command brings it to its end.
func TestWaitingFails(t *testing.T) {
	for _, job := range []string{"suspend", "drop", "go on", "stage on", "hotfix waits", "hotfix goes on"} {
		t.Run(job, func(t *testing.T) {
			work := scratch(t)
			probe := filepath.Join(work, "probe")
			waitPack(t, probe, job)
			list := filepath.Join(work, "list")
			if out, err := waitHelper(job, probe, "count:"+list); err != nil {
				t.Fatal(err, out)
			}
			b, err := os.ReadFile(list)
			must(t, err)
			points := strings.Split(strings.TrimSpace(string(b)), "\n")
			if len(points) < 8 {
				t.Fatalf("only %d points", len(points))
			}
			each(2*len(points), func(i int) {
				n, how := (i+1)/2, []string{"kill:%d", "errno:%d:ENOSPC"}[i%2]
				dir := filepath.Join(work, fmt.Sprint(i))
				waitPack(t, dir, job)
				what := fmt.Sprintf("%s, "+how+", %s", job, n, points[n-1])
				waitHelper(job, dir, fmt.Sprintf(how, n))
				waitRecovered(t, what, job, dir)
				must(t, os.RemoveAll(dir))
			})
			t.Logf("%d points, each killed and on a full disk", len(points))
		})
	}
}

// waitRecovered looks at the pack after a recovery, and repeats the job.
func waitRecovered(t *testing.T, what, job, dir string) {
	if out, err := waitHelper("recover", dir, ""); err != nil {
		t.Errorf("%s: recover: %v %s", what, err, out)
		return
	}
	p, err := pack.Open(dir)
	if err != nil {
		t.Errorf("%s: %v", what, err)
		return
	}
	defer p.Close()
	got := readTree(t, dir)
	w, err := ReadPending(p)
	if err != nil {
		t.Errorf("%s: %v", what, err)
		return
	}
	rest := tree{}
	for name, n := range got {
		if _, helper := waitHelpers[name]; !helper && name != "conf/b.final" {
			rest[name] = n
		} else if w == nil {
			t.Errorf("%s: %s lies there, and nothing waits", what, name)
		}
	}
	want := waitSite
	if state, err := p.State(); err != nil || state.Level == 10 || len(state.Hotfixes) > 0 {
		want = waitEnd
		if err != nil || w != nil {
			t.Errorf("%s: on the new level it waits still (%v)", what, err)
		}
	}
	sameTree(t, what, rest, want)
	tidy(t, p)
	if want.String() == waitEnd.String() {
		return
	}
	waitAgain(t, what, job, p)
}

// waitAgain repeats the job; a run that waited is dropped then, and leaves nothing.
func waitAgain(t *testing.T, what, job string, p *pack.Pack) {
	if out, err := waitHelper(job, p.Dir(), ""); err != nil {
		t.Errorf("%s: once more: %v %s", what, err, out)
		return
	}
	want := waitEnd
	if job == "stage on" {
		if err := goOn(p); err != nil {
			t.Errorf("%s: go on: %v", what, err)
		}
	} else if !goesOn(job) {
		want = waitSite
		if err := dropNow(p); err != nil {
			t.Errorf("%s: drop: %v", what, err)
		}
	}
	sameTree(t, what+", once more", readTree(t, p.Dir()), want)
	tidy(t, p)
}
