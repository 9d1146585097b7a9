package cli

import (
	"errors"
	"time"

	"github.com/spf13/cobra"

	"packlift/internal/rootfs"
	"packlift/internal/version"
)

// manCommand writes the man pages into a folder, for packagers.
func manCommand() *cobra.Command {
	return &cobra.Command{
		Use: "man DIR", Short: "Write the man pages into DIR", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			dir, err := rootfs.MkdirAllOpen(args[0], 0o755)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, dir.Close()) }()
			return manPages(cmd.Root(), func(name string, page []byte) error {
				return dir.WriteFile(name, page, 0o644)
			})
		},
	}
}

// manPages gives the page of cmd and of each command below it. The date is the
// release's, so that the same source gives the same pages.
func manPages(cmd *cobra.Command, write func(name string, page []byte) error) error {
	if cmd.Hidden || cmd.Name() == "help" {
		return nil
	}
	date, err := time.Parse(time.DateOnly, version.Get().Date)
	if err != nil {
		return err
	}
	cmd.InitDefaultHelpFlag()
	if err := write(pageName(cmd)+".1", manPage(cmd, date)); err != nil {
		return err
	}
	for _, sub := range cmd.Commands() {
		if err := manPages(sub, write); err != nil {
			return err
		}
	}
	return nil
}
