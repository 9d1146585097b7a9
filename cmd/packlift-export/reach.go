package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"

	"github.com/spf13/pflag"

	"packlift/cmd/internal/common"
	"packlift/internal/cli"
	"packlift/internal/fault"
	"packlift/internal/fetch"
)

const (
	maxPasswordFile = 64 << 10
	maxCertificates = 4 << 20
)

// reach are the flags that say how a depot is reached.
type reach struct {
	username, password, passwordFile, passwordCommand, tokenFile string
	ca, clientCert, clientKey, cache                             string
	cacheSize                                                    cli.Size
	plainHTTP                                                    bool
	flags                                                        *pflag.FlagSet
	once                                                         bool // a secret was asked for, or standard input was read
}

// Flags adds them.
func (d *reach) Flags(f *pflag.FlagSet) {
	d.flags, d.cacheSize = f, fetch.DefaultCacheMax
	f.StringVarP(&d.username, "username", "u", "", "`NAME` that the depot knows you by")
	f.StringVarP(&d.password, "password", "p", "", "`PASSWORD`; other users see it in the process list: rather --password-file or PACKLIFT_PASSWORD")
	f.StringVar(&d.passwordFile, "password-file", "", "read the password from the first line of `FILE` (- is standard input)")
	f.StringVar(&d.passwordCommand, "password-command", "", "read the password from the first line that `COMMAND` prints")
	f.StringVar(&d.tokenFile, "token-file", "", "read a bearer token from the first line of `FILE`, in place of username and password")
	f.StringVar(&d.ca, "ca", "", "believe the certificate authorities in `FILE` (PEM) too")
	f.StringVar(&d.clientCert, "client-cert", "", "show the depot the client certificate in `FILE` (PEM)")
	f.StringVar(&d.clientKey, "client-key", "", "private key of --client-cert in `FILE` (PEM)")
	f.BoolVar(&d.plainHTTP, "plain-http-credentials", false, "send credentials over http:// too, where everyone on the way can read them")
	f.StringVar(&d.cache, "cache", "", "keep what was fetched in `DIR` (default: the user's cache folder)")
	f.Var(&d.cacheSize, "cache-size", "keep at most this much from one run to the next")
}

// Open opens the depot at a location, a folder or a URL. progress may be nil.
func (d *reach) Open(ctx context.Context, c *cli.Console, location string, progress func(done, total int64)) (fetch.Source, error) {
	o := fetch.Options{PlainHTTP: d.plainHTTP, Cache: d.cache, CacheMax: int64(d.cacheSize), Log: c.Detail, Progress: progress}
	if !fetch.Remote(location) {
		s, err := fetch.Open(location, o)
		if errors.Is(err, os.ErrNotExist) {
			err = common.Missing("depot", location, err)
		}
		return s, err
	}
	if d.fromCommandLine("password") {
		cli.HideWord(d.password)
		c.Warn("a password on the command line shows in the process list: rather --password-file, --password-command or PACKLIFT_PASSWORD")
	}
	var err error
	if o.Credentials, err = d.credentials(ctx, c); err != nil {
		return nil, err
	}
	o.Ask = func(ctx context.Context, host string) (fetch.Credentials, error) {
		d.once = true
		return ask(ctx, c, host)
	}
	if err := d.certificates(ctx, c, &o); err != nil {
		return nil, err
	}
	s, err := fetch.Open(location, o)
	if err == nil && d.plainHTTP && !o.Credentials.IsZero() && strings.EqualFold(location[:5], "http:") {
		c.Warn("credentials go over http://, where everyone on the way can read them")
	}
	return s, err
}

func (d *reach) certificates(ctx context.Context, c *cli.Console, o *fetch.Options) error {
	if (d.clientCert == "") != (d.clientKey == "") {
		return fault.New(fault.Usage, "--client-cert and --client-key go together").WithHint("one file that holds both may be given twice")
	}
	for _, file := range []struct {
		what, name string
		to         *[]byte
	}{{"certificate authority", d.ca, &o.CA}, {"client certificate", d.clientCert, &o.ClientCert}, {"client key", d.clientKey, &o.ClientKey}} {
		if file.name == "" {
			continue
		}
		var err error
		if *file.to, err = common.ReadSmall(ctx, c, file.what, file.name, maxCertificates); err != nil {
			return err
		}
	}
	if d.clientKey != "" {
		common.WarnOpenSecret(c, d.clientKey)
	}
	return nil
}

func (d *reach) fromCommandLine(name string) bool {
	f := d.flags.Lookup(name)
	return f.Changed && !cli.FromEnvironment(f)
}

// secret is one of the ways to give a password or a token.
type secret struct {
	flag  string
	token bool
	read  func() (string, error)
}

// credentials come from the command line, else from PACKLIFT_ variables, else
// from the reference tool's, else, where a username alone is given, from a question.
func (d *reach) credentials(ctx context.Context, c *cli.Console) (fetch.Credentials, error) {
	name := d.username
	if name == "" {
		name = os.Getenv("UPDATE_TOOL_USERNAME")
	}
	s, err := d.choose(ctx, c)
	if err != nil {
		return fetch.Credentials{}, err
	}
	d.once = s == nil && name != "" || s != nil && (d.passwordFile == "-" || d.tokenFile == "-")
	if s == nil && name == "" {
		return fetch.Credentials{}, nil
	}
	if s == nil {
		s = &secret{read: func() (string, error) { return askPassword(ctx, c, name) }}
	}
	text, err := s.read()
	switch {
	case err != nil:
		return fetch.Credentials{}, err
	case text == "":
		return fetch.Credentials{}, fault.New(fault.Usage, "the password or token is empty").WithHint("its first line counts")
	case s.token && d.fromCommandLine("username"):
		return fetch.Credentials{}, fault.New(fault.Usage, "a token and a username are given").WithHint("leave one of the two away")
	case s.token:
		return fetch.Credentials{Token: text}, nil
	}
	return fetch.Credentials{Username: name, Password: text}, nil
}

// choose gives the way that a password or token is given; nil for none. The command
// line wins over the environment; two ways at once are refused.
func (d *reach) choose(ctx context.Context, c *cli.Console) (*secret, error) {
	value := func(v string) func() (string, error) { return func() (string, error) { return v, nil } }
	file := func(what, name string) func() (string, error) {
		return func() (string, error) { return secretFile(ctx, c, what, name) }
	}
	byFlag := map[string]secret{
		"password":         {read: value(d.password)},
		"password-file":    {read: file("password file", d.passwordFile)},
		"password-command": {read: func() (string, error) { return secretCommand(ctx, d.passwordCommand) }},
		"token-file":       {read: file("token file", d.tokenFile), token: true},
	}
	var typed, environment []secret
	for _, flag := range []string{"password", "password-file", "password-command", "token-file"} {
		s := byFlag[flag]
		s.flag = "--" + flag
		switch {
		case d.fromCommandLine(flag):
			typed = append(typed, s)
		case d.flags.Changed(flag):
			s.flag = cli.Twin(flag)
			environment = append(environment, s)
		}
	}
	if token := os.Getenv("PACKLIFT_TOKEN"); token != "" {
		environment = append(environment, secret{"PACKLIFT_TOKEN", true, value(token)})
	}
	var reference []secret
	if password := os.Getenv("UPDATE_TOOL_PASSWORD"); password != "" {
		reference = append(reference, secret{"UPDATE_TOOL_PASSWORD", false, value(password)})
	}
	for _, list := range [][]secret{typed, environment, reference} {
		switch len(list) {
		case 0:
			continue
		case 1:
			return &list[0], nil
		}
		return nil, fault.New(fault.Usage, "%s and %s are given", list[0].flag, list[1].flag).WithHint("leave one of the two away")
	}
	return nil, nil
}

func secretFile(ctx context.Context, c *cli.Console, what, name string) (string, error) {
	data, err := common.ReadSmall(ctx, c, what, name, maxPasswordFile)
	if err != nil {
		return "", err
	}
	common.WarnOpenSecret(c, name)
	return firstLine(data), nil
}

func firstLine(data []byte) string {
	line, _, _ := bytes.Cut(data, []byte("\n"))
	return string(bytes.TrimSuffix(line, []byte("\r")))
}

// secretCommand runs a command in the system's shell. What it says on standard
// error, a question say, is its own.
func secretCommand(ctx context.Context, command string) (string, error) {
	shell, flag := "sh", "-c"
	if runtime.GOOS == "windows" {
		shell, flag = "cmd", "/c"
	}
	cmd := exec.CommandContext(ctx, shell, flag, command)
	cmd.Stdin, cmd.Stderr = os.Stdin, os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return "", fmt.Errorf("--password-command: %w", err)
	}
	data, readErr := io.ReadAll(io.LimitReader(out, maxPasswordFile))
	err = cmd.Wait()
	switch {
	case ctx.Err() != nil:
		return "", context.Cause(ctx)
	case err != nil || readErr != nil:
		return "", fault.New(fault.Usage, "--password-command: %w", errors.Join(err, readErr)).WithHint("run the command by itself to see what it does")
	}
	return firstLine(data), nil
}

func askPassword(ctx context.Context, c *cli.Console, name string) (string, error) {
	text, ok, err := c.Ask(ctx, "password of "+name+" for the depot", true)
	if err == nil && !ok {
		err = fault.New(fault.Usage, "the username %s is given without a password, and there is no terminal to ask on", name).
			WithHint("give --password-file FILE, --password-command COMMAND or PACKLIFT_PASSWORD")
	}
	return text, err
}

// ask asks for both; without a terminal there are none, and the depot's refusal is the error.
func ask(ctx context.Context, c *cli.Console, host string) (fetch.Credentials, error) {
	name, ok, err := c.Ask(ctx, "username for the depot "+host, false)
	if err != nil || !ok || name == "" {
		return fetch.Credentials{}, err
	}
	password, err := askPassword(ctx, c, name)
	return fetch.Credentials{Username: name, Password: password}, err
}
