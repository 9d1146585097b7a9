package site

import (
	"github.com/spf13/cobra"

	"packlift/cmd/internal/common"
	"packlift/internal/cli"
)

// Commands are those of packlift-import.
func Commands(c *cli.Console) []*cobra.Command {
	here := new(packFlag)
	return []*cobra.Command{
		keygen(c), initPack(c), applyUpdate(c), stage(c), applyHotfix(c), revertHotfix(c), revert(c), backups(c), recoverPack(c),
		common.Verify(c, here), common.Inspect(c, here), verifyPack(c), heal(c), currentState(c), conflicts(c), preserve(c), checkBundle(c), getSummary(c), logCommand(c), common.Version(c),
	}
}
