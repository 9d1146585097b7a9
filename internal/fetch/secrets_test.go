package fetch

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"packlift/internal/fault"
)

const secretWord = `pa$$'w:ö rd"%41\`

// pair makes a certificate and its key, in PEM, signed by itself.
func pair(t *testing.T, name string) (cert, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	if name == "elsewhere" {
		template.IPAddresses, template.DNSNames = nil, []string{"elsewhere.example"}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})
}

// serveTLS serves HTTP/2 too; change may alter its TLS configuration.
func serveTLS(t *testing.T, change func(*tls.Config), h http.HandlerFunc) (s *httptest.Server, ca []byte) {
	t.Helper()
	cert, key := pair(t, "depot")
	own, err := tls.X509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	s = httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = quiet()
	s.EnableHTTP2 = true
	s.TLS = &tls.Config{Certificates: []tls.Certificate{own}}
	if change != nil {
		change(s.TLS)
	}
	s.StartTLS()
	t.Cleanup(s.Close)
	return s, cert
}

// Whatever a password is made of, the server gets it.
func TestPasswords(t *testing.T) {
	var q requests
	srv, ca := serveTLS(t, nil, func(w http.ResponseWriter, r *http.Request) { q.add(r); io.WriteString(w, "x") })
	for _, c := range []Credentials{
		{Username: "u", Password: secretWord}, {Username: "Jörg Müller", Password: "$HOME`id`"}, {Username: "u", Password: "::"},
		{Username: "u", Password: " leading and trailing "}, {Username: "u"}, {Token: "eyJhbGciOi.J9-_~+/="},
	} {
		o := quick(t)
		o.CA, o.Credentials = ca, c
		if _, err := mustOpen(t, srv.URL, o).Small(ctxOf(t), "x", 1); err != nil {
			t.Fatal(err)
		}
		list := q.all()
		r := list[len(list)-1]
		name, password, _ := r.BasicAuth()
		if c.Token != "" && r.Header.Get("Authorization") != "Bearer "+c.Token || c.Token == "" && (name != c.Username || password != c.Password) {
			t.Errorf("%+v came as %q", Credentials{}, r.Header.Get("Authorization"))
		}
		if r.ProtoMajor != 2 || r.Header.Get(asWhom) != "" {
			t.Errorf("%s %v", r.Proto, r.Header)
		}
	}
	for what, c := range map[string]Credentials{"colon": {Username: "a:b", Password: secretWord}, "line": {Username: "a", Password: secretWord + "\nX: y"}, "no name": {Password: secretWord},
		"both": {Username: "a", Password: secretWord, Token: "t"}, "token": {Token: "a b" + secretWord}, "long": {Username: "a", Password: strings.Repeat(secretWord, 10_000)}} {
		o := quick(t)
		o.Credentials = c
		_, err := Open(srv.URL, o)
		if fault.ClassOf(err) != fault.Usage || strings.Contains(err.Error()+fault.HintOf(err), secretWord) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestCredentialsDoNotPrint(t *testing.T) {
	c := Credentials{"name", secretWord, ""}
	o := Options{Credentials: c}
	asJSON, err := json.Marshal(o.Credentials)
	if text := fmt.Sprintf("%v %+v %#v %s %d %q", c, o.Credentials, &c, c, c, c) + string(asJSON); err != nil || strings.Contains(text, "pa$") || strings.Contains(text, "name") {
		t.Error(text, err)
	}
}

// Credentials, the client certificate too, go to the depot's own scheme, host and
// port, and not to where it redirects.
func TestCredentialsStayAtTheDepot(t *testing.T) {
	cert, key := pair(t, "client")
	var elsewhere requests
	var shown sync.Map
	asksForOne := func(c *tls.Config) { c.ClientAuth = tls.RequestClientCert }
	other, otherCA := serveTLS(t, asksForOne, func(w http.ResponseWriter, r *http.Request) {
		elsewhere.add(r)
		shown.Store("other", len(r.TLS.PeerCertificates))
		if strings.HasSuffix(r.URL.Path, "/closed") {
			w.WriteHeader(401)
			return
		}
		io.WriteString(w, "x")
	})
	var down requests
	plainHTTP := serve(t, func(w http.ResponseWriter, r *http.Request) { down.add(r); io.WriteString(w, "x") })
	var at requests
	depot, ca := serveTLS(t, asksForOne, func(w http.ResponseWriter, r *http.Request) {
		at.add(r)
		shown.Store("depot", len(r.TLS.PeerCertificates))
		switch {
		case strings.HasSuffix(r.URL.Path, "/down"):
			http.Redirect(w, r, plainHTTP.URL+"/x", http.StatusFound)
		case strings.HasSuffix(r.URL.Path, "/here"):
			http.Redirect(w, r, "there", http.StatusFound)
		case strings.HasSuffix(r.URL.Path, "/there"):
			io.WriteString(w, "x")
		default: // the same host, another port
			http.Redirect(w, r, other.URL+r.URL.Path+"?key=geheim", http.StatusTemporaryRedirect)
		}
	})
	var lines []string
	o := quick(t)
	o.CA, o.Credentials, o.ClientCert, o.ClientKey = append(ca, otherCA...), Credentials{Username: "u", Password: secretWord}, cert, key
	o.Log = func(f string, args ...any) { lines = append(lines, fmt.Sprintf(f, args...)) }
	s := mustOpen(t, depot.URL, o)
	if b, err := s.Small(ctxOf(t), "elsewhere", 1); string(b) != "x" || err != nil {
		t.Fatal(err)
	}
	if b, err := s.Small(ctxOf(t), "here", 1); string(b) != "x" || err != nil {
		t.Fatal(err)
	}
	_, err := s.Small(ctxOf(t), "closed", 1)
	wantFault(t, err, fault.Denied, "redirects to "+other.URL, "not sent to other hosts")
	_, err = s.Small(ctxOf(t), "down", 1)
	wantFault(t, err, fault.Unreachable, "from https to http", "final address")
	for _, r := range at.all() {
		if _, p, _ := r.BasicAuth(); p != secretWord {
			t.Errorf("%s: the depot got no credentials", r.URL)
		}
	}
	for _, r := range append(elsewhere.all(), down.all()...) {
		if r.Header.Get("Authorization") != "" {
			t.Errorf("%s got credentials", r.Host)
		}
	}
	toDepot, _ := shown.Load("depot")
	toOther, _ := shown.Load("other")
	if toDepot != 1 || toOther != 0 || len(elsewhere.all()) != 2 || len(down.all()) != 0 {
		t.Errorf("client certificates: depot %v, other %v; %d and %d requests", toDepot, toOther, len(elsewhere.all()), len(down.all()))
	}
	if text := strings.Join(lines, "\n"); strings.Contains(text, "geheim") || !strings.Contains(text, "redirects to "+other.URL) {
		t.Error(text)
	}
}

// A server that says secrets back finds them in no error and no log line.
func TestNothingIsSaidBack(t *testing.T) {
	c := Credentials{Username: "somebody", Password: secretWord}
	basic := base64.StdEncoding.EncodeToString([]byte(c.Username + ":" + c.Password))
	forms := []string{secretWord, basic, url.QueryEscape(secretWord), url.PathEscape(secretWord)}
	for i, h := range []func(w http.ResponseWriter, r *http.Request, say string){
		func(w http.ResponseWriter, _ *http.Request, say string) {
			conn, _, _ := w.(http.Hijacker).Hijack()
			fmt.Fprintf(conn, "HTTP/1.1 418 %s\r\nX: %s\r\nContent-Length: 0\r\n\r\n", say, say)
			conn.Close()
		},
		func(w http.ResponseWriter, _ *http.Request, say string) {
			conn, _, _ := w.(http.Hijacker).Hijack()
			fmt.Fprintf(conn, "%s\r\n\r\n", say)
			conn.Close()
		},
		func(w http.ResponseWriter, _ *http.Request, say string) {
			conn, _, _ := w.(http.Hijacker).Hijack()
			fmt.Fprintf(conn, "HTTP/1.1 302 Found\r\nLocation: http://[%s/\r\n\r\n", say)
			conn.Close()
		},
		func(w http.ResponseWriter, r *http.Request, say string) {
			w.Header().Set("Location", "http://127.0.0.1:1/"+url.PathEscape(say))
			w.WriteHeader(302)
		},
		func(w http.ResponseWriter, r *http.Request, say string) { w.WriteHeader(401); io.WriteString(w, say) },
		func(w http.ResponseWriter, r *http.Request, say string) {
			w.Header().Set("Location", "ftp://"+url.PathEscape(say)+"/")
			w.WriteHeader(302)
		},
	} {
		for _, say := range forms {
			var lines []string
			o := quick(t)
			o.Credentials, o.PlainHTTP = c, true
			o.Log = func(f string, args ...any) { lines = append(lines, fmt.Sprintf(f, args...)) }
			_, err := mustOpen(t, serve(t, func(w http.ResponseWriter, r *http.Request) { h(w, r, say) }).URL, o).Small(ctxOf(t), "x", 10)
			if err == nil {
				t.Fatal(i, "no error")
			}
			text := err.Error() + fault.HintOf(err) + strings.Join(lines, "\n")
			for _, form := range forms {
				if strings.Contains(text, form) {
					t.Errorf("%d: %s", i, text)
				}
			}
		}
	}
}

// An error that is put in other words is still what it was.
func TestCleanedErrors(t *testing.T) {
	v := &vault{}
	v.set(Credentials{Username: "u", Password: "index"})
	err := v.cleanError(fmt.Errorf("index.json: %w", context.Canceled))
	if err.Error() != "***.json: context canceled" || !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// Over plain HTTP no credentials go without the flag for it.
func TestPlainHTTP(t *testing.T) {
	var q requests
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) {
		q.add(r)
		if _, p, _ := r.BasicAuth(); p != secretWord {
			w.WriteHeader(401)
			return
		}
		io.WriteString(w, "x")
	})
	c := Credentials{Username: "u", Password: secretWord}
	o := quick(t)
	o.Credentials = c
	_, err := Open(srv.URL, o)
	wantFault(t, err, fault.Usage, "everyone on the way", "--plain-http-credentials")
	o.Credentials = Credentials{}
	o.Ask = func(context.Context, string) (Credentials, error) { t.Error("asked in vain"); return c, nil }
	_, err = mustOpen(t, srv.URL, o).Small(ctxOf(t), "x", 1)
	wantFault(t, err, fault.Denied, "wants credentials", "--plain-http-credentials")
	for _, r := range q.all() {
		if r.Header.Get("Authorization") != "" {
			t.Error("credentials were sent")
		}
	}
	o.Credentials, o.PlainHTTP = c, true
	if _, err := mustOpen(t, srv.URL, o).Small(ctxOf(t), "x", 1); err != nil {
		t.Error(err)
	}
}

// The question comes once, when the depot wants to know, however many wait for it.
func TestAsked(t *testing.T) {
	srv, ca := serveTLS(t, nil, func(w http.ResponseWriter, r *http.Request) {
		if _, p, _ := r.BasicAuth(); p != secretWord {
			w.WriteHeader(401)
			return
		}
		io.WriteString(w, "x")
	})
	u, _ := url.Parse(srv.URL)
	asked := 0
	o := quick(t)
	o.CA = ca
	o.Ask = func(_ context.Context, host string) (Credentials, error) {
		asked++
		if host != u.Host {
			t.Error(host)
		}
		return Credentials{Username: "u", Password: secretWord}, nil
	}
	s := mustOpen(t, srv.URL, o)
	var all sync.WaitGroup
	for range 5 {
		all.Go(func() {
			if _, err := s.Small(ctxOf(t), "x", 1); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if asked != 1 {
		t.Errorf("asked %d times", asked)
	}
	o.Ask = func(context.Context, string) (Credentials, error) {
		return Credentials{Username: "u", Password: "wrong"}, nil
	}
	_, err := mustOpen(t, srv.URL, o).Small(ctxOf(t), "x", 1)
	wantFault(t, err, fault.Denied, "does not take these credentials", "check username and password")
	o.Credentials = Credentials{Token: "wrong"}
	_, err = mustOpen(t, srv.URL, o).Small(ctxOf(t), "x", 1)
	wantFault(t, err, fault.Denied, "does not take these credentials", "check the token")
	o.Credentials = Credentials{}
	o.Ask = func(context.Context, string) (Credentials, error) { return Credentials{}, nil }
	_, err = mustOpen(t, srv.URL, o).Small(ctxOf(t), "x", 1)
	wantFault(t, err, fault.Denied, "wants credentials", "--username")
}

func TestCertificates(t *testing.T) {
	cert, key := pair(t, "client")
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(cert)
	srv, ca := serveTLS(t, func(c *tls.Config) { c.ClientAuth, c.ClientCAs = tls.RequireAndVerifyClientCert, pool },
		func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, r.TLS.PeerCertificates[0].Subject.CommonName)
		})
	get := func(url string, o Options) error {
		s, err := Open(url, o)
		if err != nil {
			return err
		}
		b, err := s.Small(ctxOf(t), "x", 10)
		if err == nil && string(b) != "client" {
			t.Errorf("%q", b)
		}
		return err
	}
	o := quick(t)
	wantFault(t, get(srv.URL, o), fault.Unreachable, "unknown authority", "--ca FILE")
	o.CA = ca
	wantFault(t, get(srv.URL, o), fault.Unreachable, "--client-cert")
	o.ClientCert, o.ClientKey = cert, key
	if err := get(srv.URL, o); err != nil {
		t.Error(err)
	}
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(srv.URL, "https://"))
	elsewhere, elsewhereKey := pair(t, "elsewhere")
	wrongName, _ := serveTLS(t, func(c *tls.Config) {
		own, err := tls.X509KeyPair(elsewhere, elsewhereKey)
		if err != nil {
			t.Fatal(err)
		}
		c.Certificates = []tls.Certificate{own}
	}, func(http.ResponseWriter, *http.Request) {})
	o.CA = elsewhere
	wantFault(t, get(wrongName.URL, o), fault.Unreachable, "127.0.0.1", "a name that its certificate is for")
	o.CA = ca
	wantFault(t, get("http://127.0.0.1:"+port, o), fault.Unreachable, "400", "https or http")
	plain := serve(t, func(w http.ResponseWriter, r *http.Request) {})
	wantFault(t, get(strings.Replace(plain.URL, "http:", "https:", 1), o), fault.Unreachable, "does not speak TLS")
	_, other := pair(t, "other")
	o.ClientKey = other
	wantFault(t, get(srv.URL, o), fault.Usage, "client certificate and key")
	o = quick(t)
	o.CA = []byte("no certificate")
	wantFault(t, get(srv.URL, o), fault.Usage, "--ca", "PEM")
}
