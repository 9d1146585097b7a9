package site

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/spf13/pflag"

	"packlift/apply"
	"packlift/internal/cli"
	"packlift/internal/fault"
	"packlift/internal/pack"
	"packlift/internal/typed"
)

// writeFlags are the flags of every command that changes a pack.
type writeFlags struct {
	pack        packFlag
	lockTimeout cli.Duration
	allowRoot   bool
	dryRun      bool // set by commands that have --dry-run
	pendingOK   bool // the command may run while an update waits for decisions
	connected   bool // the run makes what it applies itself, from a depot
}

// Flags adds them.
func (w *writeFlags) Flags(f *pflag.FlagSet) {
	w.pack.Flags(f)
	w.lockFlags(f)
}

func (w *writeFlags) lockFlags(f *pflag.FlagSet) {
	f.Var(&w.lockTimeout, "lock-timeout", "wait this long while another run holds the pack")
	f.BoolVar(&w.allowRoot, "allow-root", false, "run as root on a pack that another user owns")
}

func (w *writeFlags) dryRunFlag(f *pflag.FlagSet) {
	f.BoolVar(&w.dryRun, "dry-run", false, "print what would be done, and change nothing")
}

// session is one run that changes a pack: it holds the lock, has recovered
// what was interrupted, and writes a log.
type session struct {
	*pack.Pack
	c        *cli.Console
	log      *slog.Logger
	file     string // the log's name in the pack
	unlogged unlogged
	ends     []func() error
	before   apply.RecoverOutcome
	revert   string // how a change is taken back here, for hints
}

// memory is what a run that changes a pack keeps near, in bytes.
const memory = 200 << 20

// begin opens and locks the pack, opens the log, and recovers.
func (w *writeFlags) begin(ctx context.Context, c *cli.Console, command string) (*session, error) {
	if !w.connected {
		cli.LimitMemory(memory)
	}
	p, err := w.pack.open()
	if err != nil {
		return nil, err
	}
	s := &session{Pack: p, c: c, ends: []func() error{p.Close}, revert: typed.Import("revert")}
	if w.connected {
		s.revert = typed.ExportUpdate("--revert")
	}
	if err := s.begin(ctx, w, command); err != nil {
		s.end()
		return nil, err
	}
	return s, nil
}

func (s *session) begin(ctx context.Context, w *writeFlags, command string) error {
	if err := apply.CheckPrivilege(s.Pack, w.allowRoot); err != nil {
		return err
	}
	unlock, err := s.Lock(ctx, time.Duration(w.lockTimeout), command)
	if err != nil {
		return err
	}
	s.ends = append(s.ends, unlock)
	if w.dryRun {
		s.logTo(&s.unlogged, command)
		return refuseInterrupted(s.Pack)
	}
	if err := s.openLog(command); err != nil {
		return err
	}
	if err := s.recover(ctx); err != nil || w.pendingOK {
		return err
	}
	return refusePending(s.Pack, command)
}

// refusePending: while an update waits for decisions nothing else changes the pack.
func refusePending(p *pack.Pack, command string) error {
	w, err := apply.ReadPending(p)
	if err != nil || w == nil {
		return err
	}
	open, err := w.Open(p)
	if err != nil {
		return err
	}
	return w.Refuse(open, command)
}

// end gives everything back, in reverse order; it may be called twice. What fails
// now is told, and leaves the run what it was.
func (s *session) end() {
	for i := len(s.ends) - 1; i >= 0; i-- {
		if err := s.ends[i](); err != nil {
			s.c.Warn("%v", err)
		}
	}
	s.ends = nil
}

// closing logs how the command ended, and ends the session.
func (s *session) closing(err *error) {
	if s.ends == nil {
		return
	}
	switch class := fault.ClassOf(*err); {
	case *err == nil:
		s.log.Info("end")
	case class == fault.Reverted || class == fault.UpdatedItself: // what was asked for, told by an exit code
		s.log.Info("end", "class", class.String(), "code", cli.ExitCode(*err))
	default:
		s.log.Error("end", "error", (*err).Error(), "class", class.String(), "code", cli.ExitCode(*err))
	}
	s.end()
}

// recover finishes or undoes what an earlier run left in the middle, and tells
// the audit log of a tool that it brought.
func (s *session) recover(ctx context.Context) (err error) {
	s.before, err = apply.Recover(ctx, s.Pack, s.log)
	if err != nil {
		return err
	}
	if text := recovered(s.before); text != "" {
		s.c.Note("%s", text)
	}
	if err := apply.SweepStaged(s.Pack, s.log); err != nil {
		return err
	}
	if err := s.noteUnconfirmed(); err != nil {
		return err
	}
	return s.SettleAudit()
}

// recovered says what recovery did, "" if there was nothing to do.
func recovered(o apply.RecoverOutcome) string {
	what := o.What()
	way := fmt.Sprintf("from level %s to %s", pack.LevelName(o.From), pack.LevelName(o.To))
	switch o.Action {
	case "finished":
		return fmt.Sprintf("an interrupted %s %s was finished", what, way)
	case "undone":
		return fmt.Sprintf("an interrupted %s %s was undone; the pack is at level %s", what, way, pack.LevelName(o.From))
	}
	return ""
}

// where says after an interruption in what state the pack is. A run that a
// signal met too late to stop ends as interrupted as well: whoever sent it does not
// want what comes next.
func (s *session) where(ctx context.Context, err error) error {
	switch class := fault.ClassOf(err); {
	case ctx.Err() == nil:
		return err
	case err == nil || class == fault.Reverted:
		err = context.Cause(ctx)
	case class != fault.General && class != fault.Interrupted:
		return err
	}
	state, stateErr := s.State()
	unfinished, readErr := interrupted(s.Pack)
	if stateErr != nil || readErr != nil {
		return errors.Join(err, stateErr, readErr)
	}
	if unfinished {
		return fault.New(fault.Interrupted, "%w; the change of the pack is unfinished", err).WithHint("%s, as does every command that writes", recoverHint())
	}
	s.log.Info("interrupted", "error", err)
	return fault.New(fault.Interrupted, "%w; the pack is whole, at level %s", context.Cause(ctx), pack.LevelName(state.Level)).
		WithHint("run it again when you like: %s", cli.Again())
}
