package site

import (
	"context"
	"errors"
	"os"
	"slices"

	"filippo.io/age"

	"packlift/cmd/internal/common"
	"packlift/internal/cli"
	"packlift/internal/fault"
	"packlift/internal/version"
	"packlift/selfupdate"
	"packlift/verify"
)

// updateSelf brings the newer tool into the pack and goes on with it. done
// says that this run is over.
func (a *applyFlags) updateSelf(ctx context.Context, s *session, in *common.Bundle, b *verify.Bundle, ids []age.Identity) (done bool, err error) {
	if a.write.dryRun {
		s.c.Note("the bundle asks for packlift-import %s or newer, this is %s: without --dry-run the tool is updated first",
			b.Frozen().MinimumTool, version.Current())
		return b.LaterFormat(), nil
	}
	out, err := selfupdate.Update(ctx, s.Pack, b, selfupdate.Options{
		Identities: ids, Mode: selfupdate.Mode(a.selfUpdate.String()), Args: os.Args[1:],
		AllowRoot: a.write.allowRoot, Warn: s.c.Warn,
	})
	if err != nil {
		return true, err
	}
	s.log.Info("tool updated", "path", out.Path, "version", out.Version, "replaced", out.Replaced)
	if ctx.Err() != nil { // the new tool would not know of the signal
		return true, fault.New(fault.Interrupted, "%w", context.Cause(ctx))
	}
	s.c.Note("the tool is updated from %s to %s; it goes on by itself: %s", version.Current(), out.Version, out.Path)
	return true, a.rerun(s, in, out.Path)
}

// rerun starts the new tool with the same arguments. It begins again from the
// lock, so the session ends here.
func (a *applyFlags) rerun(s *session, in *common.Bundle, path string) error {
	args := slices.Clone(os.Args[1:])
	if in.Spooled { // standard input is read to its end: the new tool gets the spooled file
		i := len(args) - 1 - slices.Index(reversed(args), "-")
		args = slices.Replace(args, i, i+1, "--spooled", in.Path)
	}
	s.log.Info("end", "goes on with", path)
	s.end()
	err := selfupdate.Rerun(path, args)
	var exited *selfupdate.Exited
	if errors.As(err, &exited) {
		return &cli.Ended{Code: exited.Code}
	}
	return err
}

func reversed(s []string) []string {
	out := slices.Clone(s)
	slices.Reverse(out)
	return out
}
