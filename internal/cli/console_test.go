package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"packlift/internal/fault"
)

func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"plain é 世界 \t tab":  "plain é 世界 \t tab",
		"a\x1b[2Jb":          `a\x1b[2Jb`,
		"line\rover":         `line\rover`,
		"bad \xff utf-8":     `bad \xff utf-8`,
		"gnp.\u202etxt":      `gnp.\u202etxt`,
		"replacement \uFFFD": "replacement \uFFFD",
		"c1 \u009b31m":       `c1 \u009b31m`,
	} {
		if got := Clean(in); got != want {
			t.Errorf("Clean(%q) = %q, want %q", in, got, want)
		}
	}
}

// run runs a tool whose one command, act, does what the test wants.
func run(t *testing.T, act func(*Console, context.Context) error, args ...string) (code int, out, errs string) {
	t.Helper()
	var o, e bytes.Buffer
	tool := Tool{Name: "tool", Commands: func(c *Console) []*cobra.Command {
		cmd := &cobra.Command{Use: "act", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error { return act(c, cmd.Context()) }}
		cmd.Flags().StringArray("item", nil, "")
		cmd.Flags().Bool("yes", false, "")
		cmd.Flags().Int("count", 0, "")
		return []*cobra.Command{cmd}
	}}
	code = Run(context.Background(), tool, args, Streams{In: strings.NewReader(""), Out: &o, Err: &e})
	return code, o.String(), e.String()
}

func say(c *Console, _ context.Context) error {
	c.Data("thing", map[string]int{"n": 1}, "data")
	c.Result("result", nil, "result")
	c.Note("note")
	c.Detail("detail")
	c.Warn("look\nout")
	return nil
}

func TestWhereThingsArePrinted(t *testing.T) {
	for _, tt := range []struct{ args, out, errs string }{
		{"act", "data\nresult\n", "note\nwarning: look\nwarning: out\n"},
		{"act -v", "data\nresult\n", "note\ndetail\nwarning: look\nwarning: out\n"},
		{"act -q", "data\n", "warning: look\nwarning: out\n"},
		{"act --json", "{\"message_type\":\"thing\",\"n\":1}\n{\"message_type\":\"result\"}\n", "note\nwarning: look\nwarning: out\n"},
		{"act -q --color always", "data\n", "\x1b[1;33mwarning: \x1b[0mlook\n\x1b[1;33mwarning: \x1b[0mout\n"},
	} {
		code, out, errs := run(t, say, strings.Fields(tt.args)...)
		if code != 0 || out != tt.out || errs != tt.errs {
			t.Errorf("%s: %d\n%s\n%s", tt.args, code, out, errs)
		}
	}
}

func TestMarkedSaysSoOnEveryLine(t *testing.T) {
	marked := func(c *Console, ctx context.Context) error { return say(c.Marked("UNVERIFIED"), ctx) }
	for _, args := range [][]string{{"act", "-v"}, {"act", "--json"}} {
		_, out, errs := run(t, marked, args...)
		for line := range strings.Lines(out + errs) {
			if !strings.Contains(line, "UNVERIFIED") {
				t.Errorf("%v prints %q", args, line)
			}
		}
	}
}

func TestFailures(t *testing.T) {
	fail := func(*Console, context.Context) error {
		return fault.New(fault.WrongProduct, "for wso2am\x1b[2J").WithHint("take the other file")
	}
	code, out, errs := run(t, fail, "act", "--json")
	if code != 13 || errs != "error: for wso2am\\x1b[2J [wrong product]\nhint: take the other file\n" {
		t.Errorf("%d\n%s", code, errs)
	}
	var f struct {
		failure
		Type string `json:"message_type"`
	}
	if err := json.Unmarshal([]byte(out), &f); err != nil || f.Type != "error" || f.Code != 13 || f.Class != "wrong product" || f.Hint == "" {
		t.Errorf("%v %+v", err, f)
	}
	for _, args := range []string{"", "act extra", "act --cont 1", "act --count x", "atc", "help nope", "act --color mauve", "completion nope"} {
		code, out, errs := run(t, say, strings.Fields(args)...)
		if code != 64 || out != "" || !strings.Contains(errs, "error: ") || !strings.Contains(errs, "usage: tool") || !strings.Contains(errs, "hint: ") {
			t.Errorf("%q: %d\n%s\n%s", args, code, out, errs)
		}
	}
	if _, _, errs := run(t, say, "act", "--cuont", "1"); !strings.Contains(errs, "did you mean --count?") {
		t.Errorf("no suggestion:\n%s", errs)
	}
	if _, _, errs := run(t, say, "atc"); !strings.Contains(errs, "did you mean `tool act`?") {
		t.Errorf("no suggestion:\n%s", errs)
	}
}

func TestInterruptionIsNamed(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if got := ExitCode(interrupted(ctx, errors.New("read failed"))); got != 130 {
		t.Errorf("an error after a signal ends with %d", got)
	}
	if got := ExitCode(interrupted(ctx, fault.New(fault.Unrecoverable, "x"))); got != 18 {
		t.Errorf("a fault of a class ends with %d", got)
	}
	if err := interrupted(ctx, nil); err != nil {
		t.Errorf("work that was done ends with %v", err)
	}
}

func TestOutputThatCannotBeWritten(t *testing.T) {
	tool := Tool{Name: "tool", Commands: func(c *Console) []*cobra.Command {
		return []*cobra.Command{{Use: "act", RunE: func(cmd *cobra.Command, _ []string) error { return say(c, cmd.Context()) }}}
	}}
	if code := Run(context.Background(), tool, []string{"act"}, Streams{Out: broken{}, Err: new(bytes.Buffer)}); code != 1 {
		t.Errorf("exit code %d", code)
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

func TestEnvironment(t *testing.T) {
	t.Setenv("PACKLIFT_JSON", "true")
	t.Setenv("PACKLIFT_ITEM", "a,b")
	t.Setenv("PACKLIFT_YES", "true")
	t.Setenv("PACKLIFT_COUNT", "")
	var items []string
	var yes bool
	var o, e bytes.Buffer
	tool := Tool{Name: "tool", Commands: func(c *Console) []*cobra.Command {
		cmd := &cobra.Command{Use: "act", RunE: func(*cobra.Command, []string) error { c.Data("x", nil, "x"); return nil }}
		cmd.Flags().StringArrayVar(&items, "item", nil, "")
		cmd.Flags().BoolVar(&yes, "yes", false, "")
		return []*cobra.Command{cmd}
	}}
	s := Streams{Out: &o, Err: &e}
	if code := Run(context.Background(), tool, []string{"act"}, s); code != 0 || strings.Join(items, "+") != "a+b" || yes || !strings.HasPrefix(o.String(), "{") {
		t.Errorf("%d %v %v %s %s", code, items, yes, o.String(), e.String())
	}
	t.Setenv("PACKLIFT_JSON", "hunter2")
	if code := Run(context.Background(), tool, []string{"act"}, s); code != 64 || strings.Contains(e.String(), "hunter2") {
		t.Errorf("%d %s", code, e.String())
	}
	if code := Run(context.Background(), tool, []string{"act", "--json=false"}, s); code != 0 {
		t.Errorf("the command line does not win: %d", code)
	}
}

func TestWaitForEndsWithTheContext(t *testing.T) {
	ctx, cancel := context.WithCancelCause(context.Background())
	restored := make(chan bool, 1)
	block := make(chan bool)
	defer close(block)
	time.AfterFunc(10*time.Millisecond, func() { cancel(fault.New(fault.Interrupted, "signal")) })
	_, err := waitFor(ctx, func() ([]byte, error) { <-block; return nil, nil }, func() { restored <- true })
	if fault.ClassOf(err) != fault.Interrupted || len(restored) != 1 {
		t.Errorf("%v, restored %d", err, len(restored))
	}
}

func TestProgressLines(t *testing.T) {
	_, out, _ := run(t, func(c *Console, _ context.Context) error {
		p := c.Progress("reading", 100)
		p.Add(10)
		p.Add(20)
		p.show(p.start.Add(2 * time.Second))
		p.Done()
		p.Done()
		return nil
	}, "act", "--json")
	if strings.Count(out, "\n") != 1 || !strings.Contains(out, `"message_type":"status","what":"reading","done":30,"total":100,"seconds":2}`) {
		t.Errorf("%s", out)
	}
	_, out, errs := run(t, func(c *Console, _ context.Context) error {
		p := c.Progress("reading", 100)
		p.Add(10)
		p.Done()
		return nil
	}, "act")
	if out+errs != "" {
		t.Errorf("progress off a terminal: %q", out+errs)
	}
}
