// Package fetch reads a depot's files, from a folder or over HTTP and HTTPS.
//
// What it guarantees, whatever a server, a proxy or a disk does:
//
//   - an Object's bytes are those of the digest that was asked for: a reader that comes to
//     io.EOF has read exactly them
//   - nothing is longer than the caller allowed; headers, redirects, retries and waits have caps
//   - a server that is silent or trickles is left after Options.Stall; one that makes
//     progress may take as long as it needs
//   - a download that broke goes on where it was, in a later run too
//   - credentials and the client certificate go to the depot's own scheme, host and port only, and
//     over plain HTTP only where Options.PlainHTTP says so; no error and no log line holds them
//
// What is fetched is cached by content. The cache is nobody's word: each entry is
// compared with its digest before it is used, and fetched anew where it differs. Several runs may share one.
//
// Not guarded against: who changes a folder's or the cache's files while they are read,
// after they were checked. Small files prove nothing by themselves: their signatures do.
package fetch

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"packlift/internal/fault"
	"packlift/internal/manifest"
)

// Source reads a depot's files by slash-separated names relative to the depot.
// It is safe for use by several goroutines.
type Source interface {
	// Small gives a whole file of at most max bytes, always fresh (an index, a
	// signature). fs.ErrNotExist is in the chain where it is missing.
	Small(ctx context.Context, name string, max int64) ([]byte, error)
	// Object gives a file of exactly size bytes with this digest, from the cache if it is there.
	Object(ctx context.Context, name string, size int64, sha256 manifest.Digest) (Object, error)
}

// Object is a file whose bytes are checked before io.EOF, and before any
// that are not read from front to back. ReadAt may be called by several goroutines.
type Object = interface {
	io.ReadSeekCloser
	io.ReaderAt
}

// Want is an object that will be asked for.
type Want struct {
	Name   string
	Size   int64
	SHA256 manifest.Digest
}

// Options say how a depot is reached. Only the zero values of CA, ClientCert,
// Credentials and what follows Jobs are usual.
type Options struct {
	Credentials Credentials
	// Ask is called once, when the depot wants credentials and has got none. It may be nil.
	Ask       func(ctx context.Context, host string) (Credentials, error)
	PlainHTTP bool // credentials may go over http://

	CA                    []byte // PEM certificates, beside the system's
	ClientCert, ClientKey []byte // PEM

	Cache    string // folder; default: DefaultCache
	CacheMax int64  // bytes; default: DefaultCacheMax

	Jobs     int                                   // downloads at a time; default: 6
	Log      func(format string, args ...any)      // details; may be nil
	Progress func(done, total int64)               // bytes of objects; may be nil
	Proxy    func(*http.Request) (*url.URL, error) // default: http.ProxyFromEnvironment
	Stall    time.Duration                         // how long a server may be silent; default: one minute
	Pause    time.Duration                         // before the first retry, doubled for each further one; default: half a second
}

const (
	defaultJobs  = 6
	defaultStall = time.Minute
	defaultPause = 500 * time.Millisecond
)

func (o Options) withDefaults() Options {
	if o.Jobs <= 0 {
		o.Jobs = defaultJobs
	}
	if o.Stall <= 0 {
		o.Stall = defaultStall
	}
	if o.Pause <= 0 {
		o.Pause = defaultPause
	}
	if o.CacheMax <= 0 {
		o.CacheMax = DefaultCacheMax
	}
	if o.Log == nil {
		o.Log = func(string, ...any) {}
	}
	if o.Progress == nil {
		o.Progress = func(int64, int64) {}
	}
	if o.Proxy == nil {
		o.Proxy = http.ProxyFromEnvironment
	}
	return o
}

// Open gives the depot at a location: a folder, or an http or https URL. It
// reaches no network.
func Open(location string, o Options) (Source, error) {
	u, err := parseLocation(location)
	switch {
	case err != nil:
		return nil, err
	case u != nil:
		if o.Proxy == nil {
			if err := checkProxies(); err != nil {
				return nil, err
			}
		}
		return newWeb(u, o.withDefaults())
	}
	return newFolder(location)
}

// Remote reports whether a location is an http or https URL, and not a folder.
func Remote(location string) bool {
	scheme, _, ok := strings.Cut(location, "://")
	return ok && (strings.EqualFold(scheme, "http") || strings.EqualFold(scheme, "https"))
}

// Prefetch brings objects into the cache, several at a time, so that Object finds
// them there. Of a folder nothing is copied.
func Prefetch(ctx context.Context, s Source, wants []Want) error {
	w, ok := s.(*web)
	if !ok {
		return nil
	}
	missing, err := w.missing(ctx, wants)
	if err != nil {
		return err
	}
	for _, want := range missing {
		w.progress.expect(want.Size)
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(w.Jobs)
	for _, want := range missing {
		group.Go(func() error { return w.bring(ctx, want, true) })
	}
	return group.Wait()
}

// check refuses what no depot holds, before anything is made of it.
func (w Want) check() error {
	if err := checkName(w.Name); err != nil {
		return err
	}
	if w.Size < 0 || w.Size > manifest.MaxFile {
		return fault.New(fault.Tampered, "%s: %d is no size of a file", w.Name, w.Size)
	}
	return nil
}

func checkName(name string) error {
	if !fs.ValidPath(name) || name == "." || len(name) > maxName {
		return fmt.Errorf("%q is no name of a file in a depot: %w", name, fs.ErrInvalid)
	}
	return nil
}

const maxName = 1024
