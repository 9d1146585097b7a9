package fetch

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"sync"
	"unicode"

	"packlift/internal/fault"
)

const maxSecret = 16 << 10

// Credentials say to a depot who asks: a username and a password (basic), or a token
// (bearer). However they are printed, they do not show.
type Credentials struct {
	Username, Password, Token string
}

// IsZero reports whether there are none.
func (c Credentials) IsZero() bool { return c == Credentials{} }

// Format prints no more than that there are some.
func (c Credentials) Format(f fmt.State, _ rune) { io.WriteString(f, "(credentials)") }

// MarshalText does the same for encoders.
func (c Credentials) MarshalText() ([]byte, error) { return []byte("(credentials)"), nil }

// Check says what no server could take (RFC 7617, RFC 6750), and repeats none of it.
func (c Credentials) Check() error {
	switch {
	case c.Token != "" && (c.Username != "" || c.Password != ""):
		return fault.New(fault.Usage, "a token and a username or password are given").WithHint("give either the token or the two others")
	case len(c.Username) > maxSecret || len(c.Password) > maxSecret || len(c.Token) > maxSecret:
		return fault.New(fault.Usage, "username, password or token is longer than %d bytes", maxSecret)
	case strings.Contains(c.Username, ":"):
		return fault.New(fault.Usage, "the username holds a colon, which basic authentication cannot carry")
	case c.Username == "" && c.Password != "":
		return fault.New(fault.Usage, "a password is given, and no username").WithHint("give --username NAME, or PACKLIFT_USERNAME")
	case strings.ContainsFunc(c.Username+c.Password, unicode.IsControl):
		return fault.New(fault.Usage, "username or password holds a control character")
	case strings.Trim(c.Token, tokenLetters) != "":
		return fault.New(fault.Usage, "the token holds characters that no bearer token has")
	}
	return nil
}

const tokenLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/="

// header is the value of Authorization, "" for none.
func (c Credentials) header() string {
	switch {
	case c.Token != "":
		return "Bearer " + c.Token
	case !c.IsZero():
		return "Basic " + c.basic()
	}
	return ""
}

func (c Credentials) basic() string {
	return base64.StdEncoding.EncodeToString([]byte(c.Username + ":" + c.Password))
}

// vault holds the credentials of one depot, and knows what must not be shown.
type vault struct {
	mu      sync.Mutex
	given   Credentials
	secrets []string
}

func (v *vault) set(c Credentials) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.given = c
	if c.Password != "" {
		v.hide(c.Password)
		v.secrets = append(v.secrets, c.basic())
	}
	v.hide(c.Token)
}

// hideUser keeps the password of a proxy's URL from being shown.
func (v *vault) hideUser(u *url.URL) {
	if u == nil || u.User == nil {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	password, _ := u.User.Password()
	v.hide(password)
	v.hide(Credentials{Username: u.User.Username(), Password: password}.basic())
}

// hide adds a secret in each of its spellings; the caller holds the lock.
func (v *vault) hide(secret string) {
	for _, s := range []string{secret, url.QueryEscape(secret), url.PathEscape(secret)} {
		if len(s) >= shortest && !slices.Contains(v.secrets, s) {
			v.secrets = append(v.secrets, s)
		}
	}
}

// shortest is the length of a secret from which on it is looked for: a shorter
// one stands in every text.
const shortest = 4

func (v *vault) header() string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.given.header()
}

// clean takes secrets out of a text: a server may say them back.
func (v *vault) clean(text string) string {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, s := range v.secrets {
		text = strings.ReplaceAll(text, s, "***")
	}
	return text
}

// cleanError is err, or where its text holds a secret another of its class.
func (v *vault) cleanError(err error) error {
	if err == nil {
		return nil
	}
	text, hint := err.Error(), fault.HintOf(err)
	if v.clean(text) == text && v.clean(hint) == hint {
		return err
	}
	return &fault.Error{Class: fault.ClassOf(err), Err: &cleaned{v.clean(text), err}, Hint: v.clean(hint)}
}

// cleaned is an error in other words.
type cleaned struct {
	text string
	err  error
}

func (c *cleaned) Error() string { return c.text }

// Unwrap gives the error as it was, for those who ask what it is.
func (c *cleaned) Unwrap() error { return c.err }
