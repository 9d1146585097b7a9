package common

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync/atomic"

	"packlift/internal/cli"
	"packlift/internal/fault"
	"packlift/internal/sigfiles"
	"packlift/internal/typed"
	"packlift/verify"
)

// Open verifies a bundle and shows the progress. The report is there with an error too.
func Open(ctx context.Context, c *cli.Console, in *Bundle, o verify.Options) (*verify.Bundle, *verify.Report, error) {
	show := c.Progress("verify", in.Size)
	defer show.Done()
	var done atomic.Int64
	o.Detached = in.Detached
	o.Progress = func(n int64) { show.At(done.Add(n), in.Size) }
	b, report, err := verify.Open(ctx, in, in.Size, o)
	return b, report, WithHint(in.Path, withoutSigs(in, err))
}

// withoutSigs adds to "too few signatures" that detached ones may have stayed behind.
func withoutSigs(in *Bundle, err error) error {
	dir := sigfiles.Dir(in.Path)
	if fault.ClassOf(err) != fault.Untrusted || in.Spooled || in.Path == "-" {
		return err
	}
	if _, statErr := os.Lstat(dir); !errors.Is(statErr, fs.ErrNotExist) {
		return err
	}
	f := &fault.Error{Class: fault.Untrusted, Err: err}
	return f.WithHint("was it countersigned? Then carry the folder %s/ along, which is not here; else: %s", dir, fault.HintOf(err))
}

// WithHint adds what to do about a bundle that cannot be read, where err does
// not say it.
func WithHint(name string, err error) error {
	if err == nil || fault.HintOf(err) != "" {
		return err
	}
	f := &fault.Error{Class: fault.ClassOf(err), Err: err}
	switch f.Class {
	case fault.NotABundle:
		return f.WithHint("give a file that packlift-export create-update wrote, NAME%s", Suffix)
	case fault.Truncated, fault.Tampered:
		return f.WithHint("copy the file again, then compare it: %s", typed.Compare(name))
	}
	return err
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
	return fmt.Sprintf("%-11s %-28s %s", k.Result, k.Name, k.Evidence)
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
