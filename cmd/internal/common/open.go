package common

import (
	"context"
	"fmt"
	"sync/atomic"

	"packlift/internal/cli"
	"packlift/verify"
)

// Open verifies a bundle and shows the progress. The report is there with an error too.
func Open(ctx context.Context, c *cli.Console, in *Bundle, o verify.Options) (*verify.Bundle, *verify.Report, error) {
	show := c.Progress("verify", in.Size)
	defer show.Done()
	var done atomic.Int64
	o.Detached = in.Detached
	o.Progress = func(n int64) { show.At(done.Add(n), in.Size) }
	return verify.Open(ctx, in, in.Size, o)
}

// SayCheck prints one check with its evidence.
func SayCheck(say func(string, ...any), k verify.Check) { say("%s", checkText(k)) }

// SayChecks tells on standard error what was checked, by a command whose data
// is another; with --json as data.
func SayChecks(c *cli.Console, r *verify.Report) {
	for _, k := range r.Checks {
		switch {
		case c.JSON():
			c.Data("check", k, "")
		case k.Result == verify.Warning:
			c.Warn("%s: %s", k.Name, k.Evidence)
		default:
			c.Note("%s", checkText(k))
		}
	}
}

func checkText(k verify.Check) string {
	return fmt.Sprintf("%-12s %-30s %s", k.Result, k.Name, k.Evidence)
}

// sayReport prints a report, a line for each check. With -q those stay that
// failed or warn.
func sayReport(c *cli.Console, r *verify.Report) {
	if r == nil {
		return
	}
	for _, k := range r.Checks {
		if k.Result == verify.Passed || k.Result == verify.NotChecked {
			c.Result("check", k, checkText(k))
		} else {
			c.Data("check", k, checkText(k))
		}
	}
}
