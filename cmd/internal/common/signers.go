package common

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"

	"packlift/internal/cli"
	"packlift/internal/count"
	"packlift/internal/fault"
	"packlift/internal/keys"
)

// SignKeys are the flags that say who signs.
type SignKeys struct{ files, names []string }

// Flags adds --sign-key and --signer.
func (s *SignKeys) Flags(f *pflag.FlagSet) {
	f.StringArrayVar(&s.files, "sign-key", nil, "sign with this `FILE`: a private key, or a public key held by the ssh agent (repeatable)")
	f.StringArrayVar(&s.names, "signer", nil, "principal `NAME` of each --sign-key, in their order (default: the key's file name)")
}

// Given reports whether any key was given.
func (s *SignKeys) Given() bool { return len(s.files) > 0 || len(s.names) > 0 }

// Load makes the signers; the caller closes them.
func (s *SignKeys) Load(ctx context.Context, c *cli.Console) (out []keys.Signer, err error) {
	if len(s.files) == 0 {
		return nil, fault.New(fault.Usage, "nobody signs").WithHint("give --sign-key FILE; `packlift-export keygen --name vendor -o DIR` makes one")
	}
	if len(s.names) > len(s.files) {
		return nil, fault.New(fault.Usage, "%s named for %s", count.Are(len(s.names), "signer"), count.Of(len(s.files), "key")).
			WithHint("give one --signer for each --sign-key")
	}
	defer func() {
		if err != nil {
			CloseSigners(out)
			out = nil
		}
	}()
	o := keys.SignerOptions{Passphrase: UI(ctx, c).Secret, AgentSocket: os.Getenv("SSH_AUTH_SOCK")}
	for i, file := range s.files {
		data, err := ReadSmall(ctx, c, "signing key", file, keys.MaxKeyFile)
		if err != nil {
			return out, err
		}
		if bytes.HasPrefix(bytes.TrimSpace(data), []byte("-----BEGIN ")) {
			WarnOpenSecret(c, file)
		}
		signer, err := keys.LoadSigner(s.name(i), data, o)
		if err != nil {
			return out, fmt.Errorf("%s: %w", file, err)
		}
		out = append(out, signer)
	}
	return out, nil
}

func (s *SignKeys) name(i int) string {
	if i < len(s.names) {
		return s.names[i]
	}
	return strings.TrimSuffix(filepath.Base(s.files[i]), ".pub")
}

// CloseSigners lets go of agents.
func CloseSigners(signers []keys.Signer) {
	for _, s := range signers {
		s.Close()
	}
}
