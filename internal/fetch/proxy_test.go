package fetch

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"packlift/internal/fault"
)

// newProxy is a proxy that speaks plain HTTP, forwards and connects, and wants credentials if user has any.
func newProxy(t *testing.T, user *url.Userinfo) (proxy func(*http.Request) (*url.URL, error), q *requests) {
	t.Helper()
	h, q := proxying(user)
	u, err := url.Parse(serve(t, h).URL)
	if err != nil {
		t.Fatal(err)
	}
	u.User = user
	return func(*http.Request) (*url.URL, error) { return u, nil }, q
}

func proxying(user *url.Userinfo) (http.HandlerFunc, *requests) {
	q := &requests{}
	return func(w http.ResponseWriter, r *http.Request) {
		q.add(r)
		asked := &http.Request{Header: http.Header{"Authorization": r.Header["Proxy-Authorization"]}}
		if name, password, _ := asked.BasicAuth(); user != nil && url.UserPassword(name, password).String() != user.String() {
			w.WriteHeader(http.StatusProxyAuthRequired)
			return
		}
		if r.Method == http.MethodConnect {
			connect(w, r)
			return
		}
		r.RequestURI = ""
		resp, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		defer resp.Body.Close()
		w.WriteHeader(resp.StatusCode)
		io.Copy(w, resp.Body)
	}, q
}

func connect(w http.ResponseWriter, r *http.Request) {
	to, err := net.Dial("tcp", r.Host)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	defer to.Close()
	w.WriteHeader(http.StatusOK)
	from, read, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer from.Close()
	go io.Copy(to, read) // the server may have read the client's first bytes by now
	io.Copy(from, to)
}

func TestProxy(t *testing.T) {
	say := func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "x") }
	secure, ca := serveTLS(t, nil, say)
	open := serve(t, say)
	user := url.UserPassword("proxyuser", secretWord)
	right, q := newProxy(t, user)
	wrong := func(r *http.Request) (*url.URL, error) {
		u, err := right(r)
		c := *u
		c.User = url.UserPassword("proxyuser", "wrong-word")
		return &c, err
	}
	for _, depot := range []string{secure.URL, open.URL} {
		o := quick(t)
		o.CA, o.Proxy = ca, right
		before := len(q.all())
		if b, err := mustOpen(t, depot, o).Small(ctxOf(t), "x", 1); string(b) != "x" || err != nil {
			t.Errorf("%s: %v", depot, err)
		}
		if len(q.all()) == before {
			t.Error("the proxy saw nothing")
		}
		o.Proxy = wrong
		_, err := mustOpen(t, depot, o).Small(ctxOf(t), "x", 1)
		wantFault(t, err, fault.Denied, "wants credentials (407)", "HTTPS_PROXY=http://NAME:PASSWORD@")
		if err != nil && strings.Contains(err.Error()+fault.HintOf(err), "wrong-word") {
			t.Error(err)
		}
	}
	for _, r := range q.all() {
		if r.Header.Get("Authorization") != "" {
			t.Error("the proxy got the depot's header")
		}
	}
	o := quick(t)
	o.Proxy = right
	_, err := mustOpen(t, "https://127.0.0.1:1", o).Small(ctxOf(t), "x", 1)
	wantFault(t, err, fault.Unreachable, "does not connect: 502", "NO_PROXY")
	o.Proxy = func(*http.Request) (*url.URL, error) { return &url.URL{Scheme: "http", Host: "127.0.0.1:1"}, nil }
	_, err = mustOpen(t, secure.URL, o).Small(ctxOf(t), "x", 1)
	wantFault(t, err, fault.Unreachable, "refused", "http_proxy or HTTPS_PROXY")
	o.Proxy = func(*http.Request) (*url.URL, error) {
		return nil, errors.New("invalid proxy address http://u:" + secretWord)
	}
	_, err = mustOpen(t, secure.URL, o).Small(ctxOf(t), "x", 1)
	wantFault(t, err, fault.Usage, "proxy's address cannot be read")
	if strings.Contains(err.Error(), secretWord) {
		t.Error(err)
	}
}

// A proxy that speaks HTTPS, and wants to see the same client certificate as the depot.
func TestSecureProxy(t *testing.T) {
	cert, key := pair(t, "client")
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(cert)
	known := func(c *tls.Config) { c.ClientAuth, c.ClientCAs = tls.RequireAndVerifyClientCert, pool }
	secure, ca := serveTLS(t, known, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "x") })
	user := url.UserPassword("proxyuser", secretWord)
	h, q := proxying(user)
	proxy, proxyCA := serveTLS(t, func(c *tls.Config) { known(c); c.NextProtos = []string{"http/1.1"} }, h) // as squid's https_port; Go asks proxies by no other
	o := quick(t)
	o.CA, o.ClientCert, o.ClientKey = slices.Concat(ca, proxyCA), cert, key
	o.Proxy = func(*http.Request) (*url.URL, error) {
		u, err := url.Parse(proxy.URL)
		u.User = user
		return u, err
	}
	if b, err := mustOpen(t, secure.URL, o).Small(ctxOf(t), "x", 1); string(b) != "x" || err != nil {
		t.Error(err)
	}
	if list := q.all(); len(list) != 1 || list[0].Method != http.MethodConnect || list[0].TLS.PeerCertificates[0].Subject.CommonName != "client" {
		t.Errorf("the proxy saw %d requests", len(list))
	}
	o.ClientCert, o.ClientKey = nil, nil
	_, err := mustOpen(t, secure.URL, o).Small(ctxOf(t), "x", 1)
	wantFault(t, err, fault.Unreachable, "--client-cert")
	if len(q.all()) != 1 {
		t.Error("the proxy was asked without a certificate")
	}
}

// A proxy that cannot be read is not gone around.
func TestProxiesOfTheEnvironment(t *testing.T) {
	for value, fits := range map[string]bool{
		"": true, "proxy:3128": true, "http://proxy:3128": true, "http://u:p%40w@proxy": true, "https://proxy": true, "socks5://proxy:1080": true,
		"http://u:geheim%zz@proxy": false, "http://u:geheim@[": false, "ftp://u:geheim@proxy": false, "http://": false, "u:gehe im@proxy:x": false,
	} {
		for _, name := range []string{"HTTPS_PROXY", "http_proxy"} {
			for _, other := range []string{"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"} {
				t.Setenv(other, "")
			}
			t.Setenv(name, value)
			_, err := Open("https://127.0.0.1:1", Options{})
			t.Setenv(name, "")
			if fits != (err == nil) || !fits && (fault.ClassOf(err) != fault.Usage || strings.Contains(err.Error()+fault.HintOf(err), "geheim")) {
				t.Errorf("%s=%s: %v", name, value, err)
			}
		}
	}
}

func TestLocations(t *testing.T) {
	for location, words := range map[string]string{
		"https://u:geheim@host/x": "holds credentials", "https://host/x?sig=geheim": "behind ?", "https://host/#geheim": "behind ?", "https://": "cannot be read",
		"https://ho st/geheim": "cannot be read", "ftp://host/geheim": "a folder, or a URL", "https://host/%zzgeheim": "cannot be read",
	} {
		_, err := Open(location, Options{})
		wantFault(t, err, fault.Usage, words)
		if err != nil && strings.Contains(err.Error()+fault.HintOf(err), "geheim") {
			t.Error(err)
		}
	}
	var q requests
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) { q.add(r); io.WriteString(w, "x") })
	for _, location := range []string{srv.URL, srv.URL + "/", strings.Replace(srv.URL, "http", "HTTP", 1) + "/a%20b/", srv.URL + "/a%20b"} {
		if _, err := mustOpen(t, location, quick(t)).Small(ctxOf(t), "d/ü %?#.json", 1); err != nil {
			t.Error(err)
		}
	}
	var got []string
	for _, r := range q.all() {
		got = append(got, r.RequestURI)
	}
	const name = "d/%C3%BC%20%25%3F%23.json"
	if want := "/" + name + " /" + name + " /a%20b/" + name + " /a%20b/" + name; strings.Join(got, " ") != want {
		t.Errorf("%s, want %s", got, want)
	}
}
