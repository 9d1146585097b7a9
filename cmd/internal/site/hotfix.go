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
	"packlift/internal/typed"
	"packlift/verify"
)

const hotfixLong = `Put a hotfix on the pack's level: a bundle that create-hotfix made. It is verified
and applied as an update is, with a backup of its own; customized files are merged, or wait for
decisions. Hotfixes of a level go on in sequence, and have to be
taken off, the newest first (revert-hotfix), before the pack can be updated.`

const revertHotfixLong = `Take the newest hotfix off: the files of its backup come into their places, after
they were checked. Files made since stay, and nothing is changed while a file of the hotfix that was customized
since is in the way (exit code 3). With N, only if that is the newest one.`

func applyHotfix(c *cli.Console) *cobra.Command {
	a := &applyFlags{selfUpdate: cli.NewChoice("continue", "continue", "exit", "never"), hotfix: true}
	cmd := &cobra.Command{
		Use: "apply-hotfix BUNDLE", Short: "Put a hotfix on the pack's level", Long: hotfixLong,
		Example:           "  packlift-import apply-hotfix /media/stick/wso2am-4.2.0-0010-hf-1.packlift",
		Args:              func(cmd *cobra.Command, args []string) error { return a.checkArgs(args) },
		ValidArgsFunction: common.CompleteBundle,
		RunE:              func(cmd *cobra.Command, args []string) error { return a.run(cmd.Context(), c, args) },
	}
	cmd.Flags().BoolVar(&a.revert, "revert", false, "give up the hotfix that waits for decisions (needs no BUNDLE)")
	a.flags(cmd)
	cmd.MarkFlagsMutuallyExclusive("continue", "revert")
	return cmd
}

// command is what the run is called in the lock and in the log.
func (a *applyFlags) command() string {
	switch {
	case a.write.connected:
		return "update"
	case a.stage:
		return "stage"
	case a.hotfix:
		return "apply-hotfix"
	}
	return "apply-update"
}

func (a *applyFlags) plan(ctx context.Context, s *session, b *verify.Bundle, o apply.Options) (*apply.Plan, error) {
	if a.hotfix {
		return apply.NewHotfixPlan(ctx, s.Pack, b, o)
	}
	return apply.NewPlan(ctx, s.Pack, b, o)
}

func fitHotfix(s *session, b *verify.Bundle) (apply.FitResult, error) {
	fit, err := apply.FitHotfix(s.Pack, b)
	if err == nil && fit.AlreadyThere {
		s.c.Result("already_there", alreadyThere{s.Dir(), fit.To},
			fmt.Sprintf("hotfix %d is on level %d already; nothing to do", b.Info().Sequence.Hotfix, fit.To))
	}
	return fit, err
}

func revertHotfix(c *cli.Console) *cobra.Command {
	var w writeFlags
	var backup string
	var win window
	cmd := &cobra.Command{
		Use: "revert-hotfix [N]", Short: "Take the newest hotfix off", Long: revertHotfixLong, Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			n, err := hotfixArg(args)
			if err != nil {
				return err
			}
			return runRevertHotfix(cmd.Context(), c, &w, &win, n, apply.Options{AllowRoot: w.allowRoot, BackupDir: backup})
		},
	}
	cmd.Flags().StringVarP(&backup, "backup", "b", "", "the `DIR` that the backups outside the pack lie in now")
	w.dryRunFlag(cmd.Flags())
	win.runningFlags(cmd.Flags())
	win.hookFlags(cmd.Flags())
	w.Flags(cmd.Flags())
	return cmd
}

func hotfixArg(args []string) (int, error) {
	if len(args) == 0 {
		return 0, nil
	}
	n, err := strconv.Atoi(args[0])
	if err != nil || n < 1 {
		return 0, fault.New(fault.Usage, "%q is no number of a hotfix", args[0]).WithHint("%s lists those that are on", typed.Import("current-state"))
	}
	return n, nil
}

func runRevertHotfix(ctx context.Context, c *cli.Console, w *writeFlags, win *window, n int, o apply.Options) (err error) {
	s, err := w.begin(ctx, c, "revert-hotfix")
	if err != nil {
		return err
	}
	defer s.closing(&err)
	s.logs(&o)
	pl, err := apply.NewRevertHotfix(ctx, s.Pack, n, o)
	if errors.Is(err, apply.ErrNothingToRevert) {
		state, err := s.State()
		if err == nil {
			c.Result("nothing_to_revert", alreadyThere{s.Dir(), state.Level}, fmt.Sprintf("no hotfix is on; the pack is at level %s", pack.LevelName(state.Level)))
		}
		return err
	}
	if err != nil {
		return s.where(ctx, err)
	}
	if err := checkRevert(s, w, pl); err != nil || w.dryRun {
		return s.where(ctx, err)
	}
	ch := changeOf(pl)
	if err := win.open(ctx, s, ch); err != nil {
		return s.where(ctx, err)
	}
	err = commitRevert(ctx, s, pl, o)
	result := "reverted"
	if err != nil {
		result = "failed"
	}
	return s.where(ctx, win.shut(ctx, s, ch, result, err))
}

// hotfixIsNewest refuses to take back an update while hotfixes are on it.
func hotfixIsNewest(p *pack.Pack) error {
	state, err := p.State()
	if err != nil {
		return err
	}
	return fault.New(fault.WrongLevel, "hotfixes are on level %s (%s), and revert takes updates back", pack.LevelName(state.Level), hotfixes(state.Hotfixes)).
		WithHint("take them off, the newest first: %s; or go back in one call with --to", strings.Join(apply.RevertHotfixes(state), "; "))
}
