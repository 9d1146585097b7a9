package fetch

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"mime"
	"net"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"packlift/internal/fault"
)

// statusText is a status with its usual words. The server's own may be anything,
// our credentials among it.
func statusText(code int) string {
	return strings.TrimSpace(fmt.Sprintf("%d %s", code, http.StatusText(code)))
}

func lengthOf(resp *http.Response) string {
	if resp.ContentLength < 0 {
		return "length unknown"
	}
	return fmt.Sprintf("%d bytes", resp.ContentLength)
}

// refusal is the error of a status that is no file.
func (w *web) refusal(where string, resp *http.Response) error {
	switch code := resp.StatusCode; code {
	case http.StatusNotFound, http.StatusGone:
		return fmt.Errorf("%s: the server has no such file (%d): %w", where, code, fs.ErrNotExist)
	case http.StatusUnauthorized, http.StatusForbidden:
		return w.denied(where, resp)
	case http.StatusProxyAuthRequired:
		host := "in http_proxy"
		if u, err := w.Proxy(resp.Request); err == nil && u != nil {
			host = u.Host
		}
		return proxyRefusal(host, code)
	case http.StatusBadRequest:
		return fault.New(fault.Unreachable, "%s: %s", where, statusText(code)).
			WithHint("does the depot want a client certificate? --client-cert and --client-key; does the port speak the URL's https or http?")
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		return fault.New(fault.Unreachable, "%s: %s%s", where, statusText(code), askedToWait(resp)).
			WithHint("run the same command again later: it goes on where it was")
	default:
		f := fault.New(fault.Unreachable, "%s: the server answers with %s", where, statusText(code))
		if code >= 500 {
			return f.WithHint("the server has a fault of its own: look at its log, or run the same command again later")
		}
		return f.WithHint("is this the depot's address? Its folder holds the index")
	}
}

// askedToWait tells of a Retry-After that is longer than a run waits.
func askedToWait(resp *http.Response) string {
	wait := retryablehttp.DefaultBackoff(0, 0, 0, resp)
	if wait <= 0 {
		return ""
	}
	return fmt.Sprintf("; it asks to wait for %s", wait.Round(time.Second))
}

func (w *web) denied(where string, resp *http.Response) error {
	code := resp.StatusCode
	if !sameOrigin(resp.Request.URL, w.base) {
		return fault.New(fault.Denied, "%s: it redirects to %s://%s, which refuses (%d); credentials are not sent to other hosts than the depot's",
			where, resp.Request.URL.Scheme, resp.Request.URL.Host, code).WithHint("give the depot's final address")
	}
	none := w.vault.header() == ""
	switch {
	case code == http.StatusForbidden:
		return fault.New(fault.Denied, "%s: access is refused (403)", where).
			WithHint("ask who keeps the depot whether this user may read it; some servers say 403 for a file that they do not have")
	case none && w.base.Scheme == "http" && !w.PlainHTTP:
		return fault.New(fault.Denied, "%s: the depot wants credentials (401), which over http:// everyone on the way could read", where).
			WithHint("use https://; if the way is a safe one: --plain-http-credentials")
	case none:
		return fault.New(fault.Denied, "%s: the depot wants credentials (401)", where).
			WithHint("give --username NAME and --password-file FILE, or PACKLIFT_USERNAME and PACKLIFT_PASSWORD, or --token-file FILE")
	}
	f := fault.New(fault.Denied, "%s: the depot does not take these credentials (401)", where)
	if strings.HasPrefix(w.vault.header(), "Bearer ") {
		return f.WithHint("check the token, and until when it is good; --token-file wins over PACKLIFT_TOKEN")
	}
	return f.WithHint("check username and password; the flags win over PACKLIFT_USERNAME and PACKLIFT_PASSWORD, these over UPDATE_TOOL_USERNAME and UPDATE_TOOL_PASSWORD")
}

// plainFile refuses an answer that is something else than a file's bytes.
func (w *web) plainFile(where, name string, resp *http.Response) error {
	if e := resp.Header.Get("Content-Encoding"); e != "" && !strings.EqualFold(e, "identity") {
		return fault.New(fault.Unreachable, "%s: the server sends it in another form than it is (content encoding), which was not asked for", where).
			WithHint("turn compression off for the depot's folder (nginx: gzip off; apache: SetEnv no-gzip 1)")
	}
	kind, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if err == nil && kind == "text/html" && !strings.HasPrefix(path.Ext(name), ".htm") {
		return fault.New(fault.Unreachable, "%s: a web page comes in place of the file", where).
			WithHint("a login page, a proxy's or a hotel's? Open %s in a browser; is this the depot's address?", shown(w.base))
	}
	return nil
}

func isCancelled(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// plain is an error without what http.Client adds: the URL, a redirect's keys among it.
func plain(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// explain says why no answer came.
func explain(ctx context.Context, where string, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	err = plain(err)
	var known *fault.Error
	if errors.As(err, &known) {
		return fault.New(known.Class, "%w", err)
	}
	f := fault.New(fault.Unreachable, "%s: %w", where, err)
	var op *net.OpError
	proxied := errors.As(err, &op) && op.Op == "proxyconnect"
	switch {
	case proxied:
		return f.WithHint("that is the proxy in http_proxy or HTTPS_PROXY: check its address; NO_PROXY=HOST goes around it")
	case tlsHint(err) != "":
		return f.WithHint("%s", tlsHint(err))
	case isRefused(err):
		return f.WithHint("nothing listens there: check host and port, and that the server runs")
	}
	var dns *net.DNSError
	if errors.As(err, &dns) {
		return f.WithHint("check the host's name; behind a proxy set %s", proxyVariable(where))
	}
	if strings.HasPrefix(where, "https:") && isCut(err) {
		// In TLS 1.3 the refusal of a handshake may come after what is written already meets a closed connection.
		return f.WithHint("the server ends the connection: does it want a client certificate? --client-cert and --client-key; else run the same command again later")
	}
	return f.WithHint("check the address and the network; behind a proxy set %s; then run the same command again: it goes on where it was", proxyVariable(where))
}

// proxyVariable is what names the proxy of a URL.
func proxyVariable(where string) string {
	if strings.HasPrefix(where, "http:") {
		return "http_proxy"
	}
	return "HTTPS_PROXY"
}

// tlsHint is what to do about an error of TLS, "" if err is none.
func tlsHint(err error) string {
	var (
		unknown x509.UnknownAuthorityError
		host    x509.HostnameError
		invalid x509.CertificateInvalidError
		op      *net.OpError
		record  tls.RecordHeaderError
	)
	switch {
	case errors.As(err, &unknown):
		return "if the depot has a certificate of your own authority, give that one's: --ca FILE"
	case errors.As(err, &host):
		return "give the depot by a name that its certificate is for"
	case errors.As(err, &invalid):
		return "the server's certificate is not valid, or this machine's clock is wrong: date"
	case errors.As(err, &op) && op.Op == "remote error": // an alert, whose type crypto/tls keeps to itself
		return "the server ends the handshake: does it want a client certificate? --client-cert and --client-key"
	case errors.As(err, &record), strings.Contains(err.Error(), "HTTP response to HTTPS client"):
		return "that port does not speak TLS: check the port, or whether the URL should begin with http://"
	}
	return ""
}
