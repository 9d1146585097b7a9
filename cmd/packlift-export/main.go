// Command packlift-export
package main

import (
	"github.com/spf13/cobra"

	"packlift/cmd/internal/common"
	"packlift/internal/cli"
)

func main() {
	cli.Main(cli.Tool{Name: "packlift-export", Short: "", Long: "", Commands: commands})
}

func commands(c *cli.Console) []*cobra.Command {
	return []*cobra.Command{common.Version(c)}
}
