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
var (
	flagsNotSet  = regexp.MustCompile(`^required flag\(s\) "(.*)" not set$`)
	oneOfFlags   = regexp.MustCompile(`^at least one of the flags in the group \[(.*)\] is required$`)
	onlyOneFlag  = regexp.MustCompile(`^if any flags in the group \[.*\] are set none of the others can be; \[(.*)\] were all set$`)
	argumentsOff = regexp.MustCompile(`^accepts (?:at most )?(\d+) arg\(s\), received (\d+)$`)
	noArguments  = regexp.MustCompile(`^unknown command "(.*)" for "(.*)"$`)
)

// ownWords says what cobra found wrong in the words of this tool.
func ownWords(cmd *cobra.Command, err error) error {
	text := err.Error()
	if m := flagsNotSet.FindStringSubmatch(text); m != nil {
		return errors.New("give " + dashed(strings.Split(m[1], `", "`), " and "))
	}
	if m := oneOfFlags.FindStringSubmatch(text); m != nil {
		return errors.New("give " + dashed(strings.Fields(m[1]), " or "))
	}
	if m := onlyOneFlag.FindStringSubmatch(text); m != nil {
		return errors.New(dashed(strings.Fields(m[1]), " and ") + " do not go together")
	}
	if m := noArguments.FindStringSubmatch(text); m != nil {
		return fmt.Errorf("%s takes no %q", m[2], m[1])
	}
	if m := argumentsOff.FindStringSubmatch(text); m != nil {
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
