package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"filippo.io/age"
	"github.com/spf13/cobra"

	"packlift/apply"
	"packlift/cmd/internal/common"
	"packlift/internal/cli"
	"packlift/internal/depot"
	"packlift/internal/export"
	"packlift/internal/fault"
	"packlift/internal/pack"
	"packlift/internal/running"
	"packlift/internal/summary"
)

const updateLong = `Bring a connected pack up in place, to the newest level that a depot offers in its channel or to
--level, as packlift-import does from a bundle: whatever ends the run, the pack is on the old level or on
the new one, and the next run puts right what is unfinished. --revert takes the last update back (exit code 4).`

type updateFlags struct {
	asking
	level       cli.Level
	backup      string
	noBackup    bool
	yes         bool
	dryRun      bool
	revert      bool
	template    string
	noChangelog bool
	summary     bool
	ours        []string
	theirs      []string
	force       bool
	pidFiles    []string
	allowRoot   bool
	lockTimeout cli.Duration
	jobs        int
}

func update(c *cli.Console) *cobra.Command {
	a := new(updateFlags)
	cmd := &cobra.Command{
		Use: "update PACK", Short: "Bring a connected pack up in place", Long: updateLong, Args: cobra.ExactArgs(1),
		Example: "  packlift-export update /opt/wso2am --depot https://updates.example.com/depot",
		RunE:    func(cmd *cobra.Command, args []string) error { return a.run(cmd.Context(), c, args[0]) },
	}
	f := cmd.Flags()
	a.depot.Flags(f)
	f.Var(&a.product, "product", "the product (default: PACK's)")
	f.StringVarP(&a.channel, "channel", "c", "", "`CHANNEL` that offers the levels; remembered (default: the pack's, or full)")
	f.StringVar(&a.trust, "trust", "", "the trust set in `DIR` says who may publish (default: PACK's)")
	f.VarP(&a.level, "level", "l", "the level to reach (0 or left out: the newest)")
	f.StringVarP(&a.backup, "backup", "b", "", "keep backups in `DIR`, outside the pack; remembered for later runs")
	f.BoolVar(&a.noBackup, "no-backup", false, "keep no backup: this update cannot be reverted (asks first)")
	f.BoolVar(&a.yes, "yes", false, "confirm --no-backup unasked, and a first update of a tree that differs much from its level")
	f.BoolVar(&a.dryRun, "dry-run", false, "print what would be done, and change nothing")
	f.BoolVar(&a.revert, "revert", false, "take the last update back (needs no depot)")
	f.StringVar(&a.template, "template", "", "write the changelog by this `TEXT`, with {{.Added}} {{.Modified}} {{.Removed}}")
	f.BoolVar(&a.noChangelog, "no-changelog", false, "write no changelog")
	f.BoolVar(&a.summary, "get-summary", false, "write updates/update-summary-000A-000B.md: what the levels say of themselves")
	f.StringArrayVar(&a.ours, "ours", nil, "keep this site's version of conflicting files that match `GLOB` (repeatable)")
	f.StringArrayVar(&a.theirs, "theirs", nil, "take the update's version of conflicting files that match `GLOB`; the site's is in the backup (repeatable)")
	f.BoolVar(&a.force, "force-running", false, "go on although the product is running")
	f.StringArrayVar(&a.pidFiles, "pid-file", nil, "the product's pid file, a `PATTERN` below the pack's folder (repeatable; wso2carbon.pid and the like are known)")
	f.BoolVar(&a.allowRoot, "allow-root", false, "run as root on a pack that another user owns")
	f.Var(&a.lockTimeout, "lock-timeout", "wait this long while another run holds the pack")
	f.IntVar(&a.jobs, "jobs", 0, "work on `N` cores (default: all)")
	cmd.MarkFlagsMutuallyExclusive("backup", "no-backup")
	cmd.MarkFlagsMutuallyExclusive("template", "no-changelog")
	return cmd
}

// updating is one run: the pack, locked and whole, and its log.
type updating struct {
	*updateFlags
	*pack.Pack
	c    *cli.Console
	log  *slog.Logger
	file string
	ends []func() error
}

func (a *updateFlags) run(ctx context.Context, c *cli.Console, dir string) (err error) {
	if a.depot.location == "" && !a.revert {
		return fault.New(fault.Usage, "no depot").WithHint("name it with --depot DIR or URL")
	}
	p, err := pack.Open(dir)
	if err != nil {
		return err
	}
	u := &updating{updateFlags: a, Pack: p, c: c, ends: []func() error{p.Close}}
	defer func() {
		for i := len(u.ends) - 1; i >= 0; i-- {
			err = errors.Join(err, u.ends[i]())
		}
	}()
	if err := u.begin(ctx); err != nil {
		return err
	}
	waits, err := apply.ReadPending(p)
	if err != nil {
		return err
	}
	if waits != nil {
		return fault.New(fault.Conflict, "an update from a bundle waits for decisions in %s", p.Dir()).
			WithHint("end it first: packlift-import apply-update --pack %s --continue, or --revert", p.Dir())
	}
	if a.revert {
		return u.takeBack(ctx)
	}
	return u.bringUp(ctx)
}

// begin takes the lock and puts right what an earlier run left.
func (u *updating) begin(ctx context.Context) error {
	if err := apply.CheckPrivilege(u.Pack, u.allowRoot); err != nil {
		return err
	}
	unlock, err := u.Lock(ctx, time.Duration(u.lockTimeout), "update")
	if err != nil {
		return err
	}
	u.ends = append(u.ends, unlock)
	if u.dryRun {
		u.log = slog.New(slog.DiscardHandler)
		if there, err := u.Root().Exists(pack.JournalFile); err != nil || there {
			return errors.Join(err, fault.New(fault.Unrecoverable, "an earlier run is not finished").WithHint("packlift-import recover --pack %s", u.Dir()))
		}
		return nil
	}
	f, err := u.LogFile(time.Now(), "update")
	if err != nil {
		return fmt.Errorf("log: %w", err)
	}
	u.ends = append(u.ends, f.Close)
	u.file = pack.LogDir + "/" + filepath.Base(f.Name())
	u.log = slog.New(slog.NewTextHandler(f, &slog.HandlerOptions{Level: slog.LevelDebug}))
	if _, err := apply.Recover(ctx, u.Pack, u.log); err != nil {
		return err
	}
	if err := apply.SweepStaged(u.Pack, u.log); err != nil {
		return err
	}
	return u.SettleAudit()
}

func (u *updating) options(ids ...age.Identity) apply.Options {
	return apply.Options{Identities: ids, BackupDir: u.backup, NoBackup: u.noBackup, Jobs: u.jobs, NoChangelog: u.noChangelog,
		Template: u.template, AllowRoot: u.allowRoot, AcceptDifferent: u.yes, Ours: u.ours, Theirs: u.theirs, Log: u.log, LogFile: u.file}
}

// bringUp finds the level to reach, and makes and applies what leads there.
func (u *updating) bringUp(ctx context.Context) error {
	o, err := u.open(ctx, u.c, u.Dir())
	if err != nil {
		return err
	}
	defer o.Close()
	s, err := u.State()
	if err != nil {
		return err
	}
	to, err := u.target(o.View)
	if err != nil {
		return err
	}
	if s.Level >= to {
		u.c.Result("already_there", map[string]any{"pack": u.Dir(), "level": s.Level},
			fmt.Sprintf("the pack is at level %s; channel %s offers nothing newer", pack.LevelName(s.Level), u.channel))
		return nil
	}
	show := common.Stages{Console: u.c}
	made, err := export.ForPack(ctx, o.View, u.channel, s.Level, to, u.jobs, func(stage export.Stage, done, total int64) { show.At(string(stage), done, total) })
	show.Done()
	if err != nil {
		return err
	}
	defer made.Close()
	return u.apply(ctx, made, o.View)
}

func (u *updating) target(v *depot.View) (int, error) {
	n, err := level(&u.level, v.Index.Version)
	if err != nil || n > 0 {
		return n, err
	}
	list := v.Index.Offered(u.channel)
	if len(list) == 0 {
		return 0, export.NoLevel(v, u.channel, 0)
	}
	return list[len(list)-1].Level, nil
}

func (u *updating) apply(ctx context.Context, made *export.Private, v *depot.View) error {
	if _, err := apply.Fit(u.Pack, made.Bundle, 0); err != nil {
		return err
	}
	o := u.options(made.Identity)
	pl, err := apply.NewPlan(ctx, u.Pack, made.Bundle, o)
	if err != nil {
		return err
	}
	if err := u.ready(ctx, pl); err != nil || u.dryRun {
		return err
	}
	show := common.Stages{Console: u.c}
	o.Progress = func(done, total int64) { show.At("apply", done, total) }
	r, err := apply.Run(ctx, u.Pack, made.Bundle, pl, o)
	show.Done()
	if err != nil {
		return err
	}
	u.c.Changed()
	text := fmt.Sprintf("%s-%s is at level %s (before: %s): %d added, %d updated, %d removed",
		pl.Product, pl.Version, pack.LevelName(r.To), pack.LevelName(r.From), r.Added, r.Modified, r.Removed)
	u.c.Result("applied", r, text)
	u.afterwards(ctx, r, v)
	return nil
}

// ready says what will be done, and refuses what must not begin.
func (u *updating) ready(ctx context.Context, pl *apply.Plan) error {
	if u.dryRun {
		u.c.Data("plan", pl, fmt.Sprintf("%s-%s: %s from level %s to %s: %d added, %d updated, %d removed, %s of new content",
			pl.Product, pl.Version, pl.Kind, pack.LevelName(pl.From), pack.LevelName(pl.To), len(pl.Added), len(pl.Modified), len(pl.Removed), cli.Bytes(pl.Write)))
	}
	for _, x := range pl.Conflicts {
		u.c.Data("conflict", x, fmt.Sprintf("conflict: %s: %s", cli.Clean(x.Path), x.Reason))
	}
	if n := len(pl.Conflicts); n > 0 {
		return fault.New(fault.Conflict, "%s of this site in the way; the pack is untouched, at level %s", cli.Count(n, "file"), pack.LevelName(pl.From)).
			WithHint("%s; then type: %s", pl.Remedy(), cli.Again())
	}
	if err := errors.Join(pl.CheckBase(), pl.CheckSpace()); err != nil || u.dryRun {
		return err
	}
	if u.noBackup && !u.yes {
		if err := u.c.Confirm(ctx, "Without a backup this update cannot be reverted. Go on?", "give --yes as well, or leave --no-backup out"); err != nil {
			return err
		}
	}
	return u.stopped(ctx)
}

// stopped refuses while the product is running.
func (u *updating) stopped(ctx context.Context) error {
	list, err := running.Find(ctx, u.Root(), u.pidFiles...)
	if err != nil || len(list) == 0 {
		return err
	}
	if u.force {
		u.c.Warn("the product is running: %s", list[0])
		return nil
	}
	return fault.New(fault.Running, "the product is running: %s", list[0]).WithHint("stop it, then type: %s; or add --force-running", cli.Again())
}

// afterwards remembers the channel and writes the summary; what goes wrong here is a warning.
func (u *updating) afterwards(ctx context.Context, r *apply.Result, v *depot.View) {
	config, err := u.Config()
	if err == nil && config.Channel != u.channel {
		config.Channel = u.channel
		err = u.SaveConfig(config)
	}
	if err == nil && u.summary {
		err = u.writeSummary(ctx, r, v)
	}
	if err != nil {
		u.c.Warn("the pack is updated, but: %v", err)
	}
}

func (u *updating) writeSummary(ctx context.Context, r *apply.Result, v *depot.View) error {
	list, err := advisories(ctx, v)
	if err != nil {
		return err
	}
	name := pack.Updates + "/" + summary.Name(r.From, r.To)
	if err := u.Root().WriteFile(name, summary.Text(v.Index.Product, v.Index.Version, r.From, r.To, list), 0o644); err != nil {
		return err
	}
	u.c.Note("summary:   %s", u.Root().Full(name))
	return nil
}

func (u *updating) takeBack(ctx context.Context) error {
	o := u.options()
	pl, err := apply.NewRevert(ctx, u.Pack, o)
	if errors.Is(err, apply.ErrNothingToRevert) {
		u.c.Result("nothing_to_revert", map[string]any{"pack": u.Dir()}, "nothing to revert")
		return nil
	}
	if err != nil {
		return err
	}
	if err := u.ready(ctx, pl); err != nil || u.dryRun {
		return err
	}
	r, err := apply.RunRevert(ctx, u.Pack, pl, o)
	if err != nil {
		return err
	}
	u.c.Changed()
	u.c.Result("reverted", r, fmt.Sprintf("%s-%s is back at level %s", pl.Product, pl.Version, pack.LevelName(r.To)))
	return fault.New(fault.Reverted, "reverted")
}
