package apply

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"testing"

	"packlift/bundle"
	"packlift/internal/fault"
	"packlift/internal/pack"
	"packlift/verify"
)

// This test binary runs itself again as a helper that applies, reverts or
// recovers, so that it can be killed or run as another user.

var crashOld = tree{
	"run.sh": fileMode("run 1", 0o755), "gone/deep/a": file("a"), "gone/link": link("deep/a"), "empty": dir(0o711),
	"swap": file("file, then folder"), "turn/x": file("x"), "cur": link("gone"), "mode": file("mode"),
	"ro": dir(0o555), "ro/f": fileMode("ro 1", 0o444), "modedir": dir(0o755), "same": file("same"),
	"two": file("two names"), "mnt": dir(0o755), "mnt/f": file("mnt 1"), "mnt/gone/x": file("x"), "mnt/l": link("f"),
}

var crashNew = crashOld.with(tree{
	"run.sh": fileMode("run 2", 0o755), "gone": none, "empty": none, "swap": none, "turn": none,
	"swap/in": file("in"), "cur": link("swap"), "mode": fileMode("mode", 0o600), "ro/f": fileMode("ro 2", 0o444),
	"modedir": dir(0o700), "new/sub/f": file("run 2"), "new/void": dir(0o750), "lnk": link("new/sub/f"),
	"two": fileMode("two names", 0o600), "mnt/f": file("mnt 2"), "mnt/gone": none, "mnt/l": none, "mnt/new": file("new"),
}).with(tree{"turn": file("a file now")})

const helperEnv = "PACKLIFT_APPLY_HELPER"

func TestMain(m *testing.M) {
	if job := os.Getenv(helperEnv); job != "" {
		os.Exit(helper(strings.Split(job, "|")))
	}
	os.Exit(m.Run())
}

var (
	helperLog   *slog.Logger // where the helper's warnings go
	helperBlind bool
)

// seen is pl, or pl without what the space is compared with.
func seen(pl *Plan) *Plan {
	if helperBlind {
		pl.Space = nil
	}
	return pl
}

const noBackup = "none" // BACKUP of a run that keeps none

// helper does JOB|DIR|BACKUP; it prints warnings, and the class and text of its error.
func helper(job []string) int {
	o := testOptions()
	o.Log = slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{Level: slog.LevelWarn}))
	if o.NoBackup = job[2] == noBackup; !o.NoBackup {
		o.BackupDir = job[2]
	}
	helperLog = o.Log
	p, err := pack.Open(job[1])
	if err == nil {
		err = helpWith(job[0], p, o)
	}
	if err != nil {
		fmt.Printf("%s: %v\n", fault.ClassOf(spaceOr(err)), err)
		return 1
	}
	return 0
}

func helpWith(job string, p *pack.Pack, o Options) error {
	if rest, after := strings.CutPrefix(job, "then "); after { // as each command begins
		if err := helpRecover(p, o); err != nil {
			return err
		}
		job = rest
	}
	if rest, blind := strings.CutPrefix(job, "blind "); blind { // does not look at the space before
		helperBlind, job = true, rest
	}
	if keep, ok := strings.CutPrefix(job, "prune "); ok {
		n, err := strconv.Atoi(keep)
		if err == nil {
			_, err = Prune(p, n, o.Log)
		}
		return err
	}
	if w := waitingJobs[job]; w != nil {
		return w(p)
	}
	switch job {
	case "recover":
		return helpRecover(p, o)
	case "revert":
		return helpRevert(p, o)
	case "heal":
		return helpHeal(p, o)
	case "prune":
		return helpWith("then prune 1", p, o)
	case "keep", "keep all":
		return helpKeep(job, p, o)
	case "revert to":
		return helpRevertTo(p, o)
	}
	return helpUpdate(job, p, o)
}

func helpRevert(p *pack.Pack, o Options) error {
	pl, err := NewRevert(context.Background(), p, o)
	if errors.Is(err, ErrNothingToRevert) {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = RunRevert(context.Background(), p, seen(pl), o)
	return err
}

// helpUpdate does what a bundle is for.
func helpUpdate(job string, p *pack.Pack, o Options) error {
	f := crashBundle()
	switch job {
	case "full":
		f = fullBundle()
	case "hotfix":
		f = hotfixBundle()
	case "again": // the update of the one before last
		f = againBundle(p)
	case "chain":
		f = chainBundle()
	}
	if fit, err := f.fit(p, o); err != nil || fit.AlreadyThere {
		return err
	}
	pl, err := f.plan(p, o)
	if err != nil {
		return err
	}
	if job == "stage" {
		_, err = seen(pl).stageAll(context.Background(), p, &fakeBlobs{f: f}, o.withDefaults())
		return err
	}
	if job == "staged" {
		f.lacks = len(f.contents) // nothing comes from the bundle
	}
	_, err = f.run(context.Background(), p, seen(pl), o)
	if err != nil {
		return err
	}
	if err := SweepStaged(p, o.Log); err != nil { // as the command: the update is complete
		o.Log.Warn("what was staged could not be removed", "error", err)
	}
	return nil
}

func helpRecover(p *pack.Pack, o Options) error {
	_, err := Recover(context.Background(), p, o.Log)
	if err != nil {
		return err
	}
	return SweepStaged(p, o.Log)
}

// keptLevel is where an update leads that keeps one backup.
const keptLevel = 7

// helpKeep updates, which keeps one backup, and prunes the others, as the command
// does: the update is complete without that.
func helpKeep(job string, p *pack.Pack, o Options) error {
	s, err := p.State()
	if err != nil {
		return err
	}
	if one := 1; s.Level < keptLevel {
		o.KeepBackups = &one
		f := againBundle(p)
		pl, err := f.plan(p, o)
		if err != nil {
			return err
		}
		if _, err := f.run(context.Background(), p, seen(pl), o); err != nil {
			return err
		}
	}
	if job == "keep all" {
		return nil
	}
	if _, err := Prune(p, 1, o.Log); err != nil {
		o.Log.Warn("old backups could not be removed", "error", err)
	}
	return nil
}

// helpRevertTo goes back to level 3, as the command does.
func helpRevertTo(p *pack.Pack, o Options) error {
	steps, err := StepsTo(p, Goal{Level: 3})
	if err != nil || len(steps) == 0 {
		return err
	}
	if _, err := CheckSteps(context.Background(), p, steps, o); err != nil {
		return err
	}
	for _, step := range steps {
		pl, err := NewRevertStep(context.Background(), p, step, o)
		if err != nil {
			return err
		}
		if _, err := RunRevert(context.Background(), p, seen(pl), o); err != nil {
			return err
		}
	}
	return nil
}

// helpHeal puts right what damage did.
func helpHeal(p *pack.Pack, o Options) error {
	f := fullBundle()
	h, err := planHeal(context.Background(), p, &f.info, &verify.Levels{Target: f.target, Contents: f.contents}, replaceAll{}, o.withDefaults())
	if err != nil || h.Nothing() {
		return err
	}
	seen(h.Plan)
	_, err = h.runHeal(context.Background(), p, &fakeBlobs{f: f}, o.withDefaults())
	return err
}

type replaceAll struct{}

func (replaceAll) Matches(string) bool { return true }
func (replaceAll) Names(string) bool   { return true }

// againBundle leads one level up from where p is; a file tells the level.
func againBundle(p *pack.Pack) *fakeBundle {
	s, err := p.State()
	if err != nil {
		panic(err)
	}
	at := func(level int) tree {
		return tree{"level": file(fmt.Sprint(level)), fmt.Sprintf("of%d", level): file("x"), "same": file("same")}
	}
	return newFake(plainTB{}, at(s.Level), at(s.Level+1), s.Level, s.Level+1)
}

func hotfixBundle() *fakeBundle {
	f := newFake(plainTB{}, crashOld, crashNew, 3, 3)
	f.info.Kind, f.info.Sequence.Hotfix = bundle.Hotfix, 1
	return f
}

type plainTB struct{ testing.TB }

func (plainTB) Helper()           {}
func (plainTB) Fatal(args ...any) { panic(fmt.Sprint(args...)) }

func crashBundle() *fakeBundle { return newFake(plainTB{}, crashOld, crashNew, 3, 10) }

// chainBundle is crashBundle by way of two levels, of which the last one's
// contents are told.
func chainBundle() *fakeBundle {
	middle := crashOld.with(tree{"run.sh": fileMode("run 1.3", 0o755), "ro/f": fileMode("ro 1.3", 0o444), "mnt/f": file("mnt 1.3"), "mnt/new": file("old")})
	return newChain(plainTB{}, crashOld, middle, middle.with(tree{"run.sh": fileMode("run 1.6", 0o755), "ro/f": fileMode("ro 1.6", 0o444)}), crashNew)
}

func fullBundle() *fakeBundle { return newFake(plainTB{}, nil, crashNew, 10, 10) }
