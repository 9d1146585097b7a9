package site

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"packlift/apply"
	"packlift/cmd/internal/common"
	"packlift/internal/cli"
	"packlift/internal/count"
	"packlift/internal/fault"
	"packlift/internal/pack"
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
			WithHint("packlift-import apply-update BUNDLE")
	}
	if w.Depot != "" {
		return "", w.Fits(w.Sums)
	}
	a.pending, a.write.pendingOK = w, true
	if len(args) > 0 {
		return args[0], nil
	}
	if w.File == "" {
		return "", fault.New(fault.Usage, "the bundle came from standard input and is not kept").
			WithHint("give it again: packlift-import apply-update --continue BUNDLE")
	}
	if _, err := os.Stat(w.File); err != nil {
		return "", fault.New(fault.Usage, "the bundle is not there any more: %w", err).
			WithHint("bring it back, or name where it is now: packlift-import apply-update --continue BUNDLE")
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
	if a.goOn && !pl.Suspends() && !a.write.dryRun {
		return fault.New(fault.Conflict, "%s of this site %s in the way, the first is %s: %s; the pack is whole, at level %s",
			count.Of(len(pl.Conflicts), "file"), count.Verb(len(pl.Conflicts), "is", "are"), cli.Clean(pl.Conflicts[0].Path), pl.Conflicts[0].Reason, pack.LevelName(pl.From)).
			WithHint("%s; for another update give this one up first: %s", pl.Remedy(), a.typed("--revert"))
	}
	if !pl.Suspends() || a.write.dryRun || a.hotfix || a.stage {
		return refuseConflicts(s.c, pl)
	}
	return a.wait(ctx, s, from, b, pl, o)
}

// wait records what waits, and lays the versions beside each file.
func (a *applyFlags) wait(ctx context.Context, s *session, from apply.Source, b *verify.Bundle, pl *apply.Plan, o apply.Options) error {
	w, err := apply.Suspend(ctx, s.Pack, b, pl, from, o)
	if err != nil {
		return err
	}
	if err := s.AuditOnce("pending", map[string]any{"bundle": w.Bundle, "from": w.From, "to": w.To, "conflicts": len(w.Conflicts)}); err != nil {
		return err
	}
	for _, x := range pl.Conflicts {
		s.log.Info("conflict", "path", x.Path, "why", x.Reason)
		s.c.Data("conflict", x, fmt.Sprintf("conflict: %s: %s", cli.Clean(x.Path), x.Reason))
	}
	noun := "file of this site needs"
	if len(pl.Conflicts) > 1 {
		noun = "files of this site need"
	}
	if a.goOn {
		noun += " a decision still"
	} else {
		noun += " a decision"
	}
	return fault.New(fault.Conflict, "%d %s; the pack is whole, at level %s", len(pl.Conflicts), noun, pack.LevelName(pl.From)).
		WithHint("%s", a.howToDecide(pl))
}

// sourceOf tells where a bundle lies, for --continue.
func sourceOf(in *common.Bundle) (apply.Source, error) {
	if in.Spooled {
		return apply.Source{}, nil
	}
	abs, err := filepath.Abs(in.Path)
	return apply.Source{File: abs}, err
}

// words are the flags that a command to type next takes over from this one.
func (a *applyFlags) words() (here, keys string) {
	for _, name := range a.identities {
		keys += " -i " + cli.ShellWord(name)
	}
	return a.here(), keys
}

// howToDecide is what to type next; F stands for each file named.
func (a *applyFlags) howToDecide(pl *apply.Plan) string {
	here, keys := a.words()
	return fmt.Sprintf("see packlift-import conflicts%s; for each file F write F.final (F.original and F.new lie beside it), or add --ours GLOB or --theirs GLOB; "+
		"%sthen: %s%s; or give up: %s", here, structural(pl), a.typed("--continue"), keys, a.typed("--revert"))
}

func (a *applyFlags) here() string {
	if dir := a.write.pack.dir; dir != "" {
		return " --pack " + cli.ShellWord(dir)
	}
	return ""
}

// typed is this command with a flag, as a user types it.
func (a *applyFlags) typed(flag string) string {
	if a.write.connected {
		return "packlift-export update " + cli.ShellWord(a.write.pack.dir) + " " + flag
	}
	return "packlift-import apply-update " + flag + a.here()
}

// structural is what cannot be decided so, and has to be put right first.
func structural(pl *apply.Plan) string {
	if text := pl.RemedyElse(); text != "" {
		return text + "; "
	}
	return ""
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
	if err := s.AuditOnce("dropped", map[string]any{"bundle": pending.Bundle, "from": pending.From, "to": pending.To}); err != nil {
		return err
	}
	for _, p := range stay {
		s.c.Warn("%s holds something of its own, and stays", cli.Clean(p))
	}
	s.c.Result("dropped", dropped{pending.From, stay}, fmt.Sprintf("the pending update from level %s to %s is dropped; the pack is at level %s, as it was",
		pack.LevelName(pending.From), pack.LevelName(pending.To), pack.LevelName(pending.From)))
	return fault.New(fault.Reverted, "dropped")
}

// sayCustomized tells after an update what became of the site's own files.
func sayCustomized(s *session, pl *apply.Plan) {
	for _, l := range []struct {
		what  string
		paths []string
	}{{"merged with the update's changes", pl.Merged}, {"left as they are here, as decided", pl.Ours}, {"preserved, though the update changed them", pl.Preserved}} {
		if len(l.paths) == 0 {
			continue
		}
		for _, p := range l.paths {
			s.log.Info("customized", "path", p, "what", l.what)
		}
		names := strings.Join(l.paths[:min(len(l.paths), maxNamed)], ", ")
		if len(l.paths) > maxNamed {
			names += ", …"
		}
		s.c.Note("%d %s: %s", len(l.paths), l.what, cli.Clean(names))
	}
}
