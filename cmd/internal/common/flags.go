package common

import (
	"strings"

	"github.com/spf13/cobra"
)

// Require marks flags without which the command cannot run. The environment
// may give them as well.
func Require(cmd *cobra.Command, names ...string) {
	for _, n := range names {
		if err := cmd.MarkFlagRequired(n); err != nil {
			panic(err) // the flag is not defined: a fault of the program, found by any run
		}
	}
}

// CompleteBundle lets the shell offer bundles, and folders on the way to one.
func CompleteBundle(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return []cobra.Completion{strings.TrimPrefix(Suffix, ".")}, cobra.ShellCompDirectiveFilterFileExt
}
