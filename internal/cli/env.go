package cli

import (
	"errors"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"packlift/internal/fault"
)

// noTwin lists the flags without an environment twin: those that confirm,
// force or run commands. A forgotten variable must not answer a question.
var noTwin = map[string]bool{
	"help": true, "yes": true, "fingerprint": true, "allow-root": true, "no-backup": true,
	"hook-pre": true, "hook-post": true, "health-check": true,
}

// Twin is the name of a flag's environment variable, "" if it has none.
func Twin(flag string) string {
	if noTwin[flag] {
		return ""
	}
	return "PACKLIFT_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// fromEnvironment sets each flag that the command line left alone from its
// twin. A list's items are separated by commas.
func fromEnvironment(cmd *cobra.Command) (err error) {
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		name := Twin(f.Name)
		value, ok := os.LookupEnv(name)
		if name == "" || !ok || value == "" || f.Changed || err != nil {
			return
		}
		err = setTwin(cmd.Flags(), f, name, value)
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
			// The value is not repeated: it may be a secret that was put into the wrong variable.
			var invalid *pflag.InvalidValueError
			if errors.As(err, &invalid) {
				err = errors.New("the value does not fit")
			}
			return fault.New(fault.Usage, "environment variable %s: %w", name, err).
				WithHint("unset it, or give a value that --%s takes; passphrases come from the file that PACKLIFT_PASSPHRASE_FILE names", f.Name)
		}
	}
	return nil
}

// withoutTwin lists the flags of this release that have no environment twin.
func withoutTwin() []string {
	return []string{"--yes", "--fingerprint", "--allow-root", "--no-backup"}
}
