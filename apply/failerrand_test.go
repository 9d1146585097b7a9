//go:build failpoint && linux

package apply

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"packlift/internal/pack"
)

// errand is a run that changes a pack, of any kind. What it may leave is learned from
// runs that nothing disturbs: pictures of all of the pack, before, after, and where it
// has steps of its own, between them.
type errand struct {
	scene
	begin  func(e *errand, t *testing.T, top string) // lays what is there before
	steps  []string                                  // jobs that lead through all that lies between, one after the other
	again  string                                    // the same command once more, if that is another job
	last   string                                    // what can be done after it
	says   string                                    // what a run that is not finished says of the pack
	inPart bool                                      // an error leaves what was done so far, for the next run to go on with

	pictures map[string]string // of all that a pack may be, with what that is
	start    string            // the picture before
	end      string            // the picture at the end
	after    string            // the picture after last
}

// errands are all runs that change a pack but plain updates and reverts, which are
// scenes of their own.
var errands = []errand{
	{scene: scene{name: "hotfix", job: "hotfix"}, begin: (*errand).layCrash, last: "revert", says: "level 3 with hotfix 1, but"},
	{scene: scene{name: "revert hotfix", job: "revert"}, begin: (*errand).layHotfix, last: "hotfix", says: "level 3 without hotfix 1, but"},
	{scene: scene{name: "heal", job: "heal"}, begin: (*errand).layDamaged},
	{scene: scene{name: "stage", job: "stage"}, begin: (*errand).layCrash, again: "stage", last: "staged"},
	{scene: scene{name: "staged", job: "staged"}, begin: (*errand).layStaged, again: "apply", last: "revert"},
	{scene: scene{name: "suspend", job: "suspend"}, begin: (*errand).layWaiting, last: "drop"},
	{scene: scene{name: "drop", job: "drop"}, begin: (*errand).layWaiting, last: "suspend"},
	{scene: scene{name: "go on", job: "go on"}, begin: (*errand).layWaiting, last: "revert"},
	{scene: scene{name: "prune", job: "prune"}, begin: (*errand).layLevels, steps: []string{"prune 3", "prune 2"}, last: "revert", inPart: true},
	{scene: scene{name: "prune outside", job: "prune", outside: true}, begin: (*errand).layLevels, steps: []string{"prune 3", "prune 2"}, last: "revert", inPart: true},
	{scene: scene{name: "keep", job: "keep"}, begin: (*errand).layLevels, steps: []string{"keep all", "prune 4", "prune 3", "prune 2"}, last: "revert", inPart: true},
	{scene: scene{name: "revert to", job: "revert to"}, begin: (*errand).layLevels, steps: []string{"revert", "revert", "revert"}, inPart: true},
}

// forErrands runs f on each of them.
func forErrands(t *testing.T, f func(*testing.T, *errand)) {
	for _, e := range errands {
		t.Run(e.name, func(t *testing.T) { e.learn(t); f(t, &e) })
	}
}

// learn notes what the pack may be.
func (e *errand) learn(t *testing.T) {
	top := e.work(t)
	b, err := os.ReadFile(os.Args[0])
	must(t, err)
	e.tool, e.template = filepath.Join(top, "helper"), filepath.Join(top, "template")
	must(t, os.WriteFile(e.tool, b, 0o755))
	if !e.outside { // a pack knows the place of backups outside: there each copy is laid anew
		must(t, os.Mkdir(e.template, 0o755))
		e.begin(e, t, e.template)
	}
	at := filepath.Join(top, "at")
	e.fresh(t, at)
	e.start = e.picture(t, at)
	e.pictures = map[string]string{e.start: "old"}
	for i, job := range e.steps {
		e.must(t, job, at)
		e.pictures[e.picture(t, at)] = fmt.Sprintf("between %d", i+1)
	}
	e.remove(at)
	e.fresh(t, at)
	e.must(t, e.job, at)
	e.end = e.picture(t, at)
	if e.pictures[e.end] = "new"; len(e.pictures) < 2 && e.job != "stage" {
		t.Fatal("it changes nothing")
	}
	if e.last != "" {
		e.must(t, e.last, at)
		e.after = e.picture(t, at)
	}
	e.remove(at)
}

func (e *errand) must(t *testing.T, job, top string) {
	t.Helper()
	if out, err := e.spawn(job, top, ""); err != nil {
		t.Fatalf("%s: %s: %v %s", e.name, job, err, out)
	}
}

// fresh lays what the run begins with.
func (e *errand) fresh(t *testing.T, top string) {
	if !e.outside {
		e.copy(t, e.template, top)
		return
	}
	must(t, os.Mkdir(top, 0o755))
	e.begin(e, t, top)
}

func (e *errand) layCrash(t *testing.T, top string) {
	must(t, os.Mkdir(e.dir(top), 0o755))
	must(t, initPack(t, e.dir(top), crashOld, 3).Close())
	decorate(t, e.dir(top), crashOld, false)
}

func (e *errand) layHotfix(t *testing.T, top string) {
	e.layCrash(t, top)
	e.must(t, "hotfix", top)
}

func (e *errand) layStaged(t *testing.T, top string) {
	e.layCrash(t, top)
	e.must(t, "stage", top)
}

func (e *errand) layDamaged(t *testing.T, top string) {
	e.layCrash(t, top)
	e.must(t, "apply", top)
	must(t, os.WriteFile(filepath.Join(e.dir(top), "run.sh"), []byte("damaged"), 0o644))
	must(t, os.RemoveAll(filepath.Join(e.dir(top), "new/sub")))
}

// layWaiting makes a pack that waits, or is to; with a final file for the run that goes on.
func (e *errand) layWaiting(t *testing.T, top string) {
	must(t, os.MkdirAll(e.dir(top), 0o755))
	waitPack(t, e.dir(top), e.job)
}

// layLevels makes a pack that went up three levels, with a backup of each.
func (e *errand) layLevels(t *testing.T, top string) {
	must(t, os.Mkdir(e.dir(top), 0o755))
	must(t, initPack(t, e.dir(top), tree{"level": file("3"), "of3": file("x"), "same": file("same")}, 3).Close())
	for range 3 {
		e.must(t, "again", top)
	}
}

// picture is all of a pack: its tree, its own data and its backups, but what differs
// from run to run, who holds the lock, what the log tells of runs that were undone,
// folders of the pack's own that are made once, what is kept for manifests that the
// state does not name, and what is staged, which serves in part as well.
func (e *errand) picture(t *testing.T, top string) string {
	t.Helper()
	var b strings.Builder
	for _, of := range []string{"pack", "backups"} {
		if _, err := os.Stat(filepath.Join(top, of)); err != nil {
			continue
		}
		facts, err := survey(filepath.Join(top, of), func(rel string) bool { return rel == stagedDir })
		if err != nil {
			t.Errorf("%s: %v", e.name, err)
		}
		for _, p := range sortedPaths(facts) {
			f := facts[p]
			switch {
			case slices.Contains(volatile, p) || ofOtherLevel(p, facts[pack.StateFile].text):
				continue
			case p == pack.AuditFile:
				f.text = strings.Join(told(f.text), " ")
			case path.Base(p) == backupRecord || len(f.text) > 200:
				f.text = normalContent(f.text, top)
			}
			fmt.Fprintf(&b, "%s %s %s\n", of, normal(p), normal(strings.ReplaceAll(f.String(), top, "")))
		}
	}
	return b.String()
}

var volatile = []string{dataDir, pack.LockFile, stageRoot, backupTop, pack.ManifestDir, customizedDir}

// ofOtherLevel: the file is kept for a manifest that the state does not name.
func ofOtherLevel(name, state string) bool {
	digest, of := strings.CutSuffix(path.Base(name), ".json")
	return of && slices.Contains([]string{pack.ManifestDir, customizedDir}, path.Dir(name)) && !strings.Contains(state, digest)
}

// told are the events that the audit log's whole records tell, less what was undone.
func told(log string) (events []string) {
	for line := range strings.Lines(log) {
		_, rest, ok := strings.Cut(line, `"event":"`)
		event, _, _ := strings.Cut(rest, `"`)
		if ok && event != "mended" && event != "undone" && strings.HasSuffix(line, "\"}\n") {
			events = append(events, event)
		}
	}
	return events
}

// settle has the next run recover, wants the pack to be one that it may be, and the same
// command to bring it to its end; now and then also what can be done after that.
func (e *errand) settle(t *testing.T, what, top string, toTheLast bool) (end string) {
	t.Helper()
	p, err := pack.Open(e.dir(top))
	if err != nil {
		t.Errorf("%s: %v", what, err)
		return "broken"
	}
	defer p.Close()
	if _, err = Recover(context.Background(), p, nil); err == nil {
		err = SweepStaged(p, slog.New(slog.DiscardHandler))
	}
	if err != nil {
		t.Errorf("%s: recover: %v", what, err)
		return "broken"
	}
	tidy(t, p)
	got := e.picture(t, top)
	if end = e.known(got); end == "" {
		t.Errorf("%s: neither old nor new:\n%s", what, e.nearest(got))
		return "broken"
	}
	if got != e.end || e.again == "stage" {
		e.goes(t, what+", then the same again", e.repeated(), top, e.end)
	}
	if toTheLast && e.last != "" {
		e.goes(t, what+", at last", e.last, top, e.after)
	}
	return end
}

// known names the picture, empty for one that may not be. While a record says what waits,
// what lies beside the files may lie there in part.
func (e *errand) known(got string) string {
	if name := e.pictures[got]; name != "" || e.job != "suspend" && e.job != "drop" {
		return name
	}
	waiting := e.end
	if e.job == "drop" {
		waiting = e.start
	}
	for line := range strings.Lines(waiting) {
		name := strings.Fields(strings.TrimPrefix(line, "pack "))[0]
		if _, helper := waitHelpers[name]; !strings.Contains(got, line) && !helper {
			return ""
		}
	}
	for line := range strings.Lines(got) {
		if !strings.Contains(waiting, line) {
			return ""
		}
	}
	return "waiting in part"
}

// repeated is the job that does the same again.
func (e *errand) repeated() string {
	if e.again != "" {
		return e.again
	}
	return e.job
}

func (e *errand) goes(t *testing.T, what, job, top, want string) {
	t.Helper()
	out, err := e.spawn(job, top, "")
	if got := e.picture(t, top); err != nil || got != want {
		t.Errorf("%s: %s: %v %s\n%s", what, job, err, out, difference(got, want, want))
	}
}

// nearest tells in what a picture differs from the one that is most like it.
func (e *errand) nearest(got string) string {
	least := ""
	for known, name := range e.pictures {
		if d := fmt.Sprintf("unlike %q:\n%s", name, difference(got, known, known)); least == "" || strings.Count(d, "\n") < strings.Count(least, "\n") {
			least = d
		}
	}
	return least
}

// kind is what an effect is met by: places in the product's tree are alike, and so are
// the numbers of backups.
func kind(point string) string {
	op, name, _ := strings.Cut(point, " ")
	name = strings.Trim(name, `"`)
	inside, own := strings.CutPrefix(name, "/pack/"+dataDir+"/")
	parts := strings.Split(inside, "/")
	switch {
	case !own:
		return op + " " + strings.Join(strings.SplitN(name, "/", 3)[:2], "/")
	case len(parts) > 3:
		parts = parts[:3]
	}
	digits := func(s string) string {
		return strings.Map(func(r rune) rune {
			if '0' <= r && r <= '9' {
				return '0'
			}
			return r
		}, s)
	}
	return op + " " + digits(strings.Join(parts, "/"))
}

// allDeaths: PACKLIFT_DEATHS=all takes everything.
func allDeaths() bool { return os.Getenv("PACKLIFT_DEATHS") == "all" }

// sampler takes what was not met yet, and one in so many others.
type sampler struct {
	oneIn int
	met   map[string]bool
	seen  int
}

func (s *sampler) takes(point string) bool {
	s.seen++
	k := kind(point)
	fresh := !s.met[k]
	s.met[k] = true
	return fresh || s.seen%s.oneIn == 0 || allDeaths()
}

// spread gives the numbers from 1 to n, or one in so many where they are many.
func spread(n, oneIn int) (out []int) {
	if allDeaths() || n < 12*oneIn {
		oneIn = 1
	}
	for i := 1 + oneIn/2; i <= n; i += oneIn {
		out = append(out, i)
	}
	return slices.Clip(out)
}
