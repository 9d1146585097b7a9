package cli

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// A run builds the command that it calls, and all where more than one may be wanted.
func TestCommandsThatAreBuilt(t *testing.T) {
	all := []string{"one", "two", "three"}
	for _, tt := range []struct {
		args  string
		built []string
		code  int
		says  string
	}{
		{"two", []string{"two"}, 0, "two ran"},
		{"two --json", []string{"two"}, 0, `{"message_type":"ran","by":"two"}`},
		{"two one", []string{"two"}, 64, `tool two takes no "one"`},
		{"two --help", []string{"two"}, 0, "Usage:\n  tool two\n"},
		{"--color never two", all, 0, "two ran"},
		{"--json two", all, 0, `{"message_type":"ran","by":"two"}`},
		{"tow", all, 64, " two`?"},
		{"help", all, 0, "three"},
		{"help two", all, 0, "Usage:\n  tool two\n"},
		{"--help", all, 0, "three"},
		{"", all, 64, "three"},
		{"completion bash", all, 0, "bash completion"},
		{"__complete t", all, 0, "three"},
		{"__complete two --co", all, 0, "--color"},
	} {
		var built []string
		tool := Tool{Name: "tool"}
		for _, name := range all {
			tool.Commands = append(tool.Commands, Command{name, func(c *Console) *cobra.Command {
				built = append(built, name)
				return &cobra.Command{Use: name, Short: name, Args: cobra.NoArgs, RunE: func(*cobra.Command, []string) error {
					c.Data("ran", map[string]string{"by": name}, name+" ran")
					return nil
				}}
			}})
		}
		var out bytes.Buffer
		code := Run(context.Background(), tool, strings.Fields(tt.args), Streams{In: strings.NewReader(""), Out: &out, Err: &out})
		if !slices.Equal(built, tt.built) || code != tt.code || !strings.Contains(out.String(), tt.says) {
			t.Errorf("%q builds %q, ends with %d: %s", tt.args, built, code, &out)
		}
	}
}

func TestCommandUnderAnotherName(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a command that the list names otherwise is taken")
		}
	}()
	tool := Tool{Name: "tool", Commands: []Command{{"one", func(*Console) *cobra.Command { return &cobra.Command{Use: "two"} }}}}
	Run(context.Background(), tool, []string{"one"}, Streams{Out: new(bytes.Buffer), Err: new(bytes.Buffer)})
}
