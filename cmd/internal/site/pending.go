package site

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"packlift/apply"
	"packlift/cmd/internal/common"
	"packlift/internal/cli"
	"packlift/internal/count"
	"packlift/internal/fault"
	"packlift/internal/pack"
	"packlift/internal/typed"
	"packlift/verify"
)

// decisions are the flags that say what becomes of customized files.
type decisions struct {
	goOn         bool
	ours, theirs []string
	pending      *apply.Pending // the update that --continue goes on with
}

// bundleOf names the bundle of this run: the one given, or with --continue the
// one that was verified.
func (a *applyFlags) bundleOf(args []string) (string, error) {
	if !a.goOn {
		return args[0], nil
	}
	p, err := a.write.pack.open()
	if err != nil {
		return "", err
	}
	w, err := apply.ReadPending(p)
	if err = errors.Join(err, p.Close()); err != nil {
		return "", err
	}
	if w == nil {
		return "", fault.New(fault.Usage, "there is nothing to go on with: no update waits for decisions").
			WithHint("%s", typed.Import(a.command()+" BUNDLE"))
	}
	if w.Depot != "" {
		return "", w.Fits(w.Sums)
	}
	a.pending, a.write.pendingOK = w, true
	if !a.stage {
		a.hotfix = w.Hotfix > 0
	}
	if len(args) > 0 {
		return args[0], nil
	}
	if w.File == "" {
		return "", fault.New(fault.Usage, "the bundle came from standard input and is not kept").
			WithHint("give it again: %s", typed.Import(a.command()+" --continue BUNDLE"))
	}
	if _, err := os.Stat(w.File); err != nil {
		return "", fault.New(fault.Usage, "the bundle is not there any more: %w", err).
			WithHint("bring it back, or name where it is now: %s", typed.Import(a.command()+" --continue BUNDLE"))
	}
	return w.File, nil
}

// carryOn adds to this run's options what the earlier one was told.
func (a *applyFlags) carryOn(o apply.Options) apply.Options {
	o.Ours, o.Theirs, o.Finals = a.ours, a.theirs, a.pending.Paths()
	w := a.pending
	if w == nil {
		return o
	}
	o.Ours, o.Theirs = merged(w.Ours, a.ours), merged(w.Theirs, a.theirs)
	if o.BackupDir == "" && !o.NoBackup {
		o.BackupDir, o.NoBackup = w.Backup, w.NoBackup
	}
	if o.Template == "" && !o.NoChangelog {
		o.Template, o.NoChangelog = w.Template, w.NoLog
	}
	return o
}

// merged is both lists, each word once.
func merged(before, now []string) []string {
	out := slices.Clone(before)
	for _, g := range now {
		if !slices.Contains(out, g) {
			out = append(out, g)
		}
	}
	return out
}

// suspend lists what waits, and leaves it to the user.
func (a *applyFlags) suspend(ctx context.Context, s *session, from apply.Source, b *verify.Bundle, pl *apply.Plan, o apply.Options) error {
	switch {
	case a.write.dryRun:
		return a.foretell(s.c, pl)
	case pl.Suspends():
		return a.wait(ctx, s, from, b, pl, o)
	case !a.goOn:
		return refuseConflicts(s.c, pl)
	}
	sayConflictsOf(s.c, pl)
	return a.stuck(pl)
}

// stuck is the error of a run that was to go on and that no decision helps as things are.
func (a *applyFlags) stuck(pl *apply.Plan) error {
	otherwise := ""
	if slices.ContainsFunc(pl.Conflicts, func(x apply.Conflict) bool { return x.Decide != nil }) {
		otherwise = "decide otherwise, by F.final or --ours GLOB; or "
	}
	return fault.New(fault.Conflict, "%s of this site %s in the way, the first is %s: %s; the pack is whole, at level %s",
		count.Of(len(pl.Conflicts), "file"), count.Verb(len(pl.Conflicts), "is", "are"), cli.Clean(pl.Conflicts[0].Path), pl.Conflicts[0].Reason, pack.LevelName(pl.From)).
		WithHint("%s%s; for another update give this one up first: %s", otherwise, pl.Remedy(), a.typed("--revert"))
}

// wait records what waits, and lays the versions beside each file.
func (a *applyFlags) wait(ctx context.Context, s *session, from apply.Source, b *verify.Bundle, pl *apply.Plan, o apply.Options) error {
	w, err := apply.Suspend(ctx, s.Pack, b, pl, from, o)
	if err != nil {
		return err
	}
	if err := s.AuditOnce("pending", auditOf(w, map[string]any{"conflicts": len(w.Conflicts)})); err != nil {
		return err
	}
	for _, x := range pl.Conflicts {
		s.log.Info("conflict", "path", x.Path, "why", x.Reason)
	}
	sayConflictsOf(s.c, pl)
	return undecided(pl, a.goOn).WithHint("%s", a.howToDecide(pl, w))
}

// auditOf is what the audit log tells of an update that waits, or does not any more.
func auditOf(w *apply.Pending, more map[string]any) map[string]any {
	out := map[string]any{"bundle": w.Bundle, "from": w.From, "to": w.To}
	if w.Hotfix > 0 {
		out["hotfix"] = w.Hotfix
	}
	maps.Copy(out, more)
	return out
}

// sourceOf tells where a bundle lies, for --continue.
func sourceOf(in *common.Bundle) (apply.Source, error) {
	if in.Spooled {
		return apply.Source{}, nil
	}
	abs, err := filepath.Abs(in.Path)
	return apply.Source{File: abs}, err
}

// typed is this command with a flag, as a user types it.
func (a *applyFlags) typed(flag string) string {
	if a.write.connected {
		return typed.ExportUpdate(flag)
	}
	command := "apply-update "
	if a.hotfix {
		command = "apply-hotfix "
	}
	return typed.Import(command + flag)
}

// giveUp drops an update that waits; done says that there was one.
func giveUp(ctx context.Context, c *cli.Console, w *writeFlags, command string) (done bool, err error) {
	p, err := w.pack.open()
	if err != nil {
		return false, err
	}
	there, err := apply.ReadPending(p)
	if err = errors.Join(err, p.Close()); err != nil || there == nil {
		return false, err
	}
	w.pendingOK = true
	s, err := w.begin(ctx, c, command)
	if err != nil {
		return true, err
	}
	defer s.closing(&err)
	return true, s.where(ctx, dropPending(s))
}

type dropped struct {
	Level int      `json:"level"`
	Stay  []string `json:"stay"`
}

func dropPending(s *session) error {
	pending, err := apply.ReadPending(s.Pack)
	if err != nil || pending == nil {
		return err
	}
	stay, err := pending.Drop(s.Pack)
	if err != nil {
		return err
	}
	s.c.Changed()
	if err := s.AuditOnce("dropped", auditOf(pending, nil)); err != nil {
		return err
	}
	for _, p := range stay {
		s.c.Warn("%s holds something of its own, and stays", cli.Clean(p))
	}
	s.c.Result("dropped", dropped{pending.From, stay}, fmt.Sprintf("the pending %s is dropped; the pack is at level %s, as it was",
		pending.What(), pack.LevelName(pending.From)))
	return fault.New(fault.Reverted, "dropped")
}

// sayCustomized tells after an update what became of the site's own files.
func sayCustomized(s *session, pl *apply.Plan) {
	ours := count.Verb(len(pl.Ours), "left as it is here, as decided", "left as they are here, as decided")
	preserved := "preserved, though the " + wordOf(pl) + " changed " + count.Verb(len(pl.Preserved), "it", "them")
	for _, l := range []struct {
		as, what string
		paths    []string
	}{{apply.AsMerged, "merged with the " + wordOf(pl) + "'s changes", pl.Merged}, {apply.AsDecided, ours, pl.Ours}, {apply.AsPreserved, preserved, pl.Preserved}} {
		if len(l.paths) == 0 {
			continue
		}
		for _, p := range l.paths {
			s.log.Info("customized", "path", p, "what", l.what)
		}
		if text := fmt.Sprintf("%d %s: %s", len(l.paths), l.what, named(l.paths)); s.c.JSON() {
			s.c.Data("customized", customized{l.as, l.paths}, text)
		} else {
			s.c.Note("%s", text)
		}
	}
}

// customized is a line of JSON: what became of the site's own files.
type customized struct {
	As    string   `json:"as"` // merged, decided or preserved
	Paths []string `json:"paths"`
}

// wordOf is what the plan's bundle is called in a sentence.
func wordOf(pl *apply.Plan) string {
	if pl.Hotfix() > 0 {
		return "hotfix"
	}
	return "update"
}
