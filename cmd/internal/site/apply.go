package site

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"filippo.io/age"
	"github.com/spf13/cobra"

	"packlift/apply"
	"packlift/bundle"
	"packlift/cmd/internal/common"
	"packlift/internal/cli"
	"packlift/internal/fault"
	"packlift/internal/pack"
	"packlift/internal/typed"
	"packlift/internal/version"
	"packlift/selfupdate"
	"packlift/verify"
)

const applyLong = `Bring the pack to the bundle's level: verify the bundle, update this tool first if
the bundle asks for a newer one, check space and customized files, then change the pack.
Whatever ends the run, the pack is on the old level or on the new one, and the next run puts
right what is unfinished. Nothing is changed while a customized file is in the way (exit code 3).
A bundle that is encrypted with a passphrase asks for it; no flag is needed.`

type applyFlags struct {
	hotfix bool // the bundle is to be a hotfix
	stage  bool // only make its contents ready
	write  writeFlags
	decisions
	stop       int // the level asked for; 0: the bundle's last
	identities []string
	level      cli.Level
	backup     string
	noBackup   bool
	keep       keepFlag
	yes        bool
	revert     bool
	template   string
	noLog      bool
	summary    bool
	selfUpdate cli.Choice
	maxAge     cli.Duration
	jobs       int
	spooled    bool
	window     window
}

func applyUpdate(c *cli.Console) *cobra.Command {
	a := &applyFlags{selfUpdate: cli.NewChoice("continue", "continue", "exit", "never")}
	cmd := &cobra.Command{
		Use: "apply-update BUNDLE", Short: "Bring the pack to the bundle's level", Long: applyLong,
		Example: "  packlift-import apply-update /media/stick/wso2am-4.2.0-0003-0010.packlift --dry-run\n" +
			"  packlift-import apply-update /media/stick/wso2am-4.2.0-0003-0010.packlift",
		Args:              func(cmd *cobra.Command, args []string) error { return a.checkArgs(args) },
		ValidArgsFunction: common.CompleteBundle,
		RunE:              func(cmd *cobra.Command, args []string) error { return a.run(cmd.Context(), c, args) },
	}
	f := cmd.Flags()
	f.VarP(&a.level, "level", "l", "the level to stop at, which the bundle has to carry (0 or left out: its last)")
	f.BoolVar(&a.revert, "revert", false, "give up the update that waits for decisions, or take the last update back (needs no BUNDLE)")
	a.flags(cmd)
	cmd.MarkFlagsMutuallyExclusive("continue", "revert")
	return cmd
}

// flags are those of every command that applies a bundle.
func (a *applyFlags) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.BoolVar(&a.goOn, "continue", false, "go on with what waits for decisions (needs no BUNDLE while it lies where it lay)")
	f.StringArrayVarP(&a.identities, "identity", "i", nil, "open the bundle with this `FILE` (repeatable; default: ~/.packlift/identity)")
	f.Var(&a.maxAge, "max-age", "refuse a bundle made longer ago than this")
	f.Var(&a.selfUpdate, "self-update", "what to do when the bundle asks for a newer tool")
	a.write.pack.Flags(f)
	f.BoolVar(&a.spooled, "spooled", false, "remove the bundle afterwards: another run of the tool spooled it")
	if err := f.MarkHidden("spooled"); err != nil {
		panic(err)
	}
	a.changeFlags(cmd)
}

// changeFlags are those of every command that brings a pack up, from wherever.
func (a *applyFlags) changeFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVarP(&a.backup, "backup", "b", "", "keep backups in `DIR`, outside the pack; remembered for later runs")
	a.keep.add(f, "keep the `N` newest backups, and remove older ones after the update (0: keep all); remembered for later runs")
	f.BoolVar(&a.noBackup, "no-backup", false, "keep no backup: this update cannot be reverted (asks first)")
	f.BoolVar(&a.yes, "yes", false, "confirm --no-backup unasked, and a first update of a tree that differs much from its level")
	a.write.dryRunFlag(f)
	f.Var(pathPatterns{&a.ours}, "ours", "leave customized files that match `GLOB` as they are (repeatable; ** stands for any folders)")
	f.Var(pathPatterns{&a.theirs}, "theirs", "replace customized files that match `GLOB`; the backup keeps them (repeatable)")
	f.StringVar(&a.template, "template", "", "write the changelog by this `TEXT`, with {{.Added}} {{.Modified}} {{.Removed}}")
	f.BoolVar(&a.noLog, "no-changelog", false, "write no changelog")
	f.BoolVar(&a.summary, "get-summary", false, "write updates/update-summary-000A-000B.md: what the levels say of themselves")
	f.IntVar(&a.jobs, "jobs", 0, "work on `N` cores (default: all)")
	a.window.flags(f)
	a.write.lockFlags(f)
	cmd.MarkFlagsMutuallyExclusive("backup", "no-backup")
	cmd.MarkFlagsMutuallyExclusive("health-check", "no-backup")
	cmd.MarkFlagsMutuallyExclusive("template", "no-changelog")
}

func (a *applyFlags) checkArgs(args []string) error {
	switch {
	case a.revert && len(args) > 0:
		return errors.New("--revert takes no bundle")
	case a.revert || len(args) == 1 || a.goOn && len(args) == 0:
		return nil
	case len(args) == 0:
		return errors.New("which bundle?")
	}
	return fmt.Errorf("one bundle at a time, not %d", len(args))
}

func (a *applyFlags) run(ctx context.Context, c *cli.Console, args []string) (err error) {
	if a.revert {
		return a.takeBack(ctx, c)
	}
	name, err := a.bundleOf(args)
	if err != nil {
		return err
	}
	if name == "-" && slices.Contains(a.identities, "-") {
		return fault.New(fault.Usage, "the bundle and the identity cannot both come from standard input")
	}
	in, err := common.OpenBundle(ctx, c, name)
	if err != nil {
		return err
	}
	defer in.Close()
	a.opens(in)
	if a.spooled {
		if err := in.AdoptSpool(); err != nil {
			return err
		}
	}
	s, err := a.write.begin(ctx, c, a.command())
	if err != nil {
		return err
	}
	defer s.closing(&err)
	return s.where(ctx, a.noteRefusal(s, in.Path, common.WithHint(in.Path, a.apply(ctx, s, in))))
}

// opens tells messages which bundle this run opens; a spooled one is gone after it.
func (a *applyFlags) opens(in *common.Bundle) {
	name := in.Path
	if in.Spooled || a.spooled {
		name = ""
	}
	typed.Opens(name, a.identities)
}

// takeBack gives up an update that waits, or else reverts the last one.
func (a *applyFlags) takeBack(ctx context.Context, c *cli.Console) error {
	if done, err := giveUp(ctx, c, &a.write, a.command()); done || err != nil {
		return err
	}
	if a.hotfix {
		return fault.New(fault.Usage, "no hotfix waits for decisions").WithHint("to take the newest hotfix off: %s", typed.Import("revert-hotfix"))
	}
	return runRevert(ctx, c, &a.write, &a.window, &goalFlag{}, a.options(nil))
}

// apply is the order of DESIGN.md after lock and recover: verify, product and
// level and floor, self-update, plan, check, stage and commit, report.
func (a *applyFlags) apply(ctx context.Context, s *session, in *common.Bundle) error {
	b, err := a.verify(ctx, s, in)
	if err != nil {
		return err
	}
	if a.pending != nil {
		if err := a.pending.Fits(b.Sums()); err != nil {
			return err
		}
	}
	fit, err := a.fit(s, b)
	if err == nil && fit.AlreadyThere {
		a.offerHeal(s, in)
		return a.window.again(ctx, s)
	}
	if err != nil {
		return err
	}
	ids, err := common.Identities(ctx, s.c, a.identities)
	if err != nil {
		return err
	}
	if selfupdate.Needed(b, version.Current()) {
		if done, err := a.updateSelf(ctx, s, in, b, ids); done || err != nil {
			return a.explain(err)
		}
	}
	from, err := sourceOf(in)
	if err != nil {
		return err
	}
	return a.change(ctx, s, from, b, ids)
}

// change plans what a verified bundle brings, and where nothing is in the way does it.
func (a *applyFlags) change(ctx context.Context, s *session, from apply.Source, b *verify.Bundle, ids []age.Identity) error {
	o := a.carryOn(a.options(ids))
	o.Level = a.stop
	s.logs(&o)
	if !a.write.dryRun {
		o.Payload = apply.NewPayload(b, o)
		defer o.Payload.Close()
	}
	pl, err := a.plan(ctx, s, b, o)
	if err != nil {
		return a.explain(err)
	}
	if a.write.dryRun {
		sayPlan(s.c, pl)
	}
	sayDifferent(s, pl)
	a.sayIdle(s, pl)
	if err := pl.CheckBase(); err != nil {
		return err
	}
	if len(pl.Conflicts) > 0 {
		return a.suspend(ctx, s, from, b, pl, o)
	}
	if err := pl.CheckSpace(); err != nil {
		return err
	}
	if a.stage {
		return a.stageOnly(ctx, s, from, b, pl, o)
	}
	if a.write.dryRun {
		return a.window.warnRunning(ctx, s)
	}
	if o.NoBackup && !a.yes {
		instead := "leave --no-backup out"
		if a.goOn { // it was said when the update began
			instead = "keep a backup after all: -b DIR"
		}
		err := s.c.Confirm(ctx, "Without a backup this update cannot be reverted. Go on?", "give --yes as well, or "+instead)
		if err != nil {
			return err
		}
	}
	return a.window.around(ctx, s, pl, o, func() error { return a.commit(ctx, s, b, pl, o) })
}

func (a *applyFlags) verify(ctx context.Context, s *session, in *common.Bundle) (*verify.Bundle, error) {
	trust, err := packTrust(s.Pack)
	if err != nil {
		return nil, err
	}
	o := verify.Options{Trust: trust, Now: time.Now(), MaxAge: time.Duration(a.maxAge), Jobs: a.jobs}
	b, report, err := common.Open(ctx, s.c, in, o)
	if report != nil {
		for _, k := range report.Checks {
			s.log.Info("check", "name", k.Name, "result", string(k.Result), "evidence", k.Evidence)
		}
		common.SayChecks(s.c, report)
	}
	return b, err
}

// noteRefusal puts into the audit log that a bundle was refused, and why.
func (a *applyFlags) noteRefusal(s *session, name string, err error) error {
	switch class := fault.ClassOf(err); class {
	case fault.NotABundle, fault.Truncated, fault.Tampered, fault.Untrusted, fault.WrongProduct, fault.Rollback:
		if a.write.dryRun {
			return err
		}
		reason := cli.Clean(err.Error())
		return errors.Join(err, s.Audit("refused", map[string]any{
			"file": cli.Clean(filepath.Base(name)), "class": class.String(), "reason": reason[:min(len(reason), maxReason)],
		}))
	}
	return err
}

// maxReason caps the reason that an audit record tells, in bytes.
const maxReason = 1000

type alreadyThere struct {
	Pack  string `json:"pack"`
	Level int    `json:"level"`
}

// offerHeal: whoever brings a bundle of the level that is there may have damaged files.
func (a *applyFlags) offerHeal(s *session, in *common.Bundle) {
	if a.hotfix || in.Spooled {
		return
	}
	s.c.Note("if files are damaged: %s", typed.ImportBundle("heal"))
}

func (a *applyFlags) fit(s *session, b *verify.Bundle) (apply.FitResult, error) {
	_, v := s.Product()
	level, err := a.level.For(v)
	if err != nil {
		return apply.FitResult{}, fault.New(fault.WrongLevel, "%w", err).WithHint("write the level with --level N, or leave it out")
	}
	if err := a.waitsFor(level); err != nil {
		return apply.FitResult{}, err
	}
	if a.stage && b.Info() != nil { // either kind can be staged
		a.hotfix = b.Info().Kind == bundle.Hotfix
	}
	if a.hotfix {
		return fitHotfix(s, b)
	}
	if a.stop = level; a.pending != nil && level == 0 {
		a.stop = a.pending.Level
	}
	fit, err := apply.Fit(s.Pack, b, a.stop)
	if err == nil && fit.AlreadyThere {
		s.c.Result("already_there", alreadyThere{s.Dir(), fit.To}, fmt.Sprintf("the pack is at level %d already; nothing to do", fit.To))
	}
	return fit, err
}

// waitsFor refuses another level than the one that the update leads to that waits.
func (a *applyFlags) waitsFor(level int) error {
	w := a.pending
	if w == nil || level == 0 || level == w.To {
		return nil
	}
	return fault.New(fault.Usage, "what waits leads to level %d, and what lies beside the files is of that level", w.To).
		WithHint("leave --level out; or give this one up with %s, and begin anew", a.typed("--revert"))
}

func (a *applyFlags) options(ids []age.Identity) apply.Options {
	return apply.Options{
		Identities: ids, BackupDir: a.backup, NoBackup: a.noBackup, KeepBackups: a.keep.given(), Jobs: a.jobs,
		NoChangelog: a.noLog, Template: a.template, AllowRoot: a.write.allowRoot,
		AcceptDifferent: a.yes,
	}
}

func (a *applyFlags) commit(ctx context.Context, s *session, b *verify.Bundle, pl *apply.Plan, o apply.Options) error {
	show := common.Stages{Console: s.c}
	o.Progress = func(done, total int64) { show.At("apply", done, total) }
	r, err := apply.Run(ctx, s.Pack, b, pl, o)
	show.Done()
	if err != nil {
		return a.explain(err)
	}
	s.c.Changed()
	sayResult(s.c, s.Pack, pl, r)
	if a.summary {
		a.writeSummary(s, b, r, o)
	}
	sayCustomized(s, pl)
	return nil
}

// writeSummary comes after the change: what goes wrong here is a warning.
func (a *applyFlags) writeSummary(s *session, b *verify.Bundle, r *apply.Result, o apply.Options) {
	l, err := b.Levels(o.Identities)
	if err == nil {
		err = writeSummary(s.c, s.Pack, r.From, r.To, l)
	}
	if err != nil {
		s.c.Warn("the summary was not written: %v", err)
	}
}

// explain adds to "cannot decrypt" where an identity is looked for.
func (a *applyFlags) explain(err error) error {
	if fault.ClassOf(err) != fault.Undecryptable || len(a.identities) > 0 || common.HasDefaultIdentity() {
		return err
	}
	hint := "give the site's identity with -i FILE; where the default one would lie is not known: HOME is not set"
	if name := common.DefaultIdentity(); name != "" {
		hint = fmt.Sprintf("give the site's identity with -i FILE; %s is not there", name)
	}
	return fault.New(fault.Undecryptable, "the bundle is encrypted, and no identity is given").WithHint("%s", hint)
}

type applied struct {
	Product string `json:"product"`
	Version string `json:"version"`
	*apply.Result
}

// newApplied gives the changelog by its whole path, as the backup is given.
func newApplied(p *pack.Pack, pl *apply.Plan, r *apply.Result) applied {
	out := *r
	if out.Changelog != "" {
		out.Changelog = p.Root().Full(out.Changelog)
	}
	return applied{pl.Product, pl.Version, &out}
}

func sayResult(c *cli.Console, p *pack.Pack, pl *apply.Plan, r *apply.Result) {
	before := fmt.Sprintf("(before: %s)", pack.LevelName(r.From))
	if pl.Hotfix() > 0 {
		before = fmt.Sprintf("with hotfix %d", pl.Hotfix())
	}
	text := fmt.Sprintf("%s-%s is at level %s %s: %d added, %d updated, %d removed",
		pl.Product, pl.Version, pack.LevelName(r.To), before, r.Added, r.Modified, r.Removed)
	if r.Changelog != "" {
		text += "\nchangelog: " + p.Root().Full(r.Changelog)
	}
	if r.Backup != "" {
		text += "\nbackup:    " + r.Backup
	}
	c.Result("applied", newApplied(p, pl, r), text)
}
