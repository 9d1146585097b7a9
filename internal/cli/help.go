package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"packlift/internal/fault"
)

func exitCodesTopic() *cobra.Command {
	return &cobra.Command{
		Use: "exit-codes", Short: "What the exit codes mean",
		Long: "A run ends with one of these codes:\n\n" + ExitCodesText(),
	}
}

func environmentTopic(t Tool) *cobra.Command {
	return &cobra.Command{
		Use: "environment", Short: "Flags from the environment",
		Long: `Each flag can be set by a variable: PACKLIFT_ and the flag's name in capitals,
with _ for -, such as PACKLIFT_JSON=true or PACKLIFT_LOCK_TIMEOUT=30s. The command
line wins. A flag that may be repeated takes its values with commas between.
Flags that confirm, force or make a command another one have no variable:
` + strings.Join(withoutTwin(), ", ") + `.

` + PassphraseFile + ` names a file whose first line is the passphrase, for runs without a terminal.
NO_COLOR, and a TERM that is dumb, turn colour off. GOMEMLIMIT holds memory near another limit than the tool's own.
TMPDIR is where what comes from standard input is kept meanwhile.` + t.Environment,
	}
}

// helpCommand is cobra's, except that an unknown topic is a usage error.
func helpCommand() *cobra.Command {
	return &cobra.Command{
		Use: "help [COMMAND]", Short: "Help about a command or topic",
		ValidArgsFunction: completeCommand,
		RunE: func(cmd *cobra.Command, args []string) error {
			target, rest, err := cmd.Root().Find(args)
			if err != nil || target == nil || len(rest) > 0 {
				return fault.New(fault.Usage, "no help on %q", strings.Join(args, " ")).WithHint("%s help", called())
			}
			target.InitDefaultHelpFlag()
			return target.Help()
		},
	}
}

type helpText struct {
	Topic string `json:"topic"`
	Text  string `json:"text"`
}

// helpWith makes help a JSON line where those are wanted.
func (c *Console) helpWith(plain func(*cobra.Command, []string)) func(*cobra.Command, []string) {
	return func(cmd *cobra.Command, args []string) {
		if !c.json {
			plain(cmd, args)
			return
		}
		var b strings.Builder
		cmd.SetOut(&b)
		plain(cmd, args)
		cmd.SetOut(nil)
		c.emit("help", helpText{cmd.CommandPath(), b.String()})
	}
}

func completeCommand(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	target, _, err := cmd.Root().Find(args)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var out []cobra.Completion
	for _, sub := range target.Commands() {
		if !sub.Hidden {
			out = append(out, fmt.Sprintf("%s\t%s", sub.Name(), sub.Short))
		}
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}

// usageTemplate is cobra's, with one usage line for each command.
const usageTemplate = `Usage:
  {{.UseLine}}{{if .HasExample}}

Examples:
{{.Example}}{{end}}{{if .HasAvailableSubCommands}}

Commands:{{range .Commands}}{{if .IsAvailableCommand}}
  {{rpad .Name .NamePadding }} {{.Short}}{{end}}{{end}}{{end}}{{if .HasAvailableLocalFlags}}

Flags:
{{.LocalFlags.FlagUsages | trimTrailingWhitespaces}}{{end}}{{if .HasAvailableInheritedFlags}}

Flags of every command:
{{.InheritedFlags.FlagUsages | trimTrailingWhitespaces}}{{end}}{{if .HasHelpSubCommands}}

Topics (` + "`help TOPIC`" + `):{{range .Commands}}{{if .IsAdditionalHelpTopicCommand}}
  {{rpad .Name .NamePadding }} {{.Short}}{{end}}{{end}}{{end}}{{if .HasAvailableSubCommands}}

` + "`{{.CommandPath}} COMMAND --help`" + ` tells more about a command.{{end}}
`
