package fetch

import (
	"context"
	"net/http"
	"net/url"
	"sync"

	"github.com/hashicorp/go-retryablehttp"
	"golang.org/x/sync/singleflight"

	"packlift/internal/fault"
	"packlift/internal/manifest"
)

// web is a depot on a server.
type web struct {
	Options
	base     *url.URL
	vault    *vault
	client   *retryablehttp.Client
	cache    func() (*cache, error) // opened at the first object: an index alone needs none
	flights  singleflight.Group
	progress *progress
	asked    sync.Mutex
}

func newWeb(base *url.URL, o Options) (*web, error) {
	w := &web{Options: o, base: base, vault: &vault{}, progress: &progress{tell: o.Progress}}
	if err := w.mayCarry(o.Credentials); err != nil {
		return nil, err
	}
	w.vault.set(o.Credentials)
	w.Log = func(format string, args ...any) { o.Log("%s", w.vault.clean(sprintf(format, args...))) }
	w.cache = sync.OnceValues(func() (*cache, error) { return openCache(o.Cache, o.CacheMax, w.Log) })
	var err error
	w.client, err = w.newClient()
	return w, err
}

// mayCarry refuses credentials that are none, or that anyone on the way could read.
func (w *web) mayCarry(c Credentials) error {
	if err := c.Check(); err != nil {
		return err
	}
	if w.base.Scheme == "http" && !c.IsZero() && !w.PlainHTTP {
		return fault.New(fault.Usage, "credentials are given, and over http:// everyone on the way to %s could read them", w.base.Host).
			WithHint("use https://, or leave the credentials away (unset PACKLIFT_USERNAME, PACKLIFT_PASSWORD and the like); if the way is a safe one: --plain-http-credentials")
	}
	return nil
}

// Object implements Source.
func (w *web) Object(ctx context.Context, name string, size int64, sha256 manifest.Digest) (Object, error) {
	want := Want{name, size, sha256}
	if err := want.check(); err != nil {
		return nil, err
	}
	c, err := w.cache()
	if err != nil {
		return nil, err
	}
	for range 3 { // another run may remove what was just brought
		if o, err := c.open(ctx, want); o != nil || err != nil {
			return o, err
		}
		if err := w.bring(ctx, want, false); err != nil {
			return nil, err
		}
	}
	return nil, fault.New(fault.General, "the cache %s is emptied by another process, each time", c.root.Path()).
		WithHint("give a folder of this run's own with --cache DIR")
}

// bring fetches an object into the cache, once however many ask for it at a
// time. counted says that the progress expects it already.
func (w *web) bring(ctx context.Context, want Want, counted bool) error {
	for {
		_, err, shared := w.flights.Do(want.SHA256.String(), func() (any, error) { return nil, w.fill(ctx, want, counted) })
		if err != nil && shared && ctx.Err() == nil && isCancelled(err) {
			continue // who had begun it was called off; this one was not
		}
		return err
	}
}

func (w *web) fill(ctx context.Context, want Want, counted bool) error {
	c, err := w.cache()
	if err != nil {
		return err
	}
	p, err := c.begin(ctx, want)
	if err != nil {
		return err
	}
	if p == nil {
		return nil
	}
	if !counted {
		w.progress.expect(want.Size)
	}
	if err := w.download(ctx, p); err != nil {
		p.give(fault.ClassOf(err) == fault.NoSpace || fault.ClassOf(err) == fault.Tampered)
		return w.vault.cleanError(err)
	}
	return c.keep(p)
}

// missing gives what is not in the cache, each once.
func (w *web) missing(ctx context.Context, wants []Want) ([]Want, error) {
	c, err := w.cache()
	if err != nil {
		return nil, err
	}
	var out []Want
	seen := map[manifest.Digest]bool{}
	for _, want := range wants {
		if err := want.check(); err != nil {
			return nil, err
		}
		if seen[want.SHA256] {
			continue
		}
		seen[want.SHA256] = true
		o, err := c.open(ctx, want)
		if err != nil {
			return nil, err
		}
		if o == nil {
			out = append(out, want)
			continue
		}
		o.Close()
	}
	return out, nil
}

// url is where a file of the depot is asked for.
func (w *web) url(name string) *url.URL { return fileURL(w.base, name) }

// get asks for a file. An answer of any status is returned, and its body is the
// caller's to close; nil with an error.
func (w *web) get(ctx context.Context, name string, header http.Header) (*http.Response, error) {
	resp, err := w.ask(ctx, name, header)
	if err != nil || resp.StatusCode != http.StatusUnauthorized || !sameOrigin(resp.Request.URL, w.base) {
		return resp, err
	}
	before := resp.Request.Header.Get(asWhom)
	again, err := w.prompt(ctx, before)
	if err != nil || !again {
		if err != nil {
			resp.Body.Close()
			return nil, err
		}
		return resp, nil
	}
	resp.Body.Close()
	return w.ask(ctx, name, header)
}

// prompt asks for credentials where there are none; true where there are others now
// than those that the request went with.
func (w *web) prompt(ctx context.Context, before string) (bool, error) {
	w.asked.Lock() // one question, however many downloads meet it
	defer w.asked.Unlock()
	if w.vault.header() != "" {
		return before == "", nil
	}
	if w.Ask == nil {
		return false, nil
	}
	if w.base.Scheme == "http" && !w.PlainHTTP {
		return false, nil
	}
	c, err := w.Ask(ctx, w.base.Host)
	if err != nil || c.IsZero() {
		return false, err
	}
	if err := w.mayCarry(c); err != nil {
		return false, err
	}
	w.vault.set(c)
	return true, nil
}

// ask makes one request, and repeats it where that may help.
func (w *web) ask(ctx context.Context, name string, header http.Header) (*http.Response, error) {
	u := w.url(name)
	req, err := retryablehttp.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, fault.New(fault.General, "%s: no request can be made", shown(u))
	}
	for key, values := range header {
		req.Header[key] = values
	}
	// A cache on the way must not answer with an old index, nor anyone with other bytes than the file's.
	req.Header.Set("Cache-Control", "no-cache")
	req.Header.Set("Accept-Encoding", "identity")
	req.Header.Set("User-Agent", "packlift")
	resp, err := w.client.Do(req)
	if err != nil {
		if resp != nil {
			resp.Body.Close()
		}
		return nil, w.vault.cleanError(explain(ctx, shown(u), err))
	}
	w.Log("GET %s: %d, %s", shown(u), resp.StatusCode, lengthOf(resp))
	return resp, nil
}
