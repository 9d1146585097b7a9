package keys

import (
	"errors"
	"io"
	"maps"
	"slices"
	"strings"

	"filippo.io/age"
	"filippo.io/age/agessh"
	"filippo.io/age/plugin"

	"packlift/internal/fault"
)

// ParseRecipients reads recipients given one by one (specs) and as files (name
// to content: one a line, # comments), each once. They are age1…, age1pq1…,
// ssh-ed25519 …, ssh-rsa …, or a plugin's age1NAME1… (age1tag1… through
// age-plugin-tag). With passphrase not nil, the one recipient is that passphrase. What
// is wrong, and what age refuses to mix (hybrid with others, a passphrase with
// anything), is of class fault.Usage.
func ParseRecipients(specs []string, files map[string][]byte, passphrase func() (string, error)) ([]age.Recipient, error) {
	return UI{}.Recipients(specs, files, passphrase)
}

// Recipients is ParseRecipients for plugins that talk to their user.
func (u UI) Recipients(specs []string, files map[string][]byte, passphrase func() (string, error)) ([]age.Recipient, error) {
	if passphrase != nil {
		if len(specs)+len(files) > 0 {
			return nil, fault.New(fault.Usage, "a passphrase cannot go with other recipients: age refuses to mix them").
				WithHint("give --passphrase alone, or recipients alone")
		}
		return passphraseRecipient(passphrase)
	}
	l := recipientList{ui: u, seen: map[string]bool{}}
	for _, s := range specs {
		if err := l.add(strings.TrimSpace(s)); err != nil {
			return nil, wrap("recipient", err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := eachLine(name, files[name], l.add); err != nil {
			return nil, err
		}
	}
	if len(l.out) == 0 {
		return nil, fault.New(fault.Usage, "no recipient: a bundle is always encrypted").
			WithHint("give the site's recipient with -r age1… (packlift-import keygen prints it)")
	}
	return l.out, checkMix(l.out)
}

type recipientList struct {
	ui   UI
	seen map[string]bool
	out  []age.Recipient
}

func (l *recipientList) add(s string) error {
	if l.seen[s] {
		return nil
	}
	if len(l.out) == maxKeys {
		return fault.New(fault.Usage, "more than %d recipients", maxKeys)
	}
	r, err := l.parse(s)
	var known *fault.Error
	if err != nil && !errors.As(err, &known) {
		return fault.New(fault.Usage, "%.24q… is no recipient: cut short, or mistyped (%w)", s, err).
			WithHint("copy the recipient again, whole, as packlift-import keygen printed it")
	}
	if err != nil {
		return err
	}
	l.seen[s] = true
	l.out = append(l.out, r)
	return nil
}

func (l *recipientList) parse(s string) (age.Recipient, error) {
	switch {
	case strings.HasPrefix(s, "age1pq1"):
		return age.ParseHybridRecipient(s)
	case strings.HasPrefix(s, "age1") && strings.Count(s, "1") > 1:
		return plugin.NewRecipient(s, l.ui.plugin())
	case strings.HasPrefix(s, "age1"):
		return age.ParseX25519Recipient(s)
	case strings.HasPrefix(s, "ssh-ed25519 "), strings.HasPrefix(s, "ssh-rsa "):
		return agessh.ParseRecipient(s)
	case strings.HasPrefix(s, "AGE-SECRET-KEY-"), strings.HasPrefix(s, "AGE-PLUGIN-"):
		return nil, fault.New(fault.Usage, "this is an identity, which is secret, not a recipient").
			WithHint("give the recipient (age1…) that belongs to it; packlift-import keygen and age-keygen -y print it")
	case strings.HasPrefix(s, "ecdsa-"), strings.HasPrefix(s, "sk-"):
		return nil, fault.New(fault.Usage, "age encrypts to ssh-ed25519 and ssh-rsa keys only").
			WithHint("use an ssh-ed25519 key, or a recipient that packlift-import keygen prints")
	}
	return nil, fault.New(fault.Usage, "%.20q… is no recipient", s).
		WithHint("recipients begin with age1, ssh-ed25519 or ssh-rsa; a file of them goes with -R")
}

func passphraseRecipient(passphrase func() (string, error)) ([]age.Recipient, error) {
	text, err := passphrase()
	if err != nil {
		return nil, err
	}
	r, err := age.NewScryptRecipient(text)
	if err != nil {
		return nil, fault.New(fault.Usage, "passphrase: %w", err)
	}
	return []age.Recipient{r}, nil
}

// checkMix lets age itself say whether the recipients go together, by a trial
// encryption of nothing; a plugin that is missing shows here too, before any work.
func checkMix(rs []age.Recipient) error {
	w, err := age.Encrypt(io.Discard, rs...)
	if err == nil {
		err = w.Close()
	}
	if err == nil {
		return nil
	}
	f := fault.New(fault.Usage, "recipients: %w", err)
	if missing := new(plugin.NotFoundError); errors.As(err, &missing) {
		return f.WithHint("put age-plugin-%s on the PATH", missing.Name)
	}
	if strings.Contains(err.Error(), "incompatible") {
		return f.WithHint("make one bundle for the post-quantum recipients (age1pq1…) and one for the others")
	}
	return f
}
