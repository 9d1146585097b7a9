package cli

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"packlift/internal/fault"
)

// noTwin lists the flags without an environment twin: those that confirm,
// force, run commands or make a command another one. A forgotten variable must
// not answer a question, nor turn an update into a revert. (--dry-run has one:
// it can only keep a run from changing something.)
var noTwin = []string{
	"yes", "fingerprint", "allow-root", "no-backup", "revert", "empty", "embed", "plain-http-credentials", "password-command",
	"hook-pre", "hook-post", "health-check", "force-running", "confirm", "replace", "drop", "continue", "help", "version", "spooled",
}

// notForEnvironment are those of noTwin that users look for.
var notForEnvironment = noTwin[:17]

// Twin is the name of a flag's environment variable, "" if it has none.
func Twin(flag string) string {
	if slices.Contains(noTwin, flag) {
		return ""
	}
	return variable(flag)
}

func variable(flag string) string {
	return "PACKLIFT_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// fromEnvironment sets each flag that the command line left alone from its
// twin. A list's items are separated by commas.
func (c *Console) fromEnvironment(cmd *cobra.Command) (err error) {
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		name := Twin(f.Name)
		value := os.Getenv(name)
		_, none := f.Value.(interface{ NoTwin() })
		switch {
		case none:
		case name == "" && slices.Contains(notForEnvironment, f.Name) && os.Getenv(variable(f.Name)) != "":
			c.Warn("%s has no effect: --%s is taken from the command line only", variable(f.Name), f.Name)
		case name == "" || value == "" || f.Changed || err != nil:
		default:
			err = setTwin(cmd.Flags(), f, name, value)
		}
	})
	return err
}

func setTwin(flags *pflag.FlagSet, f *pflag.Flag, name, value string) error {
	values := []string{value}
	if _, list := f.Value.(pflag.SliceValue); list {
		values = strings.Split(value, ",")
	}
	for _, v := range values {
		if err := flags.Set(f.Name, v); err != nil {
			hint := fmt.Sprintf("unset it, or give a value that --%s takes", f.Name)
			if f.Name == "passphrase" {
				hint = "unset it; passphrases come from the file that " + PassphraseFile + " names"
			}
			return fault.New(fault.Usage, "environment variable %s: %s", name, whatFits(f, err)).WithHint("%s", hint)
		}
	}
	return flags.SetAnnotation(f.Name, fromTwin, nil)
}

// fromTwin is the annotation of flags that a variable has set.
const fromTwin = "packlift_from_environment"

// FromEnvironment reports whether a flag was set by its variable, and not on the command line.
func FromEnvironment(f *pflag.Flag) bool {
	_, ok := f.Annotations[fromTwin]
	return ok
}

// whatFits says what a flag takes. The value that it did not take is not
// repeated: it may be a secret that was put into the wrong variable.
func whatFits(f *pflag.Flag, err error) string {
	var invalid *pflag.InvalidValueError
	_, own := f.Value.(interface{ ownWords() })
	switch {
	case own && errors.As(err, &invalid):
		return invalid.Unwrap().Error()
	case f.Value.Type() == "bool":
		return "use true or false"
	case f.Value.Type() == "int":
		return "use a whole number"
	}
	return "the value does not fit"
}

// withoutTwin lists the flags of this release that have no environment twin.
func withoutTwin() []string {
	var out []string
	for _, name := range notForEnvironment {
		out = append(out, "--"+name)
	}
	return out
}
