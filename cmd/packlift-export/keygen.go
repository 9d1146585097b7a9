package main

import (
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"packlift/cmd/internal/common"
	"packlift/internal/cli"
	"packlift/internal/fault"
	"packlift/internal/keys"
	"packlift/verify"
)

const keygenLong = `Make an OpenSSH ed25519 pair for signing: DIR/NAME (private, readable by you
alone) and DIR/NAME.pub. What ssh-keygen makes serves as well.`

func keygen(c *cli.Console) *cobra.Command {
	var name, dir string
	cmd := &cobra.Command{
		Use: "keygen", Short: "Make a pair of signing keys", Long: keygenLong, Args: cobra.NoArgs,
		Example: "  packlift-export keygen --name vendor -o keys",
		RunE:    func(*cobra.Command, []string) error { return runKeygen(c, name, dir) },
	}
	f := cmd.Flags()
	f.StringVar(&name, "name", "", "principal `NAME`, and name of the files")
	f.StringVarP(&dir, "output", "o", "", "put the files into `DIR`")
	common.Require(cmd, "name", "output")
	return cmd
}

type keyPair struct {
	Private string `json:"private"`
	Public  string `json:"public"`
	Key     string `json:"key"`
}

func runKeygen(c *cli.Console, name, dir string) error {
	if err := verify.CheckPrincipal(name); err != nil {
		return fault.New(fault.Usage, "%w", err)
	}
	if err := common.CheckHome(dir, ""); err != nil {
		return err
	}
	private, public, err := keys.GenerateSigner(name)
	if err != nil {
		return err
	}
	pair := keyPair{filepath.Join(dir, name), filepath.Join(dir, name+".pub"), string(public[:len(public)-1])}
	if err := common.WriteAllNew(common.NewFile{Name: pair.Private, Data: private, Perm: 0o600}, common.NewFile{Name: pair.Public, Data: public, Perm: 0o644}); err != nil {
		return err
	}
	c.Changed()
	c.Result("keygen", pair, fmt.Sprintf("private key: %s (keep it; it is not encrypted)\npublic key:  %s", pair.Private, pair.Public))
	return nil
}
