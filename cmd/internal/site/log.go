package site

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"packlift/internal/cli"
	"packlift/internal/count"
	"packlift/internal/fault"
	"packlift/internal/manifest"
	"packlift/internal/pack"
)

func logCommand(c *cli.Console) *cobra.Command {
	cmd := &cobra.Command{Use: "log", Short: "Check the pack's audit log"}
	cmd.AddCommand(logVerify(c))
	return cmd
}

const logVerifyLong = `Check each record of updates/packlift/audit.log and its link to the one before,
and that each event of the pack's history has its record. The digest of the last record, written down elsewhere, shows later whether records were cut off.`

func logVerify(c *cli.Console) *cobra.Command {
	var f packFlag
	cmd := &cobra.Command{
		Use: "verify", Short: "Check the audit log's chain", Long: logVerifyLong, Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			p, err := f.open()
			if err != nil {
				return err
			}
			defer p.Close()
			r, err := p.CheckAudit()
			if err != nil {
				return err
			}
			return sayAudit(c, p, r)
		},
	}
	f.Flags(cmd.Flags())
	return cmd
}

type audit struct {
	Records int             `json:"records"`
	OK      bool            `json:"ok"`
	Mended  []int           `json:"mended,omitempty"`
	Line    int             `json:"broken_line,omitempty"`
	Reason  string          `json:"reason,omitempty"`
	Lost    *pack.Event     `json:"lost,omitempty"`
	Last    manifest.Digest `json:"last"`
}

func sayAudit(c *cli.Console, p *pack.Pack, r pack.AuditReport) error {
	out := audit{r.Records, r.OK(), r.Mended, r.BrokenLine, r.Reason, r.Lost, r.Last}
	if r.Lost != nil {
		e := fmt.Sprintf("%s to level %s of %s", r.Lost.Kind, pack.LevelName(r.Lost.To), r.Lost.Time.UTC().Format(time.RFC3339))
		c.Data("audit", out, fmt.Sprintf("failed  %s %s, but the pack's history has more: no record of the %s", count.Of(r.Records, "record"), count.Verb(r.Records, "holds", "hold"), e))
		return fault.New(fault.Tampered, "the audit log %s has no record of the %s: it was cut or emptied", p.Root().Full(pack.AuditFile), e).
			WithHint("compare it with a copy; find out who changed it")
	}
	if !r.OK() {
		c.Data("audit", out, fmt.Sprintf("failed  %s %s; line %d %s", count.Of(r.Records, "record"), count.Verb(r.Records, "holds", "hold"), r.BrokenLine, r.Reason))
		return fault.New(fault.Tampered, "the audit log %s is broken at line %d", p.Root().Full(pack.AuditFile), r.BrokenLine).
			WithHint("compare it with a copy; find out who changed it")
	}
	text := fmt.Sprintf("passed  %s, each follows from the one before, and none of the history's is missing; the last is %s", count.Of(r.Records, "record"), r.Last)
	if len(r.Mended) > 0 {
		text += fmt.Sprintf("\nlines torn by a crash and vouched for by the next record: %v", r.Mended)
	}
	c.Data("audit", out, text)
	return nil
}
