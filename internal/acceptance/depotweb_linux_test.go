package acceptance

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io/fs"
	"math/rand/v2"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"packlift/internal/disktest"
	"packlift/internal/webtest"
)

const (
	depotUser     = "Jörg"
	depotPassword = `pa$$'w:ö rd"%41\`
	wrongPassword = "wrong-Word-31"
	wrongToken    = "wrong-Token-32"
	proxyUser     = "proxyuser"
	proxyPassword = "proxyword-17"
)

// webDepot is a depot with two levels on a real nginx, behind a real proxy, and
// all that a run of the exporter may write to.
type webDepot struct {
	*site
	server  *webtest.Server
	proxy   *webtest.Proxy
	folder  string // the depot's
	home    string // HOME, TMPDIR and working folder of every run
	secrets string // folder of files that hold secrets
	printed strings.Builder
}

func newWebDepot(t *testing.T) *webDepot {
	t.Helper()
	webtest.Need(t, "nginx", "htpasswd")
	top := t.TempDir()
	d := &webDepot{site: siteIn(t, top), folder: filepath.Join(top, "depot"), home: filepath.Join(top, "home"), secrets: t.TempDir()}
	random := rand.NewChaCha8([32]byte{7})
	for _, level := range []string{"0", "10"} {
		tree := filepath.Join(top, "level-"+level)
		big := make([]byte, 400_000)
		random.Read(big)
		d.file(filepath.Join(tree, "lib", "big.bin"), string(big))
		d.file(filepath.Join(tree, "conf", "a.conf"), "level="+level+"\n")
		d.want(0, "packlift-export", "publish", tree, "--depot", d.folder, "--product", "demo-1.0.0", "--level", level,
			"--sign-key", d.key("alice"), "--sign-key", d.key("bob"), "--trust", d.trust, "--tools", d.tools)
	}
	d.file(filepath.Join(d.home, "out", "note"), "here")
	d.file(filepath.Join(d.secrets, "password"), depotPassword+"\n")
	d.file(filepath.Join(d.secrets, "token"), webtest.Token+"\n")
	d.server = webtest.Nginx(t, d.folder, depotUser, depotPassword)
	d.proxy = webtest.AnyProxy(t, proxyUser, proxyPassword)
	return d
}

func (d *webDepot) file(name, text string) {
	d.t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o700), os.WriteFile(name, []byte(text), 0o600)); err != nil {
		d.t.Fatal(err)
	}
}

// far is the depot's URL by a name for which proxies are asked.
func (d *webDepot) far() string {
	return "https://" + strings.Replace(d.server.HTTPS, "127.0.0.1", "0.0.0.0", 1)
}

// by is a proxy's address with credentials.
func (d *webDepot) by(password string) string {
	return "http://" + url.UserPassword(proxyUser, password).String() + "@" + d.proxy.Addr
}

// run runs the exporter with a cache of its own, and keeps what it prints.
func (d *webDepot) run(name string, env []string, args ...string) result {
	d.t.Helper()
	args = append(args, "--cache", filepath.Join(d.home, "cache", strings.ReplaceAll(name, " ", "-")))
	cmd := exec.Command(tool(d.t, "packlift-export"), args...)
	cmd.Dir = d.home
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + d.home, "TMPDIR=" + d.home}, env...)
	out, err := cmd.CombinedOutput()
	var ended *exec.ExitError
	if err != nil && !errors.As(err, &ended) {
		d.t.Fatal(err)
	}
	d.printed.Write(out)
	return result{cmd.ProcessState.ExitCode(), string(out)}
}

// create are the arguments of create-update from a depot.
func (d *webDepot) create(location string, more ...string) []string {
	return append([]string{"create-update", "--depot", location, "--product", "demo-1.0.0", "-s", "0", "-r", d.recipient, "--sign-key", d.key("alice"), "--sign-key", d.key("bob"),
		"--trust", d.trust, "--tools", d.tools, "-o", filepath.Join(d.home, "out") + "/"}, more...)
}

// ask are the arguments of a question to a depot, which reads its signed index.
func (d *webDepot) ask(location string, more ...string) []string {
	return append([]string{"check", "--depot", location, "--product", "demo-1.0.0", "-s", "0", "--trust", d.trust}, more...)
}

// secretForms are the ways in which a secret might be written.
func secretForms() []string {
	var out []string
	for _, s := range []struct{ name, word string }{{depotUser, depotPassword}, {depotUser, wrongPassword}, {proxyUser, proxyPassword}, {proxyUser, wrongPassword}} {
		out = append(out, s.word, url.QueryEscape(s.word), url.PathEscape(s.word), url.UserPassword("", s.word).String()[1:],
			base64.StdEncoding.EncodeToString([]byte(s.name+":"+s.word)), base64.URLEncoding.EncodeToString([]byte(s.name+":"+s.word)))
	}
	out = append(out, webtest.Token, wrongToken)
	slices.Sort(out)
	return slices.Compact(out)
}

// noSecrets looks for secrets in all that was printed and in every file that there is now.
func (d *webDepot) noSecrets() {
	d.t.Helper()
	forms, looked := secretForms(), 0
	look := func(where string, text []byte) {
		for _, s := range forms {
			if i := bytes.Index(text, []byte(s)); i >= 0 {
				d.t.Errorf("%s holds %q: …%q", where, s, text[max(0, i-80):min(len(text), i+80)])
			}
		}
	}
	look("what was printed", []byte(d.printed.String()))
	err := filepath.WalkDir(d.dir, func(name string, e fs.DirEntry, err error) error {
		look("the name", []byte(name))
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(name)
		look(name, data)
		looked++
		return err
	})
	if err != nil || looked < 20 || d.printed.Len() < 2000 {
		d.t.Errorf("%d files and %d printed bytes were looked at: %v", looked, d.printed.Len(), err)
	}
}

// TestDepotOverTheWeb makes bundles from a depot on nginx through a proxy, with
// credentials from everywhere, right ones and wrong, and wants none of them to stay anywhere.
func TestDepotOverTheWeb(t *testing.T) {
	d := newWebDepot(t)
	ca := []string{"--ca", d.server.CA}
	proxied := "HTTPS_PROXY=" + d.by(proxyPassword)
	name, word := "PACKLIFT_USERNAME="+depotUser, "PACKLIFT_PASSWORD="+depotPassword
	wire := webtest.Cut(t, d.server.HTTPS, 150_000)
	for _, c := range []struct {
		name string
		env  []string
		args []string
		code int
		want string
	}{
		{"variables", []string{proxied, name, word}, d.ask(d.far(), ca...), 0, "1 level newer"},
		{"details", []string{proxied, name, word}, d.create(d.far(), append(ca, "-v", "--json")...), 0, `"message_type":"created"`},
		{"the reference's variables", []string{proxied, "UPDATE_TOOL_USERNAME=" + depotUser, "UPDATE_TOOL_PASSWORD=" + depotPassword}, d.ask(d.far(), ca...), 0, "1 level newer"},
		{"file", []string{proxied, name}, d.ask(d.far(), append(ca, "--password-file", filepath.Join(d.secrets, "password"))...), 0, "1 level newer"},
		{"command", []string{proxied}, d.ask(d.far(), append(ca, "-u", depotUser, "--password-command", "cat '"+filepath.Join(d.secrets, "password")+"'")...), 0, "1 level newer"},
		{"flag", []string{proxied}, d.ask(d.far(), append(ca, "-v", "-u", depotUser, "-p", depotPassword)...), 0, "process list"},
		{"wrong password", []string{proxied, name, "PACKLIFT_PASSWORD=" + wrongPassword}, d.ask(d.far(), append(ca, "-v", "--json")...), 1, "does not take these credentials"},
		{"no password", []string{proxied}, d.ask(d.far(), ca...), 1, "wants credentials (401)"},
		{"no terminal", []string{proxied, name}, d.ask(d.far(), ca...), 64, "no terminal"},
		{"plain HTTP", []string{name, word}, d.ask("http://" + d.server.HTTP), 64, "--plain-http-credentials"},
		{"plain HTTP after all", []string{name, word}, d.ask("http://"+d.server.HTTP, "--plain-http-credentials"), 0, "everyone on the way can read them"},
		{"password in the URL", nil, d.ask("https://u:" + wrongPassword + "@" + d.server.HTTPS), 64, "holds credentials"},
		{"wrong proxy password", []string{"HTTPS_PROXY=" + d.by(wrongPassword), name, word}, d.ask(d.far(), append(ca, "-v")...), 1, "proxy"},
		{"no proxy password", []string{"HTTPS_PROXY=http://" + d.proxy.Addr, name, word}, d.ask(d.far(), ca...), 1, "407"},
		{"unreadable proxy", []string{"HTTPS_PROXY=http://u:" + wrongPassword + "%zz@host:1", name, word}, d.ask(d.far(), ca...), 64, "the proxy's address in HTTPS_PROXY cannot be read"},
		{"around the proxy", []string{"HTTPS_PROXY=" + d.by(wrongPassword), "NO_PROXY=0.0.0.0", name, word}, d.ask(d.far(), ca...), 0, "1 level newer"},
		{"unknown authority", []string{proxied, name, word}, d.ask(d.far()), 1, "--ca FILE"},
		{"client certificate", nil, d.ask("https://"+d.server.Closed, append(ca, "--client-cert", d.server.ClientCert, "--client-key", d.server.ClientKey)...), 0, "1 level newer"},
		{"no client certificate", nil, d.ask("https://"+d.server.Closed, ca...), 1, "--client-cert"},
		{"a wire that breaks", []string{name, word}, d.create("https://"+wire.Addr, append(ca, "-v")...), 0, "goes on at"},
		{"token file", []string{proxied}, d.ask(d.far()+"/token", append(ca, "-v", "--token-file", filepath.Join(d.secrets, "token"))...), 0, "1 level newer"},
		{"token variable", []string{proxied, "PACKLIFT_TOKEN=" + webtest.Token}, d.create(d.far()+"/token", append(ca, "-v")...), 0, "the importer"},
		{"wrong token", []string{proxied, "PACKLIFT_TOKEN=" + wrongToken}, d.ask(d.far()+"/token", append(ca, "-v", "--json")...), 1, "does not take these credentials"},
		{"summary", []string{proxied, name, word}, append([]string{"get-summary", "0", "10", "-o", "-", "--depot", d.far(), "--product", "demo-1.0.0", "--trust", d.trust}, ca...), 0, "## Level 10"},
		{"the wrong folder", []string{proxied, name, word}, d.ask(d.far()+"/none", ca...), 64, "no levels of demo-1.0.0"},
	} {
		r := d.run(c.name, c.env, c.args...)
		if r.code != c.code || !strings.Contains(r.out, c.want) {
			t.Errorf("%s: exit code %d, want %d and %q\n%s", c.name, r.code, c.code, c.want, r.out)
		}
	}
	if wire.Cuts() == 0 {
		t.Error("the wire did not break")
	}
	d.proxy.Saw(t, "CONNECT 0.0.0.0:")
	d.updatesPack(proxied, name, word)
	d.asksOnATerminal(ca)
	d.liesAndIsFull(ca)
	d.noSecrets()
}

// updatesPack brings a connected pack up in place, through the proxy.
func (d *webDepot) updatesPack(env ...string) {
	d.t.Helper()
	packDir := filepath.Join(d.dir, "pack")
	if err := os.CopyFS(packDir, os.DirFS(filepath.Join(d.dir, "level-0"))); err != nil {
		d.t.Fatal(err)
	}
	d.want(0, "packlift-import", "init", "--pack", packDir, "--product", "demo-1.0.0", "--level", "0", "--trust", d.trust, "--yes")
	args := []string{"update", packDir, "--depot", d.far(), "--ca", d.server.CA, "-v"}
	if r := d.run("update wrong", []string{env[0], env[1], "PACKLIFT_PASSWORD=" + wrongPassword}, args...); r.code != 1 {
		d.t.Errorf("update with a wrong password: exit code %d\n%s", r.code, r.out)
	}
	if r := d.run("update", env, args...); r.code != 0 {
		d.t.Fatalf("update: exit code %d\n%s", r.code, r.out)
	}
	for _, name := range []string{"conf/a.conf", "lib/big.bin"} {
		got, errGot := os.ReadFile(filepath.Join(packDir, name))
		want, errWant := os.ReadFile(filepath.Join(d.dir, "level-10", name))
		if errGot != nil || errWant != nil || !bytes.Equal(got, want) {
			d.t.Errorf("%s is not as in level 10 (%v, %v)", name, errGot, errWant)
		}
	}
}

// liesAndIsFull: a cache without room, and a depot whose objects are others than was signed.
func (d *webDepot) liesAndIsFull(ca []string) {
	d.t.Helper()
	open := "https://" + d.server.HTTPS + "/open"
	if os.Geteuid() == 0 {
		disk := filepath.Join(disktest.Scratch(d.t), "disk")
		disktest.Tmpfs(d.t, disk, "size=128k,mode=755")
		d.file(filepath.Join(disk, "note"), "here")
		if err := os.Symlink(disk, filepath.Join(d.home, "cache", "full")); err != nil {
			d.t.Fatal(err)
		}
		if r := d.run("full", nil, d.create(open, ca...)...); r.code != 16 || !strings.Contains(r.out, "--cache DIR") {
			d.t.Errorf("a full disk: exit code %d\n%s", r.code, r.out)
		}
	} else {
		d.t.Log("full disk: skipped, only root mounts disks")
	}
	err := filepath.WalkDir(d.folder, func(name string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() || !strings.Contains(name, "objects") {
			return err
		}
		data, err := os.ReadFile(name)
		if err == nil && len(data) > 0 {
			data[len(data)/2] ^= 1
			err = os.WriteFile(name, data, 0o644)
		}
		return err
	})
	if err != nil {
		d.t.Fatal(err)
	}
	if r := d.run("lies", nil, d.create(open, append(ca, "-v")...)...); r.code != 10 || !strings.Contains(r.out, "SHA-256") {
		d.t.Errorf("other bytes: exit code %d\n%s", r.code, r.out)
	}
}
