package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"packlift/internal/fault"
	"packlift/internal/version"
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
	tool := Tool{Name: "tool", Commands: []Command{{"act", func(c *Console) *cobra.Command {
		cmd := &cobra.Command{Use: "act", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error { return act(c, cmd.Context()) }}
		cmd.Flags().StringArray("item", nil, "")
		cmd.Flags().Bool("yes", false, "")
		cmd.Flags().Int("count", 0, "")
		return cmd
	}}}}
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

// TestJSONHidesNothing: names that a terminal would obey are escaped in keys
// and values, and a program reads them as they are.
func TestJSONHidesNothing(t *testing.T) {
	name := "a\u009b31m\u202egnp.\u2066\x7f\U000e0041 é 世界"
	_, out, _ := run(t, func(c *Console, _ context.Context) error {
		c.Data("thing", map[string]string{name: name}, "")
		return nil
	}, "act", "--json")
	if want := `"a\u009b31m\u202egnp.\u2066\u007f\udb40\udc41 é 世界"`; strings.Count(out, want) != 2 {
		t.Errorf("%q, want twice %s", out, want)
	}
	got := map[string]string{}
	if err := json.Unmarshal([]byte(out), &got); err != nil || got[name] != name {
		t.Errorf("%q, %v", got, err)
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
	if _, _, errs := run(t, say, "atc"); !strings.Contains(errs, "did you mean `"+os.Args[0]+" act`?") {
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
	tool := Tool{Name: "tool", Commands: []Command{{"act", func(c *Console) *cobra.Command {
		return &cobra.Command{Use: "act", RunE: func(cmd *cobra.Command, _ []string) error { return say(c, cmd.Context()) }}
	}}}}
	if code := Run(context.Background(), tool, []string{"act"}, Streams{Out: broken{}, Err: new(bytes.Buffer)}); code != 1 {
		t.Errorf("exit code %d", code)
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

type gone struct{}

func (gone) Write([]byte) (int, error) {
	return 0, &os.PathError{Op: "write", Path: "/dev/stdout", Err: readerGone}
}

func TestResultThatCannotBeWritten(t *testing.T) {
	reverted := fault.New(fault.Reverted, "reverted")
	for _, tt := range []struct {
		name    string
		out     io.Writer
		changed bool
		end     error
		code    int
		errs    string
	}{
		{"reader gone, nothing changed", gone{}, false, nil, 0, "note\n"},
		{"reader gone after a change", gone{}, true, nil, 0, "warning: cannot write to standard output"},
		{"reader gone after a revert", gone{}, true, reverted, 4, "warning: cannot write to standard output"},
		{"cannot write, nothing changed", broken{}, false, nil, 1, "error: cannot write"},
		{"cannot write after a change", broken{}, true, nil, 0, "warning: cannot write"},
	} {
		tool := Tool{Name: "tool", Commands: []Command{{"act", func(c *Console) *cobra.Command {
			return &cobra.Command{Use: "act", RunE: func(*cobra.Command, []string) error {
				c.Note("note")
				if tt.changed {
					c.Changed()
				}
				c.Result("result", nil, "result")
				return tt.end
			}}
		}}}}
		var e bytes.Buffer
		code := Run(context.Background(), tool, []string{"act"}, Streams{Out: tt.out, Err: &e})
		if code != tt.code || !strings.Contains(e.String(), tt.errs) || !tt.changed && strings.Contains(e.String(), "warning") {
			t.Errorf("%s: %d\n%s", tt.name, code, e.String())
		}
		if tt.code == 0 && !tt.changed && e.String() != "note\n" {
			t.Errorf("%s prints %q", tt.name, e.String())
		}
	}
}

func TestFullDiskIsNamed(t *testing.T) {
	err := fmt.Errorf("output: %w", &os.PathError{Op: "write", Path: "/media/stick/x", Err: fullDisk})
	code, out, errs := run(t, func(*Console, context.Context) error { return err }, "act", "--json")
	if code != 16 || !strings.Contains(errs, "/media/stick/x") || !strings.Contains(errs, "[no space]\nhint: free space") || !strings.Contains(out, `"code":16`) {
		t.Errorf("%d\n%s\n%s", code, out, errs)
	}
	if got := ExitCode(fault.New(fault.Interrupted, "x: %w", err)); got != 130 {
		t.Errorf("a class that is known ends with %d", got)
	}
}

func TestCommandLineInOwnWords(t *testing.T) {
	for args, want := range map[string]string{
		"act":                                   "give --need and --want",
		"act --need 1":                          "give --want",
		"act --need 1 --want 1":                 "give --one or --two",
		"act --need 1 --want 1 --one 1 --two 1": "--one and --two do not go together",
		"act --need 1 --want 1 x y":             "tool act takes one THING, not 2",
		"bare x":                                `tool bare takes no "x"`,
		"exact":                                 "give THING",
	} {
		nothing := func(*cobra.Command, []string) error { return nil }
		tool := Tool{Name: "tool", Commands: []Command{{"act", func(c *Console) *cobra.Command {
			cmd := &cobra.Command{Use: "act [THING]", Args: cobra.MaximumNArgs(1), RunE: nothing}
			for _, name := range []string{"need", "want", "one", "two"} {
				cmd.Flags().Int(name, 0, "")
			}
			for _, name := range []string{"need", "want"} {
				if err := cmd.MarkFlagRequired(name); err != nil {
					t.Fatal(err)
				}
			}
			cmd.MarkFlagsMutuallyExclusive("one", "two")
			cmd.MarkFlagsOneRequired("one", "two")
			return cmd
		}}, {"bare", func(*Console) *cobra.Command { return &cobra.Command{Use: "bare", Args: cobra.NoArgs, RunE: nothing} }}, {"exact", func(*Console) *cobra.Command {
			return &cobra.Command{Use: "exact THING", Args: cobra.ExactArgs(1), RunE: nothing}
		}}}}
		var e bytes.Buffer
		code := Run(context.Background(), tool, strings.Fields(args), Streams{Out: &e, Err: &e})
		if code != 64 || !strings.Contains(e.String(), "error: "+want+" [usage]") {
			t.Errorf("%s: %d\n%s", args, code, e.String())
		}
	}
}

func TestNoVariableMakesACommandAnotherOne(t *testing.T) {
	for _, name := range []string{"revert", "empty", "embed", "yes", "no-backup"} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(variable(name), "1")
			var did bool
			tool := Tool{Name: "tool", Commands: []Command{{"act", func(c *Console) *cobra.Command {
				cmd := &cobra.Command{Use: "act", RunE: func(*cobra.Command, []string) error { return nil }}
				cmd.Flags().BoolVar(&did, name, false, "")
				return cmd
			}}}}
			var e bytes.Buffer
			code := Run(context.Background(), tool, []string{"act"}, Streams{Out: &e, Err: &e})
			if code != 0 || did || !strings.Contains(e.String(), "warning: "+variable(name)+" has no effect") {
				t.Errorf("%d %v %s", code, did, e.String())
			}
		})
	}
	if text := strings.Join(withoutTwin(), " "); !strings.Contains(text, "--revert") || strings.Contains(text, "--spooled") {
		t.Errorf("help environment says %s", text)
	}
}

func TestVariableThatDoesNotFit(t *testing.T) {
	for variable, want := range map[string]string{
		"PACKLIFT_WAIT":  "use a duration such as 30d, 2w, 12h or 90s",
		"PACKLIFT_COUNT": "use a whole number",
		"PACKLIFT_JSON":  "use true or false",
	} {
		t.Run(variable, func(t *testing.T) {
			t.Setenv(variable, "5 hunter2")
			tool := Tool{Name: "tool", Commands: []Command{{"act", func(c *Console) *cobra.Command {
				cmd := &cobra.Command{Use: "act", RunE: func(*cobra.Command, []string) error { return nil }}
				cmd.Flags().Var(new(Duration), "wait", "")
				cmd.Flags().Int("count", 0, "")
				return cmd
			}}}}
			var e bytes.Buffer
			code := Run(context.Background(), tool, []string{"act"}, Streams{Out: &e, Err: &e})
			if code != 64 || !strings.Contains(e.String(), variable+": "+want) || strings.Contains(e.String(), "hunter2") || strings.Contains(e.String(), "passphrase") {
				t.Errorf("%d %s", code, e.String())
			}
		})
	}
}

func TestVersionFlag(t *testing.T) {
	code, out, _ := run(t, say, "--version")
	if code != 0 || out != "tool "+version.Current()+"\n" {
		t.Errorf("%d %q", code, out)
	}
	if code, out, _ := run(t, say, "--version", "--json"); code != 0 || !strings.HasPrefix(out, `{"message_type":"version"`) {
		t.Errorf("%d %q", code, out)
	}
}

func TestEnvironment(t *testing.T) {
	t.Setenv("PACKLIFT_JSON", "true")
	t.Setenv("PACKLIFT_ITEM", "a,b")
	t.Setenv("PACKLIFT_YES", "true")
	t.Setenv("PACKLIFT_COUNT", "")
	var items []string
	var yes bool
	var o, e bytes.Buffer
	tool := Tool{Name: "tool", Commands: []Command{{"act", func(c *Console) *cobra.Command {
		cmd := &cobra.Command{Use: "act", RunE: func(*cobra.Command, []string) error { c.Data("x", nil, "x"); return nil }}
		cmd.Flags().StringArrayVar(&items, "item", nil, "")
		cmd.Flags().BoolVar(&yes, "yes", false, "")
		return cmd
	}}}}
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
