package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"packlift/internal/fault"
	"packlift/internal/version"
)

// newRoot builds the tool's commands, as far as args can lead to them. The returned bool turns
// true once a command's own work begins: an error before that is one of usage.
func newRoot(t Tool, c *Console, args []string) (*cobra.Command, *bool) {
	started := new(bool)
	root := &cobra.Command{
		Use: t.Name + " COMMAND", Short: t.Short, Long: t.Long,
		Args:          noSuchCommand,
		SilenceErrors: true, SilenceUsage: true, DisableAutoGenTag: true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error { return c.fromEnvironment(cmd) },
	}
	root.SetIn(c.streams.In)
	root.SetOut(c.streams.Out)
	root.SetErr(c.streams.Err)
	c.flags(root.PersistentFlags())
	asked := root.Flags().Bool("version", false, "print the tool's version")
	root.RunE = func(cmd *cobra.Command, args []string) error {
		if *asked {
			c.Data("version", version.Get(), cmd.Name()+" "+version.Current())
			return nil
		}
		return needsCommand(cmd, args)
	}
	if called, ok := t.called(args); ok {
		root.CompletionOptions.DisableDefaultCmd = true
		root.AddCommand(called.build(c))
	} else {
		t.addAll(root, c)
	}
	root.SetHelpCommand(helpCommand())
	root.SetHelpFunc(c.helpWith(root.HelpFunc()))
	root.SetUsageTemplate(usageTemplate)
	prepare(root, started)
	return root, started
}

// called is the command that args begin with: no other is wanted then. Where they begin otherwise,
// all are: for help, completions, "did you mean", and flags in front of the command.
func (t Tool) called(args []string) (Command, bool) {
	i := slices.IndexFunc(t.Commands, func(m Command) bool { return len(args) > 0 && m.Name == args[0] })
	if i < 0 {
		return Command{}, false
	}
	return t.Commands[i], true
}

func (m Command) build(c *Console) *cobra.Command {
	cmd := m.New(c)
	if cmd.Name() != m.Name {
		panic(fmt.Sprintf("the command %s stands as %s in the tool's list", cmd.Name(), m.Name)) // a fault of the program, found by any run
	}
	return cmd
}

// addAll gives root each command and topic.
func (t Tool) addAll(root *cobra.Command, c *Console) {
	for _, m := range t.Commands {
		root.AddCommand(m.build(c))
	}
	root.AddCommand(exitCodesTopic(), environmentTopic(t))
	root.AddCommand(packagers()...)
	root.InitDefaultCompletionCmd()
}

func (c *Console) flags(f *pflag.FlagSet) {
	f.BoolVar(&c.json, "json", false, "print JSON lines on standard output, each with message_type")
	f.BoolVarP(&c.quiet, "quiet", "q", false, "print data, warnings and errors only")
	f.BoolVarP(&c.verbose, "verbose", "v", false, "print details")
	f.BoolVar(&c.noProgress, "no-progress", false, "show no progress")
	f.Var(&c.color, "color", "colour the output")
}

// prepare makes every command below cmd refuse in one way and mark the start of its work.
func prepare(cmd *cobra.Command, started *bool) {
	cmd.Flags().SortFlags = false
	cmd.DisableFlagsInUseLine = !cmd.HasAvailableLocalFlags()
	if cmd.HasSubCommands() && !cmd.Runnable() {
		cmd.Args, cmd.RunE, cmd.Use = noSuchCommand, needsCommand, cmd.Name()+" COMMAND"
	} else if run := cmd.RunE; run != nil && cmd.HasParent() {
		cmd.RunE = func(cmd *cobra.Command, args []string) error {
			*started = true
			return run(cmd, args)
		}
	}
	cmd.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) { completeFlag(cmd, f) })
	for _, sub := range cmd.Commands() {
		prepare(sub, started)
	}
}

// completeFlag lets the shell offer the words of a Choice, and folders for DIR.
func completeFlag(cmd *cobra.Command, f *pflag.Flag) {
	var err error
	if choice, ok := f.Value.(*Choice); ok {
		err = cmd.RegisterFlagCompletionFunc(f.Name, cobra.FixedCompletions(choice.allowed, cobra.ShellCompDirectiveNoFileComp))
	} else if name, _ := pflag.UnquoteUsage(f); name == "DIR" {
		err = cmd.MarkFlagDirname(f.Name)
	}
	if err != nil {
		panic(err) // the flag is cmd's own: a fault of the program, found by any run
	}
}

func noSuchCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	err := fault.New(fault.Usage, "unknown command %q for %q", args[0], cmd.CommandPath())
	cmd.SuggestionsMinimumDistance = 2
	if s := cmd.SuggestionsFor(args[0]); len(s) > 0 {
		err.WithHint("did you mean `%s%s %s`?", called(), commandPath(cmd), s[0])
	}
	return err
}

// needsCommand shows the help where a command is missing, and counts as usage.
func needsCommand(cmd *cobra.Command, _ []string) error {
	fmt.Fprintf(cmd.ErrOrStderr(), "%s\n", strings.TrimSpace(cmd.UsageString()))
	return fault.New(fault.Usage, "say which command")
}

// usageError classes what cobra found wrong before a command began.
func usageError(cmd *cobra.Command, err error) error {
	var known *fault.Error
	if errors.As(err, &known) {
		return err
	}
	out := &fault.Error{Class: fault.Usage, Err: ownWords(cmd, err)}
	var unknown *pflag.NotExistError
	if errors.As(err, &unknown) {
		if near := nearestFlag(cmd, unknown.GetSpecifiedName()); near != "" {
			out.Hint = "did you mean --" + near + "?"
		}
	}
	return out
}

// nearestFlag is the flag of cmd spelled most like name, at most two letters away.
func nearestFlag(cmd *cobra.Command, name string) string {
	best, distance := "", 3
	visit := func(f *pflag.Flag) {
		d := spelling(name, f.Name)
		if strings.HasPrefix(f.Name, name) && len(name) > 1 {
			d = min(d, 1)
		}
		if d < distance && !f.Hidden {
			best, distance = f.Name, d
		}
	}
	cmd.LocalFlags().VisitAll(visit)
	cmd.InheritedFlags().VisitAll(visit)
	return best
}

// spelling is the number of letters to change, add or drop between a and b (Levenshtein).
func spelling(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		corner := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := corner
			if a[i] != b[j] {
				change++
			}
			corner = row[j+1]
			row[j+1] = min(change, row[j]+1, corner+1)
		}
	}
	return row[len(b)]
}
