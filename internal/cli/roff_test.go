package cli

import (
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
)

func TestManPage(t *testing.T) {
	root := &cobra.Command{Use: "tool COMMAND"}
	root.PersistentFlags().Bool("json", false, "print JSON")
	cmd := &cobra.Command{Use: "act FILE", Short: "Do it", Run: func(*cobra.Command, []string) {},
		Long: "First, it's done…\n.it is no macro\n\n  tool act a\\b", Example: "  tool act x.y"}
	cmd.Flags().StringP("name", "n", "", "the `NAME` of \"it\"")
	cmd.Flags().Int("jobs", 3, "work on `N` cores")
	cmd.Flags().Bool("secret", false, "")
	cmd.Flags().Lookup("secret").Hidden = true
	root.AddCommand(cmd)
	cmd.InheritedFlags() // joins the parent's
	page := string(manPage(cmd, time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)))
	for _, want := range []string{
		`.TH "TOOL\-ACT" "1" "Nov 2026" "packlift `, ".SH \"NAME\"\ntool\\-act \\- Do it\n", ".B \"tool act FILE [flags]\"\n",
		"First, it\\(aqs done\\[u2026]\n\\&.it is no macro\n.PP\n.nf\n  tool act a\\eb\n.fi\n", ".SH \"EXAMPLES\"\n.nf\n  tool act x.y\n.fi\n",
		".TP\n.B \"\\-n, \\-\\-name NAME\"\nthe NAME of \"it\"\n", ".B \"\\-\\-jobs N\"\nwork on N cores (default 3)\n",
		".SH \"OPTIONS OF EVERY COMMAND\"\n.TP\n.B \"\\-\\-json\"\nprint JSON\n.SH \"SEE ALSO\"\ntool(1)\n",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q in\n%s", want, page)
		}
	}
	if strings.Contains(page, "secret") {
		t.Error("a hidden flag is shown")
	}
}
