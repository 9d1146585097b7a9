//go:build unix

package common

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"packlift/internal/cli"
	"packlift/internal/fault"
	"packlift/internal/keys"
	"packlift/verify"
)

func pipe(t *testing.T, name string) string {
	t.Helper()
	if err := syscall.Mkfifo(name, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// within fails the test where act takes long: it waits for a pipe.
func within(t *testing.T, act func()) {
	t.Helper()
	done := make(chan bool)
	go func() { defer close(done); act() }()
	select {
	case <-done:
	case <-time.After(2 * time.Minute):
		t.Fatal("it waits for a pipe")
	}
}

func TestTrustSetWithAPipe(t *testing.T) {
	for _, name := range []string{verify.AllowedSignersFile, verify.PolicyFile, verify.RevokedKeysFile} {
		dir := t.TempDir()
		for _, other := range []string{verify.AllowedSignersFile, verify.PolicyFile, verify.RevokedKeysFile} {
			if err := os.WriteFile(filepath.Join(dir, other), nil, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
		pipe(t, filepath.Join(dir, name))
		within(t, func() {
			_, err := ReadTrust(cli.NewConsole(cli.Streams{}), dir)
			if fault.ClassOf(err) != fault.Untrusted || !strings.Contains(err.Error(), name+": is not a regular file") {
				t.Errorf("%s: %v", name, err)
			}
		})
		within(t, func() {
			if _, err := verify.ParseTrustSet(os.DirFS(dir)); err == nil || !strings.Contains(err.Error(), "not a regular file") {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
}

// TestSmallFileFromAPipe: the wait for a writer ends with the context; with a
// writer the pipe is read like a file.
func TestSmallFileFromAPipe(t *testing.T) {
	c := cli.NewConsole(cli.Streams{In: strings.NewReader(""), Out: io.Discard, Err: io.Discard})
	name := pipe(t, filepath.Join(t.TempDir(), "pipe"))
	ended := errors.New("a signal")
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(20*time.Millisecond, func() { cancel(ended) })
	within(t, func() {
		if _, err := ReadSmall(ctx, c, "identity", name, 100); !errors.Is(err, ended) {
			t.Errorf("without a writer: %v", err)
		}
	})
	name = pipe(t, filepath.Join(t.TempDir(), "pipe"))
	go func() { _ = os.WriteFile(name, []byte("secret"), 0) }()
	within(t, func() {
		if b, err := ReadSmall(t.Context(), c, "identity", name, 100); string(b) != "secret" || err != nil {
			t.Errorf("with a writer: %q, %v", b, err)
		}
	})
}

func TestOpenSecretIsWarnedOf(t *testing.T) {
	name := filepath.Join(t.TempDir(), "identity")
	secret, _, err := keys.GenerateIdentity()
	if err := errors.Join(err, os.WriteFile(name, secret, 0o600)); err != nil {
		t.Fatal(err)
	}
	for mode, want := range map[os.FileMode]string{
		0o600: "", 0o700: "", 0o400: "", 0o640: "others can read it", 0o604: "others can read it",
		0o602: "others can change it", 0o620: "others can change it", 0o666: "others can read and change it",
	} {
		if err := os.Chmod(name, mode); err != nil {
			t.Fatal(err)
		}
		var said strings.Builder
		c := cli.NewConsole(cli.Streams{In: strings.NewReader(""), Out: io.Discard, Err: &said})
		if _, err := Identities(t.Context(), c, []string{name}); err != nil {
			t.Errorf("%04o: %v", mode, err)
		}
		if !strings.Contains(said.String(), want) || (want == "") != (said.Len() == 0) {
			t.Errorf("%04o: it says %q, want %q", mode, said.String(), want)
		}
	}
}
