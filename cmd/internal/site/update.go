package site

import (
	"context"
	"errors"
	"fmt"

	"filippo.io/age"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"packlift/apply"
	"packlift/internal/cli"
	"packlift/internal/fault"
	"packlift/internal/manifest"
	"packlift/internal/pack"
	"packlift/verify"
)

const updateLong = `Bring a connected pack up in place, to the newest level that a depot offers in its channel or to
--level, as packlift-import does from a bundle: an older packlift-export is replaced by the depot's first;
whatever ends the run, the pack is on the old level or on the new one, and the next run puts right what is
unfinished. Nothing is changed while a customized file is in the way (exit code 3): write F.final, or add --ours or
--theirs, then --continue. --revert gives a waiting update up, or takes the last one back (exit code 4).`

// Origin is where update finds its levels.
type Origin interface {
	Flags(f *pflag.FlagSet)
	// Open verifies the depot for a pack. waiting may be nil; else it names what the flags do not.
	Open(ctx context.Context, c *cli.Console, p *pack.Pack, waiting *apply.Pending) (Depot, error)
}

// Depot is an origin that was opened for one pack.
type Depot interface {
	// Renew puts a newer tool in this one's place; done says that this run is over. end is
	// called before another tool goes on.
	Renew(ctx context.Context, mode string, dry bool, end func()) (done bool, err error)
	// Target is the level to reach, of the one asked for, 0 for the newest, and where it comes from.
	Target(asked int) (level int, from apply.Source, err error)
	// Make makes the bundle that leads from one level to another.
	Make(ctx context.Context, from, to, jobs int) (*Made, error)
	Close()
}

// Made is a bundle for this pack alone, and what opens it. Remove gives its room back.
type Made struct {
	Bundle   *verify.Bundle
	Identity age.Identity
	Remove   func()
}

// upgrade is one update command.
type upgrade struct {
	applyFlags
	origin Origin
}

// Update is packlift-export's update.
func Update(c *cli.Console, origin Origin) *cobra.Command {
	u := &upgrade{origin: origin}
	u.write.connected, u.write.pack.connected = true, true
	u.selfUpdate = cli.NewChoice("continue", "continue", "exit", "never")
	cmd := &cobra.Command{
		Use: "update PACK", Short: "Bring a connected pack up in place", Long: updateLong, Args: cobra.ExactArgs(1),
		Example: "  packlift-export update /opt/wso2am --depot https://updates.example.com/depot --dry-run\n" +
			"  packlift-export update /opt/wso2am --depot https://updates.example.com/depot",
		RunE: func(cmd *cobra.Command, args []string) error { return u.run(cmd.Context(), c, args[0]) },
	}
	f := cmd.Flags()
	origin.Flags(f)
	f.VarP(&u.level, "level", "l", "the level to reach (0 or left out: the newest)")
	f.BoolVar(&u.goOn, "continue", false, "go on with the update that waits for decisions (from the same depot, if none is given)")
	f.BoolVar(&u.revert, "revert", false, "give up the update that waits for decisions, or take the last update back (needs no depot)")
	f.Var(&u.selfUpdate, "self-update", "what to do when the depot has a newer packlift-export")
	u.changeFlags(cmd)
	cmd.MarkFlagsMutuallyExclusive("continue", "revert")
	return cmd
}

func (u *upgrade) run(ctx context.Context, c *cli.Console, dir string) (err error) {
	u.write.pack.dir = dir
	if u.revert {
		return u.takeBack(ctx, c)
	}
	if err := u.findWaiting(); err != nil {
		return err
	}
	s, err := u.write.begin(ctx, c, u.command())
	if err != nil {
		return err
	}
	defer s.closing(&err)
	return s.where(ctx, u.noteRefusal(s, "depot", u.bringUp(ctx, s)))
}

// findWaiting reads for --continue what waits.
func (u *upgrade) findWaiting() error {
	if !u.goOn {
		return nil
	}
	p, err := u.write.pack.open()
	if err != nil {
		return err
	}
	w, err := apply.ReadPending(p)
	if err = errors.Join(err, p.Close()); err != nil {
		return err
	}
	if w == nil {
		return fault.New(fault.Usage, "there is nothing to go on with: no update waits for decisions").WithHint("leave --continue out")
	}
	if err := w.FitsDepot(); err != nil {
		return err
	}
	u.pending, u.write.pendingOK = w, true
	return nil
}

// bringUp has the order of DESIGN.md: the depot is verified, then the tool is
// brought up, then what leads to the level is made and applied.
func (u *upgrade) bringUp(ctx context.Context, s *session) error {
	d, err := u.origin.Open(ctx, s.c, s.Pack, u.pending)
	if err != nil {
		return err
	}
	defer d.Close()
	end := func() { d.Close(); s.log.Info("end", "goes on with", "the newer tool"); s.end() }
	if done, err := d.Renew(ctx, u.selfUpdate.String(), u.write.dryRun, end); done || err != nil {
		return err
	}
	w, err := u.way(s, d)
	if err != nil {
		return err
	}
	if w.to <= w.from {
		s.c.Result("already_there", alreadyThere{s.Dir(), w.from}, w.nothingToDo())
		return u.window.again(ctx, s)
	}
	made, err := d.Make(ctx, w.from, w.to, u.jobs)
	if err != nil {
		return err
	}
	defer made.Remove()
	if err := u.fits(s, made.Bundle, &w.src); err != nil {
		return err
	}
	if err := u.change(ctx, s, w.src, made.Bundle, []age.Identity{made.Identity}); err != nil || u.write.dryRun {
		return err
	}
	rememberChannel(s, w.src.Channel)
	return nil
}

// way is from which level a pack goes to which; not above the first where there is nothing to do.
type way struct {
	asked    int // the level asked for, 0 for the newest
	from, to int
	src      apply.Source
}

// nothingToDo names the channel's newest level where the pack is above it: that
// may be the wrong depot, or init was told a wrong level.
func (w way) nothingToDo() string {
	at := "the pack is at level " + pack.LevelName(w.from)
	switch {
	case w.asked > 0:
		return at + " already; nothing to do"
	case w.to < w.from:
		return fmt.Sprintf("%s; channel %s offers nothing newer: its newest level is %d", at, w.src.Channel, w.to)
	}
	return fmt.Sprintf("%s; channel %s offers nothing newer", at, w.src.Channel)
}

func (u *upgrade) way(s *session, d Depot) (way, error) {
	state, err := s.State()
	if err != nil {
		return way{}, err
	}
	_, version := s.Product()
	asked, err := u.level.For(version)
	if err != nil {
		return way{}, fault.New(fault.WrongLevel, "%w", err).WithHint("write the level with --level N, or leave it out")
	}
	if err := u.waitsFor(asked); err != nil {
		return way{}, err
	}
	if u.pending != nil {
		asked = u.pending.To
	}
	to, src, err := d.Target(asked)
	if err != nil {
		return way{}, err
	}
	if asked > 0 && asked < state.Level {
		return way{}, fault.New(fault.WrongLevel, "the pack is at level %s, above level %d", pack.LevelName(state.Level), asked).
			WithHint("leave --level out, or go back: %s", s.revert)
	}
	return way{asked, state.Level, to, src}, nil
}

func (u *upgrade) fits(s *session, b *verify.Bundle, src *apply.Source) error {
	fit, err := apply.Fit(s.Pack, b, 0)
	if err != nil {
		return err
	}
	src.Target = target(b)
	if u.pending != nil {
		return u.pending.FitsLevel(fit.From, fit.To, src.Target)
	}
	return nil
}

func target(b *verify.Bundle) manifest.Digest {
	stops := b.Info().Stops()
	return stops[len(stops)-1].Manifest
}

// rememberChannel comes after the change: what goes wrong here is a warning.
func rememberChannel(s *session, channel string) {
	config, err := s.Config()
	if err == nil && config.Channel != channel {
		config.Channel = channel
		err = s.SaveConfig(config)
	}
	if err != nil {
		s.c.Warn("the channel could not be remembered: %v", err)
	}
}
