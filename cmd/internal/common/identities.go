package common

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"filippo.io/age"

	"packlift/internal/cli"
	"packlift/internal/keys"
)

// DefaultIdentity is the identity file that is used where none is given.
func DefaultIdentity() string {
	home, err := os.UserHomeDir()
	if err != nil {
		return ""
	}
	return filepath.Join(home, ".packlift", "identity")
}

// UI lets keys ask on the console's terminal.
func UI(ctx context.Context, c *cli.Console) keys.UI {
	return keys.UI{
		Secret:  func(prompt string) ([]byte, error) { return c.Passphrase(ctx, prompt) },
		Message: func(text string) { c.Note("%s", text) },
	}
}

// Identities reads the identity files given, or the default one if it is
// there, and adds the one that asks for a passphrase where a bundle wants one.
func Identities(ctx context.Context, c *cli.Console, files []string) ([]age.Identity, error) {
	ui := UI(ctx, c)
	out, err := identityFiles(c, ui, files)
	if err != nil {
		return nil, err
	}
	ask := func() ([]byte, error) { return c.Passphrase(ctx, "passphrase of the bundle") }
	return append(out, keys.PassphraseIdentity(ask)), nil
}

func identityFiles(c *cli.Console, ui keys.UI, files []string) ([]age.Identity, error) {
	implied := len(files) == 0
	if implied {
		files = []string{DefaultIdentity()}
	}
	var out []age.Identity
	for _, name := range files {
		data, err := ReadSmall(c, name, keys.MaxKeyFile)
		if implied && (name == "" || errors.Is(err, fs.ErrNotExist)) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		ids, err := ui.Identities(name, data)
		if err != nil {
			return nil, err
		}
		out = append(out, ids...)
	}
	return out, nil
}

// HasDefaultIdentity reports whether the default identity file is there.
func HasDefaultIdentity() bool {
	_, err := os.Stat(DefaultIdentity())
	return err == nil
}
