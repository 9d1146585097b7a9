package keys

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"filippo.io/age"
	"filippo.io/age/agessh"
	"filippo.io/age/armor"
	"filippo.io/age/plugin"
	"golang.org/x/crypto/ssh"

	"packlift/internal/fault"
)

// ReadIdentities reads the file called name (for messages): an age identity
// file (one a line), the same encrypted with a passphrase (binary or armoured), or
// an OpenSSH private key, encrypted or not. What is encrypted is decrypted, and its
// passphrase asked for, when a bundle is first opened with it. Faults in the
// file are of class fault.Usage.
func ReadIdentities(name string, data []byte, passphrase func(prompt string) ([]byte, error)) ([]age.Identity, error) {
	return UI{Secret: passphrase}.Identities(name, data)
}

// Identities is ReadIdentities for plugins that talk to their user.
func (u UI) Identities(name string, data []byte) ([]age.Identity, error) {
	if len(data) > MaxKeyFile {
		return nil, fault.New(fault.Usage, "%s: longer than %d bytes", name, MaxKeyFile)
	}
	text := bytes.TrimSpace(data)
	switch {
	case bytes.HasPrefix(text, []byte(armor.Header)):
		b, err := io.ReadAll(armor.NewReader(bytes.NewReader(text)))
		if err != nil {
			return nil, wrap(name, err)
		}
		return []age.Identity{&lockedFile{name: name, data: b, ui: u}}, nil
	case bytes.HasPrefix(data, []byte("age-encryption.org/")):
		return []age.Identity{&lockedFile{name: name, data: data, ui: u}}, nil
	case bytes.HasPrefix(text, []byte("-----BEGIN ")):
		id, err := u.sshIdentity(name, text)
		if err != nil {
			return nil, wrap(name, err)
		}
		return []age.Identity{id}, nil
	}
	return u.identityLines(name, data)
}

func (u UI) identityLines(name string, data []byte) ([]age.Identity, error) {
	var out []age.Identity
	err := eachLine(name, data, func(line string) error {
		if len(out) == maxKeys {
			return fault.New(fault.Usage, "more than %d identities", maxKeys)
		}
		id, err := u.identityLine(line)
		out = append(out, id)
		return err
	})
	if err != nil {
		return nil, err
	}
	if len(out) == 0 {
		return nil, fault.New(fault.Usage, "%s: holds no identity", name).WithHint("make one with packlift-import keygen -o FILE")
	}
	return out, nil
}

func (u UI) identityLine(line string) (age.Identity, error) {
	switch {
	case strings.HasPrefix(line, "AGE-SECRET-KEY-1"):
		return age.ParseX25519Identity(line)
	case strings.HasPrefix(line, "AGE-SECRET-KEY-PQ-1"):
		return age.ParseHybridIdentity(line)
	case strings.HasPrefix(line, "AGE-PLUGIN-"):
		return plugin.NewIdentity(line, u.plugin())
	case strings.HasPrefix(line, "age1"), strings.HasPrefix(line, "ssh-"):
		return nil, fault.New(fault.Usage, "this is a recipient, not an identity").
			WithHint("give the private file that belongs to it")
	}
	return nil, errors.New("no identity that is known") // the line may be a secret: never quote it
}

func (u UI) sshIdentity(name string, pem []byte) (age.Identity, error) {
	id, err := agessh.ParseIdentity(pem)
	var locked *ssh.PassphraseMissingError
	if !errors.As(err, &locked) {
		return id, err
	}
	if locked.PublicKey == nil {
		return nil, fault.New(fault.Usage, "an encrypted key in the old PEM form does not say which key it is").
			WithHint("convert it with ssh-keygen -p -f FILE")
	}
	return agessh.NewEncryptedSSHIdentity(locked.PublicKey, pem, func() ([]byte, error) {
		return u.secret(fmt.Sprintf("Passphrase for %s: ", name))
	})
}

// lockedFile is an identity file encrypted with a passphrase. It is opened
// once, at the first need; parts are opened from several goroutines.
type lockedFile struct {
	name string
	data []byte
	ui   UI

	mu  sync.Mutex
	ids []age.Identity
}

func (l *lockedFile) Unwrap(stanzas []*age.Stanza) ([]byte, error) {
	ids, err := l.open()
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		key, err := id.Unwrap(stanzas)
		if !errors.Is(err, age.ErrIncorrectIdentity) {
			return key, err
		}
	}
	return nil, age.ErrIncorrectIdentity
}

func (l *lockedFile) open() ([]age.Identity, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ids != nil {
		return l.ids, nil
	}
	r, err := age.Decrypt(bytes.NewReader(l.data), PassphraseIdentity(func() ([]byte, error) {
		return l.ui.secret(fmt.Sprintf("Passphrase for %s: ", l.name))
	}))
	var none *age.NoIdentityMatchError
	if errors.As(err, &none) {
		return nil, fault.New(fault.Usage, "%s: encrypted to a key, not with a passphrase", l.name).
			WithHint("decrypt it first with age -d")
	}
	if err != nil {
		return nil, fault.New(fault.Undecryptable, "%s: %w", l.name, err)
	}
	plain, err := io.ReadAll(io.LimitReader(r, MaxKeyFile+1))
	if err != nil {
		return nil, fault.New(fault.Undecryptable, "%s: %w", l.name, err)
	}
	l.ids, err = l.ui.identityLines(l.name, plain)
	return l.ids, err
}
