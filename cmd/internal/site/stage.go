package site

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"packlift/apply"
	"packlift/cmd/internal/common"
	"packlift/internal/cli"
	"packlift/internal/typed"
	"packlift/verify"
)

const stageLong = `Make everything ready that a bundle's update or hotfix needs, while the product runs:
the bundle is verified, conflicts and space are looked at, and each new content is made and written into
the pack's own data. The apply-update or apply-hotfix after it verifies the bundle again, reads what is
staged once, to prove it against the signed manifest, and moves it into place. Customized files that cannot
be merged wait for decisions (exit code 3), as in apply-update; stage --continue then makes ready what is
decided, and apply-update --continue applies it. What is staged goes when the pack changes otherwise,
with --drop, or when another bundle is staged.`

// stageFlags are the flags of apply-update that make sense for stage.
var stageFlags = []string{"identity", "self-update", "max-age", "jobs", "dry-run", "continue", "ours", "theirs", "pack", "lock-timeout", "allow-root", "yes", "spooled", "backup"}

func stage(c *cli.Console) *cobra.Command {
	a := &applyFlags{selfUpdate: cli.NewChoice("continue", "continue", "exit", "never"), stage: true}
	drop := false
	cmd := &cobra.Command{
		Use: "stage BUNDLE", Short: "Make an update ready while the product runs", Long: stageLong,
		Args: func(cmd *cobra.Command, args []string) error {
			if drop && len(args) > 0 {
				return errors.New("--drop takes no bundle")
			}
			if drop {
				return nil
			}
			return a.checkArgs(args)
		},
		ValidArgsFunction: common.CompleteBundle,
		RunE: func(cmd *cobra.Command, args []string) error {
			if drop {
				return dropStaged(cmd.Context(), c, &a.write)
			}
			return a.run(cmd.Context(), c, args)
		},
	}
	all := &cobra.Command{}
	a.flags(all)
	all.Flags().Lookup("yes").Usage = "confirm a first update of a tree that differs much from its level"
	for _, name := range stageFlags {
		cmd.Flags().AddFlag(all.Flags().Lookup(name))
	}
	cmd.Flags().VarP(&a.level, "level", "l", "the level to stop at, which the bundle has to carry (0 or left out: its last)")
	cmd.Flags().BoolVar(&drop, "drop", false, "remove what is staged (needs no BUNDLE)")
	return cmd
}

// stageOnly makes the contents of the plan ready, and changes nothing of the product.
func (a *applyFlags) stageOnly(ctx context.Context, s *session, from apply.Source, b *verify.Bundle, pl *apply.Plan, o apply.Options) error {
	if a.write.dryRun {
		return nil
	}
	show := common.Stages{Console: s.c}
	o.Progress = func(done, total int64) { show.At("stage", done, total) }
	info, err := apply.Stage(ctx, s.Pack, b, pl, o)
	show.Done()
	if err == nil && a.pending != nil {
		err = a.pending.Decide(s.Pack, pl, o)
	}
	if err != nil {
		return a.explain(err)
	}
	s.c.Changed()
	s.c.Result("staged", info, fmt.Sprintf("staged: %s, %s of %s\nwith the product stopped: %s",
		info, cli.Count(info.Contents, "content"), cli.Bytes(info.Bytes), a.afterStage(info, from)))
	return nil
}

// afterStage is the command that applies what is staged, with this run's decisions.
func (a *applyFlags) afterStage(info *apply.StagedInfo, from apply.Source) string {
	next := "apply-update"
	if info.Hotfix > 0 {
		next = "apply-hotfix"
	}
	if a.pending != nil {
		return typed.Import(next+" --continue") + typed.Keys()
	}
	if from.File == "" {
		from.File = "BUNDLE" // it came from standard input
	}
	next += " " + typed.Word(from.File)
	if a.stop > 0 {
		next += fmt.Sprintf(" --level %d", a.stop)
	}
	for _, g := range a.ours {
		next += " --ours " + typed.Word(g)
	}
	for _, g := range a.theirs {
		next += " --theirs " + typed.Word(g)
	}
	return typed.Import(next) + typed.Keys()
}

func dropStaged(ctx context.Context, c *cli.Console, w *writeFlags) (err error) {
	s, err := w.begin(ctx, c, "stage")
	if err != nil {
		return err
	}
	defer s.closing(&err)
	was, err := apply.Staged(s.Pack)
	if err != nil {
		return err
	}
	if err := apply.DropStaged(s.Pack); err != nil {
		return err
	}
	text := "nothing was staged"
	if was != nil {
		s.c.Changed()
		text = "removed what was staged: " + was.String()
	}
	c.Result("dropped", was, text)
	return nil
}
