package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"packlift/apply"
	"packlift/cmd/internal/common"
	"packlift/internal/cli"
	"packlift/internal/fault"
	"packlift/internal/pack"
)

const revertLong = `Take the last update back: the files of its backup come into their places, after
they were checked. Nothing is changed while a file customized since is in the way (exit code 3).
Ends with exit code 4 when the pack was reverted.`

func revert(c *cli.Console) *cobra.Command {
	var w writeFlags
	var backup string
	cmd := &cobra.Command{
		Use: "revert", Short: "Take the last update back", Long: revertLong, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runRevert(cmd.Context(), c, &w, apply.Options{AllowRoot: w.allowRoot, BackupDir: backup})
		},
	}
	cmd.Flags().StringVarP(&backup, "backup", "b", "", "the `DIR` that the backups outside the pack lie in now")
	w.dryRunFlag(cmd.Flags())
	w.Flags(cmd.Flags())
	return cmd
}

func runRevert(ctx context.Context, c *cli.Console, w *writeFlags, o apply.Options) (err error) {
	s, err := w.begin(ctx, c, "revert")
	if err != nil {
		return err
	}
	defer s.closing(&err)
	o.Log, o.LogFile = s.log, s.file
	pl, err := apply.NewRevert(ctx, s.Pack, o)
	if errors.Is(err, apply.ErrNothingToRevert) {
		return sayNothingToRevert(s)
	}
	if err != nil {
		return s.where(ctx, err)
	}
	if w.dryRun {
		sayPlan(c, pl)
	}
	if err := refuseConflicts(c, pl); err != nil {
		return err
	}
	if err := pl.CheckSpace(); err != nil || w.dryRun {
		return err
	}
	return s.where(ctx, commitRevert(ctx, s, pl, o))
}

func sayNothingToRevert(s *session) error {
	state, err := s.State()
	if err != nil {
		return err
	}
	s.c.Result("nothing_to_revert", alreadyThere{s.Dir(), state.Level},
		fmt.Sprintf("nothing to revert: the pack is at level %s, on which it came", pack.LevelName(state.Level)))
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
	s.c.Result("reverted", newApplied(s.Pack, pl, r), text)
	return fault.New(fault.Reverted, "reverted")
}
