package site

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"packlift/apply"
	"packlift/internal/cli"
	"packlift/internal/fault"
	"packlift/internal/hooks"
	"packlift/internal/pack"
	"packlift/internal/running"
	"packlift/internal/typed"
)

// window is what goes on around a change of the pack: the product is stopped, and
// started again and asked how it is. In this order: hook-pre, is the product stopped,
// the change, hook-post, health-check.
type window struct {
	pre, post, health string
	timeout           cli.Duration
	force             bool
	pidFiles          []string
}

const hookTimeout = cli.Duration(10 * time.Minute)

func (w *window) flags(f *pflag.FlagSet) {
	w.runningFlags(f)
	w.hookFlags(f)
	f.StringVar(&w.health, "health-check", "", "run `CMD` at last; if it fails, the pack is reverted (exit code 4)")
}

func (w *window) runningFlags(f *pflag.FlagSet) {
	f.BoolVar(&w.force, "force-running", false, "go on although the product is running")
	f.StringArrayVar(&w.pidFiles, "pid-file", nil, "the product's pid file, a `PATTERN` below the pack's folder (repeatable; wso2carbon.pid and the like are known)")
}

func (w *window) hookFlags(f *pflag.FlagSet) {
	w.timeout = hookTimeout
	f.StringVar(&w.pre, "hook-pre", "", "run `CMD` before anything is changed, to stop the product, say; if it fails, nothing is changed")
	f.StringVar(&w.post, "hook-post", "", "run `CMD` after that, whatever came of it, to start the product, say")
	f.Var(&w.timeout, "hook-timeout", "how long each hook and the health check may take")
}

// change is what hooks are told of.
type change struct {
	kind             string
	from, to, hotfix int
}

func changeOf(pl *apply.Plan) change { return change{pl.Kind, pl.From, pl.To, pl.Hotfix()} }

// around carries out a change between the hooks. The note that it is unconfirmed is
// there before the change, so that a run which ends before the check leaves it.
func (w *window) around(ctx context.Context, s *session, pl *apply.Plan, o apply.Options, do func() error) error {
	ch := changeOf(pl)
	if err := w.open(ctx, s, ch); err != nil {
		return err
	}
	if w.health != "" {
		if err := s.SaveUnconfirmed(pl.WillMake()); err != nil {
			return w.shut(ctx, s, ch, "failed", err)
		}
	}
	if err := do(); err != nil {
		return w.shut(ctx, s, ch, "failed", errors.Join(err, s.dropStale()))
	}
	if err := apply.SweepStaged(s.Pack, s.log); err != nil { // the change is complete
		s.c.Warn("what was staged could not be removed: %v", err)
	}
	if err := w.confirm(ctx, s, ch, o); err != nil {
		return err
	}
	s.pruneBackups()
	return nil
}

// open runs hook-pre and looks whether the product is stopped.
func (w *window) open(ctx context.Context, s *session, ch change) error {
	if err := w.hook(ctx, s, "pre", w.pre, ch, ""); err != nil {
		return fault.New(classOf(ctx), "hook-pre failed: %w; nothing was changed", err).WithHint("put right what it says (%s), then run the same command again", s.Root().Full(s.file))
	}
	if err := w.checkStopped(ctx, s); err != nil {
		return w.shut(ctx, s, ch, "failed", err)
	}
	return nil
}

func classOf(ctx context.Context) fault.Class {
	if ctx.Err() != nil {
		return fault.Interrupted
	}
	return fault.General
}

// shut runs hook-post of a change that ended with cause, even after a signal: what
// hook-pre stopped is to run again.
func (w *window) shut(ctx context.Context, s *session, ch change, result string, cause error) error {
	err := w.hook(context.WithoutCancel(ctx), s, "post", w.post, ch, result)
	if err != nil {
		s.c.Warn("hook-post failed: %v", err)
	}
	return cause
}

// confirm runs hook-post and the health check of a change that is done. A check that
// fails has the change reverted.
func (w *window) confirm(ctx context.Context, s *session, ch change, o apply.Options) error {
	err := w.hook(context.WithoutCancel(ctx), s, "post", w.post, ch, "applied")
	if err != nil && w.health == "" {
		return fault.New(fault.General, "hook-post failed: %w; the pack is at level %s", err, pack.LevelName(ch.to)).
			WithHint("start the product by hand; %s leads back", s.revert)
	}
	if err != nil {
		s.c.Warn("hook-post failed: %v", err)
	}
	if w.health == "" {
		return s.dropStale() // of a change before, which this one stands on
	}
	return w.check(ctx, s, ch, o)
}

func (w *window) check(ctx context.Context, s *session, ch change, o apply.Options) error {
	err := w.hook(ctx, s, "health-check", w.health, ch, "applied")
	if ctx.Err() != nil {
		return fault.New(fault.Interrupted, "%w; the health check of level %s did not come to its end", context.Cause(ctx), pack.LevelName(ch.to)).
			WithHint("%s", s.unconfirmedHint())
	}
	outcome := map[string]any{"result": "passed", "from": ch.from, "to": ch.to}
	if err != nil {
		outcome["result"], outcome["reason"] = "failed", cli.Clean(err.Error())
	}
	if auditErr := s.Audit("health-check", outcome); auditErr != nil && err == nil {
		return auditErr
	}
	if err == nil {
		s.c.Note("the health check passed")
		return s.DropUnconfirmed()
	}
	s.c.Warn("the health check failed; reverting") // how, the error says; with -q this is what tells
	return w.takeBack(ctx, s, ch, o, err)
}

// takeBack reverts the change that did not pass. The product may be running by now:
// hook-pre stops it again. That it runs on does not keep the pack from coming back.
func (w *window) takeBack(ctx context.Context, s *session, ch change, o apply.Options, cause error) error {
	ctx = context.WithoutCancel(ctx)
	back := change{"revert", ch.to, ch.from, ch.hotfix}
	if err := w.hook(ctx, s, "pre", w.pre, back, ""); err != nil {
		s.c.Warn("hook-pre failed: %v; reverting all the same", err)
	}
	if err := w.checkStopped(ctx, s); err != nil {
		s.c.Warn("%v; reverting all the same", err)
	}
	pl, err := apply.NewRevert(ctx, s.Pack, apply.Options{AllowRoot: o.AllowRoot, Jobs: o.Jobs, Log: o.Log, LogFile: o.LogFile})
	if err == nil {
		err = refuseConflicts(s.c, pl)
	}
	if err == nil {
		err = commitRevert(ctx, s, pl, apply.Options{AllowRoot: o.AllowRoot, Jobs: o.Jobs, Log: o.Log, LogFile: o.LogFile})
	}
	if err != nil {
		err = fault.New(fault.ClassOf(err), "the health check failed (%w), and the revert as well: %w", cause, err).
			WithHint("put right what is in the way, then: %s", s.revert)
		return w.shut(ctx, s, back, "failed", err)
	}
	err = fault.New(fault.Reverted, "the health check failed: %w; the pack is back at level %s", cause, pack.LevelName(ch.from)).
		WithHint("what it printed stands in %s", s.Root().Full(s.file))
	return w.shut(ctx, s, back, "reverted", errors.Join(err, s.DropUnconfirmed()))
}

// again runs the check of a change that a run left unconfirmed.
func (w *window) again(ctx context.Context, s *session) error {
	u, ok, _, err := apply.Unconfirmed(s.Pack)
	if err != nil || !ok || w.health == "" {
		return err
	}
	ch := change{"update", u.From, u.To, u.Hotfix}
	s.c.Note("the health check of %s is run again", unconfirmedName(u))
	return w.confirm(ctx, s, ch, apply.Options{Log: s.log, LogFile: s.file, AllowRoot: true}) // begin has asked who may
}

// hook runs one command, and puts what it printed into the log.
func (w *window) hook(ctx context.Context, s *session, name, command string, ch change, result string) error {
	if command == "" {
		return nil
	}
	p := s.c.Progress("hook "+name, -1)
	defer p.Done()
	product, version := s.Product()
	h := hooks.Hook{Command: command, Dir: s.Dir(), Timeout: time.Duration(w.timeout), Env: []string{
		"PACKLIFT_HOOK=" + name, "PACKLIFT_PACK=" + s.Dir(), "PACKLIFT_PRODUCT=" + product + "-" + version, "PACKLIFT_KIND=" + ch.kind,
		"PACKLIFT_FROM_LEVEL=" + pack.LevelName(ch.from), "PACKLIFT_TO_LEVEL=" + pack.LevelName(ch.to),
		fmt.Sprintf("PACKLIFT_HOTFIX=%d", ch.hotfix), "PACKLIFT_RESULT=" + result,
	}}
	s.log.Info("hook begins", "hook", name, "command", command)
	out, err := h.Run(ctx)
	for line := range strings.Lines(string(out)) {
		s.log.Info("hook", "hook", name, "output", strings.TrimRight(line, "\r\n"))
	}
	if err != nil {
		s.log.Error("hook failed", "hook", name, "error", err) // told by what it ends
		return fmt.Errorf("%s: %w", command, err)
	}
	s.log.Info("hook ended", "hook", name)
	return nil
}

// maxProcesses caps the processes that a message names.
const maxProcesses = 5

func (w *window) checkStopped(ctx context.Context, s *session) error {
	list, err := running.Find(ctx, s.Root(), w.pidFiles...)
	if err != nil || len(list) == 0 {
		return err
	}
	var names []string
	for i, p := range list {
		s.log.Info("runs from the pack", "pid", p.PID, "name", p.Name, "why", p.Why)
		if i < maxProcesses {
			names = append(names, cli.Clean(p.String()))
		}
	}
	if len(list) > maxProcesses {
		names = append(names, "…")
	}
	if w.force {
		s.c.Warn("the product is running: %s", strings.Join(names, ", "))
		return nil
	}
	return fault.New(fault.Running, "the product is running: %s", strings.Join(names, ", ")).
		WithHint("stop it (--hook-pre CMD can do that), then run the same command again; or add --force-running if that is none of the product")
}

// warnRunning is for a dry run, which harms nobody.
func (w *window) warnRunning(ctx context.Context, s *session) error {
	err := w.checkStopped(ctx, s)
	if fault.ClassOf(err) == fault.Running {
		s.c.Warn("%v", err)
		return nil
	}
	return err
}

func (s *session) unconfirmedHint() string {
	return "run the same command again to repeat the check; or " + s.revert + ", or " + typed.Import("recover --confirm")
}

func unconfirmedName(u pack.Unconfirmed) string {
	if u.Hotfix > 0 {
		return fmt.Sprintf("hotfix %d on level %s", u.Hotfix, pack.LevelName(u.To))
	}
	return "level " + pack.LevelName(u.To)
}

// noteUnconfirmed says that the pack holds a change whose health check did not come
// to its end, and forgets a note that means nothing any more.
func (s *session) noteUnconfirmed() error {
	u, ok, stale, err := apply.Unconfirmed(s.Pack)
	if err != nil || stale {
		return errors.Join(err, s.DropUnconfirmed())
	}
	if ok {
		s.c.Warn("the health check of %s did not come to its end", unconfirmedName(u))
		s.c.Hint("%s", s.unconfirmedHint())
	}
	return nil
}

func (s *session) dropStale() error {
	_, _, stale, err := apply.Unconfirmed(s.Pack)
	if err == nil && stale {
		err = s.DropUnconfirmed()
	}
	return err
}

// confirmChange takes the pack as it is.
func confirmChange(s *session) error {
	u, ok, _, err := apply.Unconfirmed(s.Pack)
	if err != nil || !ok {
		return err
	}
	if err := s.Audit("health-check", map[string]any{"result": "confirmed", "from": u.From, "to": u.To}); err != nil {
		return err
	}
	s.c.Note("%s is confirmed", unconfirmedName(u))
	return s.DropUnconfirmed()
}
