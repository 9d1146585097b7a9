//go:build man

package cli

import (
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"packlift/internal/version"
)

var (
	switches = regexp.MustCompile(`\[=\]`)                               // after a flag that takes no value
	options  = regexp.MustCompile(`(?m)(?:^\.PP\n)?^(\\fB-.*)\n\t(.*)$`) // a flag, and its words behind a tab
	gaps     = regexp.MustCompile(`\n\n+(\.(?:SH|PP|TP)|\z)`)
	month    = regexp.MustCompile(`(?m)^(\.TH "[^"]*" "1") "[^"]*"`)
	flagList = regexp.MustCompile(`(?s)\n\.SH OPTIONS.*?(\n\.SH SEE ALSO)`)
)

// mended puts right what the generator writes: flags as tagged paragraphs, the whole
// date, and topics as what they are, no commands; the tool's page names them.
func mended(cmd *cobra.Command, page []byte) []byte {
	text := switches.ReplaceAllString(string(page), "")
	text = options.ReplaceAllString(text, ".TP\n$1\n$2")
	text = month.ReplaceAllString(text, `$1 "`+version.Get().Date+`"`)
	if cmd.IsAdditionalHelpTopicCommand() {
		text = strings.Replace(text, `\fB`+cmd.CommandPath()+`\fP`, `\fB`+cmd.Parent().CommandPath()+" help "+cmd.Name()+`\fP`, 1)
		text = flagList.ReplaceAllString(text, "$1")
	}
	text = gaps.ReplaceAllString(text, "\n$1")
	for _, sub := range cmd.Commands() {
		if sub.IsAdditionalHelpTopicCommand() {
			text = strings.TrimSuffix(text, "\n") + `, \fB` + strings.ReplaceAll(sub.CommandPath(), " ", "-") + "(1)\\fP\n"
		}
	}
	return []byte(text)
}
