package site

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"packlift/apply"
	"packlift/cmd/internal/common"
	"packlift/internal/cli"
	"packlift/internal/fault"
	"packlift/internal/pack"
)

const revertLong = `Take the last update back: the files of its backup come into their places, after
they were checked. Files made since stay, and nothing is changed while a file customized since is in
the way (exit code 3). --to leads several steps back: to a level, or to before the update whose
backup is generation N (packlift-import backup list). All its backups and files are checked before the
first step; each step is a revert of its own, so that whatever ends the run leaves the pack on one of
the levels between, whole. Ends with exit code 4 when the pack was reverted.`

// goalFlag is --to.
type goalFlag struct {
	text  string
	level cli.Level
	goal  apply.Goal
}

// Set reads a level, or a generation such as g2.
func (g *goalFlag) Set(s string) error {
	g.text, g.goal = s, apply.Goal{}
	digits, generation := strings.CutPrefix(s, "g")
	if !generation {
		return g.level.Set(s)
	}
	n, err := strconv.ParseUint(digits, 10, 30)
	if err != nil || n == 0 {
		return errors.New("use a level such as 10, or a generation such as g2")
	}
	g.goal.Generation = int(n)
	return nil
}

func (g *goalFlag) String() string { return g.text }

// Type is the word that usage shows.
func (g *goalFlag) Type() string { return "LEVEL|gN" }

// NoTwin: a forgotten variable must not lead further back.
func (g *goalFlag) NoTwin() {}

func (g *goalFlag) of(p *pack.Pack) (apply.Goal, error) {
	if g.goal.Generation > 0 {
		return g.goal, nil
	}
	_, v := p.Product()
	n, err := g.level.For(v)
	if err != nil {
		return apply.Goal{}, fault.New(fault.WrongLevel, "%w", err).WithHint("write the level alone: --to N")
	}
	return apply.Goal{Level: n}, nil
}

func revert(c *cli.Console) *cobra.Command {
	var w writeFlags
	var backup string
	var goal goalFlag
	var win window
	cmd := &cobra.Command{
		Use: "revert", Short: "Take the last update back, or several", Long: revertLong, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runRevert(cmd.Context(), c, &w, &win, &goal, apply.Options{AllowRoot: w.allowRoot, BackupDir: backup})
		},
	}
	cmd.Flags().Var(&goal, "to", "go back to a level, or to before generation N was made")
	cmd.Flags().StringVarP(&backup, "backup", "b", "", "the `DIR` that the backups outside the pack lie in now")
	w.dryRunFlag(cmd.Flags())
	win.runningFlags(cmd.Flags())
	win.hookFlags(cmd.Flags())
	w.Flags(cmd.Flags())
	return cmd
}

func runRevert(ctx context.Context, c *cli.Console, w *writeFlags, win *window, goal *goalFlag, o apply.Options) (err error) {
	s, err := w.begin(ctx, c, "revert")
	if err != nil {
		return err
	}
	defer s.closing(&err)
	s.logs(&o)
	steps, err := stepsBack(s, goal)
	if errors.Is(err, apply.ErrNothingToRevert) || err == nil && len(steps) == 0 {
		return sayNothingToRevert(s, goal)
	}
	if err != nil {
		return err
	}
	if len(steps) > 1 {
		if err := checkSteps(ctx, s, w, steps, o); err != nil || w.dryRun {
			return s.where(ctx, err)
		}
	}
	return s.where(ctx, takeSteps(ctx, s, w, win, steps, o))
}

// stepsBack is what has to be taken back: the last update, or all down to the goal.
func stepsBack(s *session, goal *goalFlag) ([]apply.Step, error) {
	if goal.text != "" {
		g, err := goal.of(s.Pack)
		if err != nil {
			return nil, err
		}
		return apply.StepsTo(s.Pack, g)
	}
	step, hotfix, err := apply.NewestStep(s.Pack)
	if err == nil && hotfix > 0 {
		err = hotfixIsNewest(s.Pack)
	}
	return []apply.Step{step}, err
}

// checkSteps looks at several steps together, before the first is taken.
func checkSteps(ctx context.Context, s *session, w *writeFlags, steps []apply.Step, o apply.Options) error {
	pl, err := apply.CheckSteps(ctx, s.Pack, steps, o)
	if err != nil {
		return err
	}
	if w.dryRun {
		sayPlan(s.c, pl)
	}
	return refuseConflicts(s.c, pl)
}

// takeSteps plans the first step before the product is stopped, so that what is in
// the way costs no window.
func takeSteps(ctx context.Context, s *session, w *writeFlags, win *window, steps []apply.Step, o apply.Options) error {
	pl, err := apply.NewRevertStep(ctx, s.Pack, steps[0], o)
	if err != nil {
		return err
	}
	if err := checkRevert(s, w, pl); err != nil || w.dryRun {
		return err
	}
	ch := changeOf(pl)
	ch.to = steps[len(steps)-1].To()
	if err := win.open(ctx, s, ch); err != nil {
		return err
	}
	if err := commitSteps(ctx, s, w, pl, steps, o); err != nil {
		return win.shut(ctx, s, ch, "failed", err)
	}
	return win.shut(ctx, s, ch, "reverted", fault.New(fault.Reverted, "reverted"))
}

func commitSteps(ctx context.Context, s *session, w *writeFlags, pl *apply.Plan, steps []apply.Step, o apply.Options) (err error) {
	for i, step := range steps {
		if i > 0 {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if pl, err = apply.NewRevertStep(ctx, s.Pack, step, o); err != nil {
				return err
			}
			if err := checkRevert(s, w, pl); err != nil {
				return err
			}
		}
		if err := commitRevert(ctx, s, pl, o); err != nil {
			return err
		}
	}
	return nil
}

// checkRevert tells the plan of one step in a dry run, and refuses what is in its way.
func checkRevert(s *session, w *writeFlags, pl *apply.Plan) error {
	if w.dryRun {
		sayPlan(s.c, pl)
	}
	if err := refuseConflicts(s.c, pl); err != nil {
		return err
	}
	return pl.CheckSpace()
}

func sayNothingToRevert(s *session, goal *goalFlag) error {
	state, err := s.State()
	if err != nil {
		return err
	}
	text := fmt.Sprintf("nothing to revert: the pack is at level %s, on which it came", pack.LevelName(state.Level))
	if goal.text != "" {
		text = fmt.Sprintf("nothing to revert: the pack is at level %s", pack.LevelName(state.Level))
	}
	s.c.Result("nothing_to_revert", alreadyThere{s.Dir(), state.Level}, text)
	return nil
}

func commitRevert(ctx context.Context, s *session, pl *apply.Plan, o apply.Options) error {
	show := common.Stages{Console: s.c}
	o.Progress = func(done, total int64) { show.At("revert", done, total) }
	r, err := apply.RunRevert(ctx, s.Pack, pl, o)
	show.Done()
	if err != nil {
		return err
	}
	s.c.Changed()
	text := fmt.Sprintf("%s-%s is back at level %s", pl.Product, pl.Version, pack.LevelName(r.To))
	if pl.Hotfix() > 0 {
		text += fmt.Sprintf(", without hotfix %d", pl.Hotfix())
	}
	s.c.Result("reverted", newApplied(s.Pack, pl, r), text)
	for _, name := range pl.Preserved {
		s.log.Info("preserved", "path", name)
		s.c.Note("%s is preserved, and stays as this site has it", cli.Clean(name))
	}
	for _, name := range pl.Finals {
		s.log.Info("lies beside its file again", "file", name)
		s.c.Note("%s is back: what you wrote there serves the next attempt (--continue); remove it if it is not wanted", cli.Clean(name))
	}
	return nil
}
