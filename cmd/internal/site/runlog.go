package site

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"time"

	"packlift/apply"
	"packlift/internal/cli"
	"packlift/internal/pack"
	"packlift/internal/rootfs"
	"packlift/internal/version"
)

func (s *session) openLog(command string) error {
	f, err := s.LogFile(time.Now(), command)
	if err != nil {
		return fmt.Errorf("log: %w", err)
	}
	s.ends = append(s.ends, f.Close)
	s.file = pack.LogDir + "/" + filepath.Base(f.Name())
	s.logTo(&runLog{File: f, c: s.c}, command)
	return nil
}

func (s *session) logTo(w io.Writer, command string) {
	text := slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelDebug})
	s.log = slog.New(warnings{text, s.c})
	s.log.Info("begin", "command", command, "version", version.Current(), "pack", s.Dir())
}

// logs tells o of the run's log, or how long it would be by now.
func (s *session) logs(o *apply.Options) {
	o.Log, o.LogFile, o.LogDry = s.log, s.file, int64(s.unlogged)
}

// unlogged counts the bytes of a log that is not written, a dry run's: the run
// that comes after it takes room for them.
type unlogged int64

func (n *unlogged) Write(b []byte) (int, error) {
	*n += unlogged(len(b))
	return len(b), nil
}

// runLog is a run's log. A line that it cannot take does not end the run, but is
// warned of, once.
type runLog struct {
	*rootfs.File
	c    *cli.Console
	told bool
}

func (l *runLog) Write(b []byte) (int, error) {
	n, err := l.File.Write(b)
	if err != nil && !l.told {
		l.told = true
		l.c.Warn("the log of this run has gaps: %v", err)
	}
	return n, err
}

// warnings shows those that a log gets on the console as well: what a run went on
// without, its user has to hear of. What ends a run, or is told in other words, is
// logged as an error or in passing: the console tells it once.
type warnings struct {
	slog.Handler
	c *cli.Console
}

func (w warnings) Handle(ctx context.Context, r slog.Record) error {
	if r.Level == slog.LevelWarn {
		text := r.Message
		r.Attrs(func(a slog.Attr) bool {
			text += ": " + a.Value.String()
			return true
		})
		w.c.Warn("%s", text)
	}
	return w.Handler.Handle(ctx, r)
}

func (w warnings) WithAttrs(attrs []slog.Attr) slog.Handler {
	return warnings{w.Handler.WithAttrs(attrs), w.c}
}

func (w warnings) WithGroup(name string) slog.Handler {
	return warnings{w.Handler.WithGroup(name), w.c}
}
