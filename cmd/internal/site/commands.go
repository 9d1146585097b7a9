package site

import (
	"github.com/spf13/cobra"

	"packlift/cmd/internal/common"
	"packlift/internal/cli"
)

// Commands are those of packlift-import.
var Commands = []cli.Command{
	{Name: "keygen", New: keygen},
	{Name: "init", New: initPack},
	{Name: "apply-update", New: applyUpdate},
	{Name: "stage", New: stage},
	{Name: "apply-hotfix", New: applyHotfix},
	{Name: "revert-hotfix", New: revertHotfix},
	{Name: "revert", New: revert},
	{Name: "backup", New: backups},
	{Name: "recover", New: recoverPack},
	{Name: "verify", New: func(c *cli.Console) *cobra.Command { return common.Verify(c, new(packFlag)) }},
	{Name: "inspect", New: func(c *cli.Console) *cobra.Command { return common.Inspect(c, new(packFlag)) }},
	{Name: "verify-pack", New: verifyPack},
	{Name: "heal", New: heal},
	{Name: "current-state", New: currentState},
	{Name: "conflicts", New: conflicts},
	{Name: "preserve", New: preserve},
	{Name: "check", New: checkBundle},
	{Name: "get-summary", New: getSummary},
	{Name: "log", New: logCommand},
	{Name: "version", New: common.Version},
}
