package site

import (
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"packlift/cmd/internal/common"
	"packlift/internal/cli"
	"packlift/internal/keys"
	"packlift/internal/typed"
)

const keygenLong = `Make an age identity, which opens the bundles that are encrypted to it. The
recipient (age1…), which may be given to anyone, is printed on standard output.`

func keygen(c *cli.Console) *cobra.Command {
	var name string
	cmd := &cobra.Command{
		Use: "keygen", Short: "Make the site's identity, which opens bundles", Long: keygenLong, Args: cobra.NoArgs,
		Example: "  packlift-import keygen -o ~/.packlift/identity",
		RunE:    func(*cobra.Command, []string) error { return runKeygen(c, name) },
	}
	cmd.Flags().StringVarP(&name, "output", "o", "", "write the identity to `FILE`, readable by you alone")
	common.Require(cmd, "output")
	return cmd
}

type identity struct {
	Path      string `json:"path"`
	Recipient string `json:"recipient"`
}

func runKeygen(c *cli.Console, name string) error {
	if name == "-" {
		return errNotToStdout
	}
	if err := common.CheckHome(name, common.DefaultIdentity()); err != nil {
		return err
	}
	file, recipient, err := keys.GenerateIdentity()
	if err != nil {
		return err
	}
	if err := common.WriteNew(name, file, 0o600); err != nil {
		return err
	}
	c.Changed()
	c.Note("identity: %s (keep it: without it no bundle can be opened)", name)
	if path, err := filepath.Abs(name); err == nil && path != common.DefaultIdentity() && os.Getenv("PACKLIFT_IDENTITY") == "" {
		c.Note("apply-update looks for it in %s; elsewhere, give -i %s", common.DefaultIdentity(), typed.Word(name))
	}
	c.Data("keygen", identity{name, recipient}, recipient)
	return nil
}
