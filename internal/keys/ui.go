package keys

import (
	"errors"
	"fmt"

	"filippo.io/age/plugin"
)

// UI is how a key asks its user. Either function may be nil; what needs it
// then fails.
type UI struct {
	// Secret prompts for a passphrase or PIN and reads it without echo.
	Secret func(prompt string) ([]byte, error)
	// Message shows what a plugin says, such as "touch your token".
	Message func(text string)
}

var errNoPrompt = errors.New("it needs a passphrase, and there is no way to ask for one")

func (u UI) secret(prompt string) ([]byte, error) {
	if u.Secret == nil {
		return nil, errNoPrompt
	}
	return u.Secret(prompt)
}

// plugin adapts u. A confirmation is not given on the user's behalf: plugins
// that ask for one are refused.
func (u UI) plugin() *plugin.ClientUI {
	c := &plugin.ClientUI{
		RequestValue: func(name, prompt string, _ bool) (string, error) {
			b, err := u.secret(fmt.Sprintf("age-plugin-%s: %s", name, prompt))
			return string(b), err
		},
	}
	if u.Message != nil {
		c.DisplayMessage = func(name, message string) error {
			u.Message(fmt.Sprintf("age-plugin-%s: %s", name, message))
			return nil
		}
		c.WaitTimer = func(name string) { u.Message(fmt.Sprintf("waiting for age-plugin-%s", name)) }
	}
	return c
}
