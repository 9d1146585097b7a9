package keys

import (
	"errors"
	"sync"

	"filippo.io/age"

	"packlift/internal/fault"
)

// MaxWork caps scrypt's work at 2^20, about 1 GiB of memory: age writes 2^18,
// and a file may ask for any.
const MaxWork = 20

// PassphraseIdentity opens what was encrypted with a passphrase alone. It asks
// only when it meets such a file, and once; a wrong passphrase is of class
// fault.Undecryptable.
func PassphraseIdentity(passphrase func() ([]byte, error)) age.Identity {
	return &passphraseIdentity{ask: passphrase}
}

type passphraseIdentity struct {
	ask func() ([]byte, error)

	mu  sync.Mutex
	got *age.ScryptIdentity // one that has opened something
}

func (p *passphraseIdentity) Unwrap(stanzas []*age.Stanza) ([]byte, error) {
	for _, s := range stanzas {
		if s.Type == "scrypt" && len(stanzas) != 1 {
			return nil, errors.New("a passphrase stands beside other recipients")
		}
	}
	if len(stanzas) != 1 || stanzas[0].Type != "scrypt" {
		return nil, age.ErrIncorrectIdentity
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	id, err := p.identity()
	if err != nil {
		return nil, err
	}
	key, err := id.Unwrap(stanzas)
	if errors.Is(err, age.ErrIncorrectIdentity) {
		return nil, fault.New(fault.Undecryptable, "the passphrase is wrong").
			WithHint("type it again, or look at the first line of the file that PACKLIFT_PASSPHRASE_FILE names")
	}
	if err == nil {
		p.got = id
	}
	return key, err
}

func (p *passphraseIdentity) identity() (*age.ScryptIdentity, error) {
	if p.got != nil {
		return p.got, nil
	}
	if p.ask == nil {
		return nil, errNoPrompt
	}
	text, err := p.ask()
	if err != nil {
		return nil, err
	}
	id, err := age.NewScryptIdentity(string(text))
	if err != nil {
		return nil, fault.New(fault.Undecryptable, "passphrase: %w", err)
	}
	id.SetMaxWorkFactor(MaxWork)
	return id, nil
}
