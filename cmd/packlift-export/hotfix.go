package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"packlift/cmd/internal/common"
	"packlift/internal/cli"
	"packlift/internal/export"
	"packlift/internal/manifest"
)

const hotfixLong = `Write a bundle with a numbered hotfix: it fixes one thing on one update level.
--from is the level's tree with its earlier hotfixes on, --to the same with the fix. Hotfixes of a
level are numbered from 1 and go on in sequence; a site puts them on with packlift-import apply-hotfix and
takes them off before its next update, which should contain the fix (create-update --contains-hotfix).`

const hotfixExample = `  packlift-export create-hotfix --from acme-2.1.0.10 --to acme-2.1.0.10-hf1 --product acme-2.1.0 \
      --level 10 --hotfix 1 -r age1… --sign-key keys/vendor --trust trust -o stick/`

// hotfixFlags are the flags of create-update that make sense for a hotfix.
var hotfixFlags = []string{"from", "to", "product", "channel", "recipient", "recipients-file", "passphrase", "sign-key", "signer", "trust",
	"tools", "platform", "best-before", "min-sequence", "whole", "max-memory", "jobs", "no-cache", "output", "minimum-tool"}

func createHotfix(c *cli.Console) *cobra.Command {
	a := createFlags{maxMemory: export.DefaultMaxMemory}
	cmd := &cobra.Command{
		Use: "create-hotfix [PACK]", Short: "Write a bundle with a numbered hotfix for one level",
		Long: hotfixLong, Example: hotfixExample, Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return a.run(cmd.Context(), c, args) },
	}
	all := &cobra.Command{}
	a.flags(all)
	for _, name := range hotfixFlags {
		cmd.Flags().AddFlag(all.Flags().Lookup(name))
	}
	cmd.Flags().VarP(&a.end, "level", "l", "the level of both trees")
	cmd.Flags().Var((*hotfixNumber)(&a.hotfix), "hotfix", "the hotfix's number, from 1")
	common.Require(cmd, "from", "level", "hotfix", "output")
	return cmd
}

// hotfixNumber is --hotfix.
type hotfixNumber int

// Set reads a number from 1.
func (h *hotfixNumber) Set(s string) error {
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > manifest.MaxNumber {
		return fmt.Errorf("use a number from 1 to %d", manifest.MaxNumber)
	}
	*h = hotfixNumber(n)
	return nil
}

func (h *hotfixNumber) String() string {
	if *h == 0 {
		return ""
	}
	return strconv.Itoa(int(*h))
}

// Type is the word that usage shows.
func (h *hotfixNumber) Type() string { return "N" }

// hotfixList is --contains-hotfix.
type hotfixList []manifest.Sequence

// Set adds one hotfix, or several with commas between.
func (l *hotfixList) Set(s string) error {
	for one := range strings.SplitSeq(s, ",") {
		level, hotfix, ok := strings.Cut(one, ".")
		n, err := strconv.ParseUint(level, 10, 16)
		k, err2 := strconv.ParseUint(hotfix, 10, 16)
		q := manifest.Sequence{Level: int(n), Hotfix: int(k)}
		if !ok || err != nil || err2 != nil || q.Check() != nil || k == 0 {
			return errors.New("use LEVEL.HOTFIX, such as 3.1")
		}
		*l = append(*l, q)
	}
	return nil
}

func (l *hotfixList) String() string {
	var out []string
	for _, q := range *l {
		out = append(out, fmt.Sprintf("%d.%d", q.Level, q.Hotfix))
	}
	return strings.Join(out, ",")
}

// Type is the word that usage shows.
func (l *hotfixList) Type() string { return "LEVEL.HOTFIX" }
