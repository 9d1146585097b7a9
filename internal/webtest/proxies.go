package webtest

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Proxy is a real proxy.
type Proxy struct {
	Addr string
	log  string
}

// Proxies start those that there are by name; each speaks plain HTTP, and wants user and password where they are given.
var Proxies = map[string]func(t testing.TB, user, password string) *Proxy{"tinyproxy": Tinyproxy, "squid": Squid}

// AnyProxy is squid where it is installed, else tinyproxy.
func AnyProxy(t testing.TB, user, password string) *Proxy {
	t.Helper()
	if _, err := exec.LookPath("squid"); err == nil && ncsaAuth() != "" {
		return Squid(t, user, password)
	}
	return Tinyproxy(t, user, password)
}

// Tinyproxy starts tinyproxy.
func Tinyproxy(t testing.TB, user, password string) *Proxy {
	t.Helper()
	Need(t, "tinyproxy")
	top := t.TempDir()
	p := &Proxy{Addr: port(t), log: filepath.Join(top, "log")}
	_, number, _ := net.SplitHostPort(p.Addr)
	text := fmt.Sprintf("Port %s\nListen 127.0.0.1\nAllow 127.0.0.1\nTimeout 60\nMaxClients 50\nLogLevel Connect\nLogFile \"%s\"\nPidFile \"%s/pid\"\n", number, p.log, top)
	if user != "" {
		text += fmt.Sprintf("BasicAuth %s %s\n", user, password)
	}
	conf := filepath.Join(top, "conf")
	write(t, conf, text)
	start(t, top, p.Addr, p.log, "tinyproxy", "-d", "-c", conf)
	return p
}

const squidConf = `http_port %[1]s
visible_hostname webtest
access_log stdio:access.log
cache_log cache.log
pid_filename none
cache deny all
shutdown_lifetime 0 seconds
via off
%[2]s
http_access deny all
`

// Squid starts squid, whose configuration cannot name folders with a blank: it works in its own.
func Squid(t testing.TB, user, password string) *Proxy {
	t.Helper()
	Need(t, "squid", "htpasswd")
	top := openFolder(t)
	p := &Proxy{Addr: port(t), log: filepath.Join(top, "access.log")}
	rule := "http_access allow all"
	if user != "" {
		if ncsaAuth() == "" {
			t.Skip("squid has no basic_ncsa_auth here")
		}
		passwords := filepath.Join(top, "passwords")
		write(t, passwords, "")
		must(t, os.Chmod(passwords, 0o644))
		hash := exec.Command("htpasswd", "-i", passwords, user)
		hash.Stdin = strings.NewReader(password + "\n")
		if out, err := hash.CombinedOutput(); err != nil {
			t.Fatalf("htpasswd: %v\n%s", err, out)
		}
		rule = "auth_param basic program " + ncsaAuth() + " passwords\nacl known proxy_auth REQUIRED\nhttp_access allow known"
	}
	conf := filepath.Join(top, "conf")
	if err := os.WriteFile(conf, fmt.Appendf(nil, squidConf, p.Addr, rule), 0o644); err != nil {
		t.Fatal(err)
	}
	_, number, _ := net.SplitHostPort(p.Addr)
	service := "webtest" + number // two of one name share their memory, and what a killed one leaves of it is in the way of another user's
	t.Cleanup(func() {
		left, _ := filepath.Glob("/dev/shm/" + service + "-*")
		for _, name := range left {
			os.Remove(name)
		}
	})
	start(t, top, p.Addr, filepath.Join(top, "cache.log"), "squid", "-N", "-n", service, "-f", conf)
	return p
}

// openFolder is one that squid, which does not stay root, can write to.
func openFolder(t testing.TB) string {
	t.Helper()
	top, err := os.MkdirTemp("", "webtest-squid-")
	if err == nil {
		err = os.Chmod(top, 0o777)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(top) })
	return top
}

// ncsaAuth is squid's helper that knows htpasswd's files, "" where there is none.
func ncsaAuth() string {
	for _, dir := range []string{"/usr/lib/squid", "/usr/lib64/squid", "/usr/libexec/squid", "/usr/local/libexec/squid"} {
		name := filepath.Join(dir, "basic_ncsa_auth")
		if _, err := os.Stat(name); err == nil {
			return name
		}
	}
	return ""
}

// Saw waits until the proxy's log holds all of some words; what went through it stands
// there some time after its end.
func (p *Proxy) Saw(t testing.TB, words ...string) {
	t.Helper()
	waitForLog(t, p.log, func(text string) bool {
		return !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(text, w) })
	})
}
