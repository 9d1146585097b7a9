//go:build man

package cli

import (
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// asMarkdown makes of the help texts of cmd, and of each command below it, what the
// generator of man pages takes them for, so that a page says what --help says.
func asMarkdown(cmd *cobra.Command) {
	cmd.DisableAutoGenTag = true
	cmd.InitDefaultHelpFlag() // the generator would add it later
	if cmd.Long == "" {
		cmd.Long = cmd.Short + "."
	}
	cmd.Short, cmd.Long = marks.Replace(cmd.Short), paragraphs(cmd.Long)
	cmd.LocalNonPersistentFlags().VisitAll(flagAsMarkdown)
	cmd.PersistentFlags().VisitAll(flagAsMarkdown)
	for _, sub := range cmd.Commands() {
		asMarkdown(sub)
	}
}

// marks are the characters that Markdown does not leave as they stand.
var marks = strings.NewReplacer(`\`, `\\`, "`", "\\`", "*", `\*`, "_", `\_`, "<", `\<`, ">", `\>`, "[", `\[`, "]", `\]`, "#", `\#`, "~", `\~`, "|", `\|`)

// paragraphs escapes text that stands at the margin; what is indented is kept as it is.
func paragraphs(s string) string {
	parts := strings.Split(strings.Trim(s, "\n"), "\n\n")
	for i, part := range parts {
		if strings.HasPrefix(strings.TrimLeft(part, "\n"), " ") {
			parts[i] = "```\n" + strings.Trim(part, "\n") + "\n```"
		} else {
			parts[i] = marks.Replace(part)
		}
	}
	return strings.Join(parts, "\n\n")
}

// placeholder is a flag's value of which the page shows what it takes, such as FILE.
type placeholder struct{ pflag.Value }

func (placeholder) Type() string { return "" }

func flagAsMarkdown(f *pflag.Flag) {
	if _, done := f.Value.(placeholder); done {
		return
	}
	name, _ := pflag.UnquoteUsage(f)
	one := pflag.NewFlagSet("", pflag.ContinueOnError)
	one.AddFlag(f)
	_, usage, _ := strings.Cut(strings.TrimSpace(one.FlagUsages()), "   ") // with the default, as --help has it
	f.Value, f.DefValue, f.Usage = placeholder{f.Value}, marks.Replace(name), marks.Replace(usage)
}
