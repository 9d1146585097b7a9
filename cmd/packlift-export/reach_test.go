package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"packlift/internal/cli"
	"packlift/internal/fault"
	"packlift/internal/fetch"
)

const word = `pa$$'w:ö rd"%41\`

// reached gives the credentials that a run with flags and variables ends up with, and what it printed.
func reached(t *testing.T, env map[string]string, args ...string) (got fetch.Credentials, printed string, err error) {
	t.Helper()
	for _, name := range []string{"PACKLIFT_USERNAME", "PACKLIFT_PASSWORD", "PACKLIFT_PASSWORD_FILE", "PACKLIFT_PASSWORD_COMMAND", "PACKLIFT_TOKEN", "PACKLIFT_TOKEN_FILE", "UPDATE_TOOL_USERNAME", "UPDATE_TOOL_PASSWORD"} {
		t.Setenv(name, env[name])
	}
	var out bytes.Buffer
	command := func(c *cli.Console) *cobra.Command {
		var d reach
		cmd := &cobra.Command{Use: "reach", Short: "reach", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
			got, err = d.credentials(cmd.Context(), c)
			if err == nil && d.passwordFile != "-" { // which can be read once
				_, err = d.Open(cmd.Context(), c, "https://127.0.0.1:1/depot", nil)
			}
			if err != nil {
				err = fault.New(fault.ClassOf(err), "%w", err)
			}
			return err
		}}
		d.Flags(cmd.Flags())
		return cmd
	}
	code := cli.Run(context.Background(), cli.Tool{Name: "x", Commands: []cli.Command{{Name: "reach", New: command}}}, append([]string{"reach", "-v"}, args...), cli.Streams{In: strings.NewReader(word + "\r\nmore"), Out: &out, Err: &out})
	if (code == 0) != (err == nil) {
		t.Fatalf("exit code %d, %v\n%s", code, err, &out)
	}
	return got, out.String(), err
}

func secretIn(t *testing.T, name, text string, mode os.FileMode) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := errors.Join(os.WriteFile(file, []byte(text), mode), os.Chmod(file, mode)); err != nil {
		t.Fatal(err)
	}
	return file
}

// The command line wins over PACKLIFT_ variables, these over the reference tool's;
// what is given twice at one place is refused; nothing of it is printed.
func TestWhereCredentialsComeFrom(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the command is a POSIX shell's")
	}
	file := secretIn(t, "password", word+"\nsecond line\n", 0o600)
	token := secretIn(t, "token", "tok-en.1\n", 0o600)
	all := map[string]string{"PACKLIFT_USERNAME": "env", "PACKLIFT_PASSWORD": "env-pass", "UPDATE_TOOL_USERNAME": "old", "UPDATE_TOOL_PASSWORD": "old-pass"}
	u := func(name, password string) fetch.Credentials {
		return fetch.Credentials{Username: name, Password: password}
	}
	for name, c := range map[string]struct {
		env  map[string]string
		args []string
		want fetch.Credentials
	}{
		"nothing":          {nil, nil, fetch.Credentials{}},
		"reference":        {map[string]string{"UPDATE_TOOL_USERNAME": "old", "UPDATE_TOOL_PASSWORD": word}, nil, u("old", word)},
		"environment":      {all, nil, u("env", "env-pass")},
		"mixed":            {map[string]string{"UPDATE_TOOL_USERNAME": "old", "UPDATE_TOOL_PASSWORD": "x", "PACKLIFT_PASSWORD": word}, nil, u("old", word)},
		"flags":            {all, []string{"-u", "me", "-p", word}, u("me", word)},
		"flag of one word": {all, []string{"-ume", "-p" + word}, u("me", word)},
		"file":             {all, []string{"-u", "me", "--password-file", file}, u("me", word)},
		"file by variable": {map[string]string{"PACKLIFT_USERNAME": "env", "PACKLIFT_PASSWORD_FILE": file, "UPDATE_TOOL_PASSWORD": "x"}, nil, u("env", word)},
		"standard input":   {all, []string{"--password-file", "-"}, u("env", word)},
		"command":          {all, []string{"-u", "me", "--password-command", "cat '" + file + "'; echo no >&2"}, u("me", word)},
		"token":            {all, []string{"--token-file", token}, fetch.Credentials{Token: "tok-en.1"}},
		"token variable":   {map[string]string{"PACKLIFT_TOKEN": "t0k"}, nil, fetch.Credentials{Token: "t0k"}},
	} {
		got, printed, err := reached(t, c.env, c.args...)
		if err != nil || got != c.want {
			t.Errorf("%s: %v", name, err)
		}
		warned := strings.Contains(printed, "process list")
		if warned != strings.HasPrefix(name, "flag") {
			t.Errorf("%s: warned: %v", name, warned)
		}
		for _, s := range []string{word, "env-pass", "old-pass", "tok-en.1", "t0k"} {
			if strings.Contains(printed, s) {
				t.Errorf("%s: a secret is printed: %s", name, printed)
			}
		}
	}
}

func TestCredentialsThatCannotBe(t *testing.T) {
	file := secretIn(t, "password", word, 0o600)
	for name, c := range map[string]struct {
		env   map[string]string
		args  []string
		words string
	}{
		"two flags":      {nil, []string{"-u", "me", "-p", word, "--password-file", file}, "--password and --password-file are given"},
		"two variables":  {map[string]string{"PACKLIFT_PASSWORD": word, "PACKLIFT_TOKEN": "t0k"}, nil, "PACKLIFT_PASSWORD and PACKLIFT_TOKEN are given"},
		"token and user": {map[string]string{"PACKLIFT_TOKEN": "t0k"}, []string{"-u", "me"}, "a token and a username"},
		"no name":        {map[string]string{"PACKLIFT_PASSWORD": word}, nil, "no username"},
		"empty":          {nil, []string{"-u", "me", "--password-file", secretIn(t, "empty", "\nx", 0o600)}, "empty"},
		"failing":        {nil, []string{"-u", "me", "--password-command", "exit 3"}, "exit status 3"},
		"missing file":   {nil, []string{"-u", "me", "--password-file", "/none/here"}, "does not exist"},
		"half a pair":    {nil, []string{"--client-cert", file}, "go together"},
		"no certificate": {nil, []string{"--ca", file}, "no certificate"},
	} {
		if name == "failing" && runtime.GOOS == "windows" {
			continue
		}
		_, printed, err := reached(t, c.env, c.args...)
		if fault.ClassOf(err) != fault.Usage || !strings.Contains(printed, c.words) || strings.Contains(printed, word) || strings.Contains(printed, "t0k") {
			t.Errorf("%s: %v\n%s", name, err, printed)
		}
	}
	if runtime.GOOS != "windows" {
		if _, printed, _ := reached(t, nil, "-u", "me", "--password-file", secretIn(t, "open", word, 0o644)); !strings.Contains(printed, "chmod 600") {
			t.Errorf("a file that all can read is not warned of: %s", printed)
		}
	}
	if _, printed, _ := reached(t, map[string]string{"PACKLIFT_PASSWORD_COMMAND": "touch /tmp/x"}); !strings.Contains(printed, "PACKLIFT_PASSWORD_COMMAND has no effect") {
		t.Errorf("a command from the environment: %s", printed)
	}
}
