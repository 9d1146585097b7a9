package main

import (
	"context"
	"errors"
	"os"
	"runtime"

	"packlift/internal/cli"
	"packlift/internal/depot"
	"packlift/internal/fault"
	"packlift/internal/version"
	"packlift/selfupdate"
)

// newerExporter asks the depot for an exporter that is newer than this one; nil for none.
func newerExporter(ctx context.Context, v *depot.View) (*depot.Proven, error) {
	return v.Newer(ctx, depot.Exporter, runtime.GOOS, runtime.GOARCH, version.Current())
}

// renewal is how a run brings its own tool up.
type renewal struct {
	mode string // --self-update
	once bool   // what the run was told cannot be told again: it goes on as it is, with the new tool in place
	end  func() // called before another tool goes on
}

// renew replaces this exporter by the depot's where that is newer, and goes on with it.
// done says that this run is over; it always is where there is an error.
func renew(ctx context.Context, c *cli.Console, v *depot.View, r renewal) (done bool, err error) {
	t, err := newerExporter(ctx, v)
	if err != nil || t == nil {
		return err != nil, err
	}
	out, err := selfupdate.Itself{Mode: selfupdate.Mode(r.mode), Again: cli.Again(), Warn: c.Warn}.Update(ctx, t)
	if err != nil || out.Path == "" {
		return err != nil, err
	}
	if r.once {
		c.Note("the tool is updated from %s to %s: %s; this run goes on with what it was told, the next one is the new tool's", version.Current(), out.Version, out.Path)
		return false, nil
	}
	if ctx.Err() != nil { // the new tool would not know of the signal
		return true, fault.New(fault.Interrupted, "%w", context.Cause(ctx))
	}
	c.Note("the tool is updated from %s to %s; it goes on by itself: %s", version.Current(), out.Version, out.Path)
	r.end()
	err = selfupdate.Rerun(out.Path, os.Args[1:])
	var exited *selfupdate.Exited
	if errors.As(err, &exited) {
		return true, &cli.Ended{Code: exited.Code}
	}
	return true, err
}

// mention says that there is a newer exporter, where the run is to change nothing.
func mention(ctx context.Context, c *cli.Console, v *depot.View) error {
	t, err := newerExporter(ctx, v)
	if err == nil && t != nil {
		c.Note("the depot has packlift-export %s, this is %s: create-update and update bring it", t.Statement().Version, version.Current())
	}
	return err
}
