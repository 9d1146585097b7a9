package cli

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/spf13/cobra"
)

// What cobra says of a wrong command line (v1.10: args.go, command.go,
// flag_groups.go); pflag's own errors are plain enough.
const (
	flagsNotSet  = `^required flag\(s\) "(.*)" not set$`
	oneOfFlags   = `^at least one of the flags in the group \[(.*)\] is required$`
	onlyOneFlag  = `^if any flags in the group \[.*\] are set none of the others can be; \[(.*)\] were all set$`
	argumentsOff = `^accepts (?:at most )?(\d+) arg\(s\), received (\d+)$`
	noArguments  = `^unknown command "(.*)" for "(.*)"$`
)

// ownWords says what cobra found wrong in the words of this tool.
func ownWords(cmd *cobra.Command, err error) error {
	said := func(pattern string) []string { return regexp.MustCompile(pattern).FindStringSubmatch(err.Error()) }
	if m := said(flagsNotSet); m != nil {
		return errors.New("give " + dashed(strings.Split(m[1], `", "`), " and "))
	}
	if m := said(oneOfFlags); m != nil {
		return errors.New("give " + dashed(strings.Fields(m[1]), " or "))
	}
	if m := said(onlyOneFlag); m != nil {
		return errors.New(dashed(strings.Fields(m[1]), " and ") + " do not go together")
	}
	if m := said(noArguments); m != nil {
		return fmt.Errorf("%s takes no %q", m[2], m[1])
	}
	if m := said(argumentsOff); m != nil {
		wanted := strings.Join(strings.Fields(strings.TrimSuffix(cmd.Use, " COMMAND"))[1:], " ")
		if m[2] == "0" {
			return errors.New("give " + wanted)
		}
		return fmt.Errorf("%s takes one %s, not %s", cmd.CommandPath(), strings.Trim(wanted, "[]"), m[2])
	}
	return err
}

// dashed joins flags' names as they are typed.
func dashed(names []string, and string) string {
	return "--" + strings.Join(names, and+"--")
}
