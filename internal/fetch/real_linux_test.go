package fetch

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"packlift/internal/disktest"
	"packlift/internal/fault"
	"packlift/internal/webtest"
)

// The tests of this file meet nginx, tinyproxy and full disks.

// realDepot is a folder with an index and objects, served by nginx.
func realDepot(t *testing.T) (s *webtest.Server, wants []Want, data [][]byte) {
	t.Helper()
	webtest.Need(t, "nginx", "htpasswd")
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "index.json"), []byte("index"), 0o644); err != nil {
		t.Fatal(err)
	}
	for i := range 4 {
		b := content(uint64(50+i), 700_000+i)
		w := wantOf(fmt.Sprintf("object-%d", i), b)
		if err := os.WriteFile(filepath.Join(dir, w.Name), b, 0o644); err != nil {
			t.Fatal(err)
		}
		wants, data = append(wants, w), append(data, b)
	}
	return webtest.Nginx(t, dir, "Jörg", secretWord), wants, data
}

func reading(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestNginx(t *testing.T) {
	srv, wants, data := realDepot(t)
	o := quick(t)
	o.CA = reading(t, srv.CA)
	_, err := mustOpen(t, "https://"+srv.HTTPS, o).Small(ctxOf(t), "index.json", 5)
	wantFault(t, err, fault.Denied, "wants credentials")
	o.Credentials = Credentials{Username: "Jörg", Password: "wrong"}
	_, err = mustOpen(t, "https://"+srv.HTTPS, o).Small(ctxOf(t), "index.json", 5)
	wantFault(t, err, fault.Denied, "does not take these credentials")
	o.Credentials.Password = secretWord
	s := mustOpen(t, "https://"+srv.HTTPS, o)
	if b, err := s.Small(ctxOf(t), "index.json", 5); string(b) != "index" || err != nil {
		t.Error(string(b), err)
	}
	if err := Prefetch(ctxOf(t), s, wants); err != nil {
		t.Fatal(err)
	}
	for i, w := range wants {
		wantObject(t, s, w, data[i])
	}
	_, err = readObject(ctxOf(t), s, wantOf("none", []byte("none")))
	if err == nil || !strings.Contains(err.Error(), "404") {
		t.Error(err)
	}

	token := "https://" + srv.HTTPS + "/token"
	o.Credentials = Credentials{Token: "another-token"}
	_, err = mustOpen(t, token, o).Small(ctxOf(t), "index.json", 5)
	wantFault(t, err, fault.Denied, "does not take these credentials")
	o.Credentials = Credentials{Token: webtest.Token}
	wantObject(t, mustOpen(t, token, o), wants[0], data[0])

	closed := "https://" + srv.Closed
	o.Credentials = Credentials{}
	_, err = mustOpen(t, closed, o).Small(ctxOf(t), "index.json", 5)
	wantFault(t, err, fault.Unreachable, "400", "--client-cert")
	o.ClientCert, o.ClientKey = reading(t, srv.ClientCert), reading(t, srv.ClientKey)
	if b, err := mustOpen(t, closed, o).Small(ctxOf(t), "index.json", 5); string(b) != "index" || err != nil {
		t.Error(err)
	}
}

// A wire that breaks again and again, and a server that is slower than the time a
// silence may last, cost time and nothing else.
func TestNginxOverABadWire(t *testing.T) {
	srv, wants, data := realDepot(t)
	for _, scheme := range []string{"http", "https"} {
		to := srv.HTTP
		if scheme == "https" {
			to = srv.HTTPS
		}
		wire := webtest.Cut(t, to, 250_000)
		o := quick(t)
		o.CA, o.Jobs = reading(t, srv.CA), 2
		s := mustOpen(t, scheme+"://"+wire.Addr+"/open", o)
		if err := Prefetch(ctxOf(t), s, wants); err != nil {
			t.Fatal(err)
		}
		for i, w := range wants {
			wantObject(t, s, w, data[i])
		}
		if wire.Cuts() < 8 {
			t.Errorf("%d cuts", wire.Cuts())
		}
	}
	srv.Asked(t, 16, func(line string) bool { return strings.HasPrefix(line, "206 ") && strings.Contains(line, `"bytes=`) })
	o := quick(t)
	o.CA, o.Stall = reading(t, srv.CA), 500*time.Millisecond // nginx is silent for a second between pieces, and may send all the rest after one
	start := time.Now()
	wantObject(t, mustOpen(t, "https://"+srv.HTTPS+"/slow", o), wants[0], data[0])
	if took := time.Since(start); took < o.Stall {
		t.Errorf("it took %s: too quick to show anything", took)
	}
}

func TestRealProxies(t *testing.T) {
	for name, start := range webtest.Proxies {
		t.Run(name, func(t *testing.T) { throughProxy(t, start(t, "proxyuser", "proxyword-17")) })
	}
}

func throughProxy(t *testing.T, proxy *webtest.Proxy) {
	srv, wants, data := realDepot(t)
	via := func(user *url.Userinfo) func(*http.Request) (*url.URL, error) {
		return http.ProxyURL(&url.URL{Scheme: "http", Host: proxy.Addr, User: user})
	}
	for _, depot := range []string{"https://" + srv.HTTPS, "http://" + srv.HTTP} {
		o := quick(t)
		o.CA, o.PlainHTTP, o.Credentials = reading(t, srv.CA), true, Credentials{Username: "Jörg", Password: secretWord}
		o.Proxy = via(url.UserPassword("proxyuser", "proxyword-17"))
		wantObject(t, mustOpen(t, depot, o), wants[0], data[0])
		o.Proxy = via(nil)
		_, err := mustOpen(t, depot, o).Small(ctxOf(t), "index.json", 5)
		wantFault(t, err, fault.Denied, "407", "NAME:PASSWORD@")
		o.Proxy = via(url.UserPassword("proxyuser", "wrong-word"))
		_, err = mustOpen(t, depot, o).Small(ctxOf(t), "index.json", 5)
		if fault.ClassOf(err) != fault.Denied && fault.ClassOf(err) != fault.Unreachable || strings.Contains(err.Error(), "wrong-word") {
			t.Error(err)
		}
	}
	proxy.Saw(t, "CONNECT "+srv.HTTPS, "http://"+srv.HTTP)
}

// A full disk ends with its own class, after what other runs have left was removed;
// the room that was taken is given back.
func TestFullDisk(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root mounts disks")
	}
	dir := filepath.Join(disktest.Scratch(t), "disk")
	disktest.Tmpfs(t, dir, "size=2m,mode=755")
	contents := map[string][]byte{}
	want := func(name string, n int) Want {
		b := content(uint64(len(name)*1000+n), n)
		contents["/"+name] = b
		return wantOf(name, b)
	}
	first, second, tooBig := want("first", 1_200_000), want("second", 1_300_000), want("too-big", 3_000_000)
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) { serveFile(w, r, contents[r.URL.Path]) })
	o := quick(t)
	o.Cache = filepath.Join(dir, "cache")
	wantObject(t, mustOpen(t, srv.URL, o), first, contents["/first"])
	s := mustOpen(t, srv.URL, o)
	wantObject(t, s, second, contents["/second"]) // in the place of the first, which this run does not use
	_, err := readObject(ctxOf(t), s, tooBig)
	wantFault(t, err, fault.NoSpace, "no space left", "--cache DIR")
	wantObject(t, s, second, contents["/second"])
	if left := files(t, o.Cache); len(left) != 1 {
		t.Errorf("left: %v", left)
	}
	if err := os.WriteFile(filepath.Join(dir, "filler"), make([]byte, 600_000), 0o600); err != nil {
		t.Errorf("the room is not given back: %v", err)
	}
}
