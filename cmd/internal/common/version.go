package common

import (
	"fmt"

	"github.com/spf13/cobra"

	"packlift/internal/cli"
	"packlift/internal/version"
)

// Version is the command that says what this build is.
func Version(c *cli.Console) *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the tool's version, release date and platform", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			v := version.Get()
			c.Data("version", v, fmt.Sprintf("%s %s\nreleased  %s\nplatform  %s/%s\ngo        %s",
				cmd.Root().Name(), v.Version, v.Date, v.OS, v.Arch, v.Go))
			return nil
		},
	}
}
