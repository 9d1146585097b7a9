package fetch

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"packlift/internal/fault"
)

const (
	maxRedirects = 5
	maxRetries   = 4
	maxPause     = 30 * time.Second
	maxAsked     = 2 * time.Minute // the longest that a server may ask to wait
	maxHeader    = 64 << 10
	dialTime     = 30 * time.Second
)

func (w *web) newClient() (*retryablehttp.Client, error) {
	own, err := w.transport(true)
	if err != nil {
		return nil, err
	}
	other, err := w.transport(false)
	if err != nil {
		return nil, err
	}
	return &retryablehttp.Client{
		HTTPClient:   &http.Client{Transport: &doorman{web: w, own: own, other: other}, CheckRedirect: w.redirect},
		RetryWaitMin: w.Pause, RetryWaitMax: maxPause, RetryMax: maxRetries,
		CheckRetry: w.again, Backoff: w.backoff, ErrorHandler: retryablehttp.PassthroughErrorHandler,
	}, nil
}

// transport is Go's, for the depot's own host or for where it redirects to: the latter
// never sees the client certificate.
func (w *web) transport(own bool) (*http.Transport, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if len(w.CA) > 0 {
		pool, err := x509.SystemCertPool()
		if err != nil {
			pool = x509.NewCertPool()
		}
		if !pool.AppendCertsFromPEM(w.CA) {
			return nil, fault.New(fault.Usage, "there is no certificate in what is given with --ca").WithHint("it is a PEM file: -----BEGIN CERTIFICATE-----")
		}
		config.RootCAs = pool
	}
	if own && (len(w.ClientCert) > 0 || len(w.ClientKey) > 0) {
		pair, err := tls.X509KeyPair(w.ClientCert, w.ClientKey)
		if err != nil {
			return nil, fault.New(fault.Usage, "client certificate and key do not serve: %w", err).
				WithHint("both are PEM files, and the key is not encrypted: openssl pkey -in KEY -out PLAIN-KEY")
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return &http.Transport{
		Proxy:           w.proxy,
		DialContext:     (&net.Dialer{Timeout: dialTime}).DialContext,
		TLSClientConfig: config, TLSHandshakeTimeout: dialTime, ResponseHeaderTimeout: w.Stall,
		ForceAttemptHTTP2: true, DisableCompression: true, MaxResponseHeaderBytes: maxHeader,
		MaxIdleConnsPerHost: w.Jobs, IdleConnTimeout: 90 * time.Second,
		OnProxyConnectResponse: proxyAnswer,
	}, nil
}

// proxy is the environment's. The error of one that cannot be read would repeat
// it, with its password.
func (w *web) proxy(r *http.Request) (*url.URL, error) {
	u, err := w.Proxy(r)
	if err != nil {
		return nil, fault.New(fault.Usage, "the proxy's address cannot be read").
			WithHint("http_proxy and HTTPS_PROXY look like http://HOST:PORT; a password in them has its special characters as %%XX")
	}
	w.vault.hideUser(u)
	return u, nil
}

// checkProxies refuses proxies in the environment that cannot be read: Go passes
// those by, and would go around a proxy that somebody wanted.
func checkProxies() error {
	for _, name := range []string{"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"} {
		text := os.Getenv(name)
		if text == "" {
			continue
		}
		if !strings.Contains(text, "://") {
			text = "http://" + text
		}
		u, err := url.Parse(text)
		if err != nil || u.Hostname() == "" || !slices.Contains([]string{"http", "https", "socks5", "socks5h"}, u.Scheme) {
			return fault.New(fault.Usage, "the proxy's address in %s cannot be read", name).
				WithHint("it looks like http://HOST:PORT; a name and a password in it have their special characters as %%XX")
		}
	}
	return nil
}

// proxyAnswer says how a proxy refused to connect; Go's own error has only its words.
func proxyAnswer(_ context.Context, proxy *url.URL, _ *http.Request, resp *http.Response) error {
	if resp.StatusCode == http.StatusOK {
		return nil
	}
	return proxyRefusal(proxy.Host, resp.StatusCode)
}

func proxyRefusal(host string, status int) error {
	if status == http.StatusProxyAuthRequired {
		return fault.New(fault.Denied, "the proxy %s wants credentials (407)", host).
			WithHint("give them in the proxy's address: HTTPS_PROXY=http://NAME:PASSWORD@%s, special characters as %%XX", host)
	}
	return &proxyError{status, fault.New(fault.Unreachable, "the proxy %s does not connect: %s", host, statusText(status)).
		WithHint("ask whether it may connect to the depot's host and port; NO_PROXY=HOST goes around it")}
}

// proxyError is a refusal that may pass: the proxy reached nobody, say.
type proxyError struct {
	status int
	error
}

func (p *proxyError) Unwrap() error { return p.error }

// redirect follows a few, never from https to http.
func (w *web) redirect(r *http.Request, via []*http.Request) error {
	switch {
	case len(via) > maxRedirects:
		return fault.New(fault.Unreachable, "%s: it redirects more than %d times", shown(via[0].URL), maxRedirects).
			WithHint("give the depot's final address")
	case r.URL.Scheme != "http" && r.URL.Scheme != "https":
		return fault.New(fault.Unreachable, "%s: it redirects to a %q address", shown(via[0].URL), r.URL.Scheme)
	case r.URL.Scheme == "http" && via[len(via)-1].URL.Scheme == "https":
		return fault.New(fault.Unreachable, "%s: it redirects from https to http, which is not followed", shown(via[0].URL)).
			WithHint("give the depot's final address")
	}
	w.Log("%s redirects to %s", shown(via[len(via)-1].URL), shown(r.URL))
	return nil
}

// asWhom marks requests that went with credentials; it is not sent.
const asWhom = "Packlift-As-Whom"

// doorman adds credentials to requests to the depot's own scheme, host and port,
// wherever a redirect leads: http.Client would hand on a header of the request itself to
// other ports and subdomains, and from https to http. And it watches each body.
type doorman struct {
	web        *web
	own, other http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (d *doorman) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(r.Context())
	sent := r.Clone(ctx)
	next, as := d.other, ""
	if sameOrigin(r.URL, d.web.base) {
		next, as = d.own, d.web.vault.header()
	}
	if as != "" {
		sent.Header.Set("Authorization", as)
	}
	resp, err := next.RoundTrip(sent)
	if err != nil {
		cancel(err)
		return nil, err
	}
	if as != "" { // the client looks at its own request; the secret does not stand there
		r = r.Clone(r.Context())
		r.Header.Set(asWhom, "known")
	}
	resp.Request = r
	resp.Body = &flow{body: resp.Body, stall: d.web.Stall, cancel: cancel}
	return resp, nil
}

// again says whether a request is made once more.
func (w *web) again(ctx context.Context, resp *http.Response, err error) (bool, error) {
	if ctx.Err() != nil {
		return false, context.Cause(ctx)
	}
	if err != nil {
		if !passes(err) {
			return false, err
		}
		ok, _ := retryablehttp.DefaultRetryPolicy(ctx, nil, err)
		if ok {
			w.Log("%s: it is tried again", plain(err))
		}
		return ok, err
	}
	switch code := resp.StatusCode; {
	case code == http.StatusTooManyRequests || code == http.StatusRequestTimeout || code == http.StatusTooEarly,
		code >= 500 && code != http.StatusNotImplemented && code != http.StatusHTTPVersionNotSupported:
		wait := retryablehttp.DefaultBackoff(w.Pause, maxPause, 0, resp)
		if wait > maxAsked {
			return false, nil
		}
		w.Log("%s: %s: it is tried again", shown(resp.Request.URL), statusText(code))
		return true, nil
	}
	return false, nil
}

// passes reports whether an error may go away by itself.
func passes(err error) bool {
	var dns *net.DNSError
	var refused *proxyError
	var known *fault.Error
	switch {
	case errors.As(err, &refused):
		return refused.status >= 500
	case errors.As(err, &known):
		return false
	case errors.As(err, &dns):
		return !dns.IsNotFound
	}
	return tlsHint(err) == ""
}

// backoff is the library's, with a cap on what a server asks for.
func (w *web) backoff(min, max time.Duration, n int, resp *http.Response) time.Duration {
	return clamp(retryablehttp.DefaultBackoff(min, max, n, resp))
}

func clamp(d time.Duration) time.Duration { return max(0, min(d, maxAsked)) }

func sprintf(format string, args ...any) string { return fmt.Sprintf(format, args...) }
