package keys

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"filippo.io/age"
	"filippo.io/age/plugin"
)

const pluginName = "packlifttest"

// TestMain lets the test binary, linked as age-plugin-packlifttest, be a plugin: one that
// says something, asks for a PIN, and then does as a plain age key.
func TestMain(m *testing.M) {
	if !strings.HasPrefix(filepath.Base(os.Args[0]), "age-plugin-") {
		os.Exit(m.Run())
	}
	p, err := plugin.New(pluginName)
	if err != nil {
		os.Exit(1)
	}
	p.HandleRecipient(func(data []byte) (age.Recipient, error) { return age.ParseX25519Recipient(string(data)) })
	p.HandleIdentity(func(data []byte) (age.Identity, error) {
		p.DisplayMessage("touch the token")
		pin, err := p.RequestValue("PIN", true)
		if err != nil || pin != "1234" {
			os.Exit(3)
		}
		return age.ParseX25519Identity(string(data))
	})
	os.Exit(p.Main())
}

func TestPlugin(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("needs symbolic links")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Symlink(self, filepath.Join(dir, "age-plugin-"+pluginName)); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir)
	x, _ := age.GenerateX25519Identity()
	rs, err := ParseRecipients([]string{plugin.EncodeRecipient(pluginName, []byte(x.Recipient().String()))}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	data := encrypt(t, rs...)
	identity := []byte(plugin.EncodeIdentity(pluginName, []byte(x.String())))
	said := ""
	ui := UI{Secret: ask("1234"), Message: func(s string) { said += s }}
	ids, err := ui.Identities("token", identity)
	if err != nil {
		t.Fatal(err)
	}
	if err := opens(data, ids...); err != nil {
		t.Error(err)
	}
	if !strings.Contains(said, "touch the token") {
		t.Errorf("the user sees %q", said)
	}
	if ids, err = ReadIdentities("token", identity, nil); err != nil {
		t.Fatal(err)
	}
	if err := opens(data, ids...); err == nil {
		t.Error("opens without a PIN")
	}
}
