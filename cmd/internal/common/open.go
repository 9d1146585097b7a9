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

func checkText(k verify.Check) string {
	return fmt.Sprintf("%-12s %-30s %s", k.Result, k.Name, k.Evidence)
}

// sayReport prints a report as data, a line for each check.
func sayReport(c *cli.Console, r *verify.Report) {
	if r == nil {
		return
	}
	for _, k := range r.Checks {
		c.Data("check", k, checkText(k))
	}
}
