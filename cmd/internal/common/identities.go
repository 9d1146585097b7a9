package common

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"filippo.io/age"

	"packlift/internal/cli"
	"packlift/internal/keys"
	"packlift/internal/typed"
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
	out, err := identityFiles(ctx, c, ui, files)
	if err != nil {
		return nil, err
	}
	ask := func() ([]byte, error) { return c.Passphrase(ctx, "passphrase of the bundle") }
	return append(out, keys.PassphraseIdentity(ask)), nil
}

func identityFiles(ctx context.Context, c *cli.Console, ui keys.UI, files []string) ([]age.Identity, error) {
	implied := len(files) == 0
	if implied {
		files = []string{DefaultIdentity()}
	}
	var out []age.Identity
	for _, name := range files {
		data, err := ReadSmall(ctx, c, "identity", name, keys.MaxKeyFile)
		if implied && (name == "" || errors.Is(err, fs.ErrNotExist)) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		WarnOpenSecret(c, name)
		ids, err := ui.Identities(name, data)
		if err != nil {
			return nil, err
		}
		out = append(out, ids...)
	}
	return out, nil
}

// WarnOpenSecret warns where others than its owner can read a secret, or put
// another in its place. Windows keeps that elsewhere than in the mode.
func WarnOpenSecret(c *cli.Console, name string) {
	info, err := os.Stat(name)
	if err != nil || name == "-" || runtime.GOOS == "windows" || !info.Mode().IsRegular() {
		return
	}
	can := "read"
	switch mode := info.Mode().Perm(); {
	case mode&0o066 == 0: // no more than the right to execute it
		return
	case mode&0o044 == 0:
		can = "change"
	case mode&0o022 != 0:
		can = "read and change"
	}
	c.Warn("%s holds a secret and has mode %04o: others can %s it; chmod 600 %s", name, info.Mode().Perm(), can, typed.Word(name))
}

// HasDefaultIdentity reports whether the default identity file is there.
func HasDefaultIdentity() bool {
	_, err := os.Stat(DefaultIdentity())
	return err == nil
}
