package site

import (
	"fmt"

	"github.com/spf13/cobra"

	"packlift/internal/cli"
	"packlift/internal/pack"
)

const recoverLong = `Finish or undo what was interrupted; every command that changes the pack does so
first. Needs neither bundle nor key. An update whose health check did not come to its end is neither:
it is told, and stays until the check is run again (the same command), it is reverted, or --confirm is given.`

func recoverPack(c *cli.Console) *cobra.Command {
	w, confirm := writeFlags{pendingOK: true}, false
	cmd := &cobra.Command{
		Use: "recover", Short: "Finish or undo what was interrupted", Long: recoverLong, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			s, err := w.begin(cmd.Context(), c, "recover")
			if err != nil {
				return err
			}
			defer s.closing(&err)
			if confirm {
				if err := confirmChange(s); err != nil {
					return err
				}
			}
			return sayRecovered(s)
		},
	}
	cmd.Flags().BoolVar(&confirm, "confirm", false, "take a change as good whose health check did not come to its end")
	w.Flags(cmd.Flags())
	return cmd
}

type recovery struct {
	Action string `json:"action"`
	Level  int    `json:"level"`
}

func sayRecovered(s *session) error {
	state, err := s.State()
	if err != nil {
		return err
	}
	text := "nothing was interrupted"
	if s.before.Action == "finished" || s.before.Action == "undone" {
		text = s.before.Action
	}
	if s.before.Action == "finished" || s.before.Action == "undone" {
		s.c.Changed()
	}
	s.c.Result("recover", recovery{s.before.Action, state.Level}, fmt.Sprintf("%s; the pack is at level %s", text, pack.LevelName(state.Level)))
	return nil
}
