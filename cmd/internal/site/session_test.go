package site

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"packlift/internal/cli"
	"packlift/internal/fault"
	"packlift/internal/pack"
)

func newSession(t *testing.T) *session {
	t.Helper()
	p, err := pack.Init(t.TempDir(), pack.InitOptions{Product: "demo", Version: "1.0.0", Level: 3, Trust: map[string][]byte{
		"allowed_signers": nil, "policy.json": nil}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return &session{Pack: p, log: slog.New(slog.DiscardHandler)}
}

// However a run ends once a signal came, it ends as interrupted, says why once,
// and in what state the pack is; an error that tells of more than that stays.
func TestWhereAnInterruptionLeavesThePack(t *testing.T) {
	cause := fault.New(fault.Interrupted, "interrupted by a signal (terminated)")
	tampered := fault.New(fault.Tampered, "bad")
	for name, tt := range map[string]struct {
		err  error
		code int
	}{
		"stopped":            {fault.New(fault.Interrupted, "%w", cause), 130},
		"done all the same":  {nil, 130},
		"reverted already":   {fault.New(fault.Reverted, "reverted"), 130},
		"of no class":        {fmt.Errorf("half read: %w", cause), 130},
		"found bad just now": {tampered, 10},
	} {
		s := newSession(t)
		ctx, cancel := context.WithCancelCause(context.Background())
		if got := s.where(ctx, tt.err); got != tt.err {
			t.Errorf("%s: without a signal %v", name, got)
		}
		cancel(cause)
		got := s.where(ctx, tt.err)
		if code := cli.ExitCode(got); code != tt.code {
			t.Errorf("%s: %v, exit code %d", name, got, code)
		}
		if text := fmt.Sprint(got); tt.code == 130 && (strings.Count(text, "interrupted") != 1 || !strings.HasSuffix(text, "; the pack is whole, at level 3")) {
			t.Errorf("%s: %s", name, text)
		}
	}
}

func TestWhereAnUnfinishedRunLeavesThePack(t *testing.T) {
	s := newSession(t)
	if err := s.Root().WriteFile(pack.Dir+"/journal", []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(fault.New(fault.Interrupted, "interrupted by a signal (hangup)"))
	err := s.where(ctx, nil)
	if fault.ClassOf(err) != fault.Interrupted || !strings.Contains(fmt.Sprint(err), "unfinished") || !strings.Contains(fault.HintOf(err), "packlift-import recover") {
		t.Errorf("%v, hint %q", err, fault.HintOf(err))
	}
}
