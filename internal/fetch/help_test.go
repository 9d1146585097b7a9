package fetch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"packlift/internal/fault"
	"packlift/internal/manifest"
)

// content is n bytes that no compression helps.
func content(seed uint64, n int) []byte {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)})
	r.Read(b)
	return b
}

func wantOf(name string, b []byte) Want { return Want{name, int64(len(b)), manifest.Sum(b)} }

func noProxy(*http.Request) (*url.URL, error) { return nil, nil }

// quick are options whose waits a test can afford.
func quick(t *testing.T) Options {
	return Options{Cache: filepath.Join(t.TempDir(), "cache"), Stall: time.Minute, Pause: time.Millisecond, Proxy: noProxy}
}

func serve(t *testing.T, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = quiet()
	s.Start()
	t.Cleanup(s.Close)
	return s
}

func mustOpen(t *testing.T, location string, o Options) Source {
	t.Helper()
	s, err := Open(location, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func ctxOf(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// readObject reads an object whole.
func readObject(ctx context.Context, s Source, w Want) ([]byte, error) {
	o, err := s.Object(ctx, w.Name, w.Size, w.SHA256)
	if err != nil {
		return nil, err
	}
	defer o.Close()
	return io.ReadAll(o)
}

func wantObject(t *testing.T, s Source, w Want, data []byte) {
	t.Helper()
	got, err := readObject(ctxOf(t), s, w)
	if err != nil || !bytes.Equal(got, data) {
		t.Fatalf("%s: %d bytes of %d: %v", w.Name, len(got), len(data), err)
	}
}

// wantFault checks an error's class, and that message and hint say some words.
func wantFault(t *testing.T, err error, class fault.Class, words ...string) {
	t.Helper()
	if err == nil || fault.ClassOf(err) != class {
		t.Errorf("class %s, want %s: %v", fault.ClassOf(err), class, err)
		return
	}
	text := err.Error() + "\nhint: " + fault.HintOf(err)
	for _, w := range words {
		if !strings.Contains(text, w) {
			t.Errorf("%q is not said in\n%s", w, text)
		}
	}
}

// requests counts and keeps what a server was asked.
type requests struct {
	mu   sync.Mutex
	list []*http.Request
}

func (q *requests) add(r *http.Request) int {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.list = append(q.list, r)
	return len(q.list)
}

func (q *requests) all() []*http.Request {
	q.mu.Lock()
	defer q.mu.Unlock()
	return append([]*http.Request(nil), q.list...)
}

// serveFile answers as a file server does, ranges and If-Range included.
func serveFile(w http.ResponseWriter, r *http.Request, data []byte) {
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("ETag", fmt.Sprintf("%q", manifest.Sum(data).String()[:12]))
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
}

// cutting ends the connection after so many bytes of the body.
type cutting struct {
	http.ResponseWriter
	left int
}

func (c *cutting) Write(b []byte) (int, error) {
	if c.left < len(b) {
		c.ResponseWriter.Write(b[:c.left])
		c.ResponseWriter.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
	c.left -= len(b)
	return c.ResponseWriter.Write(b)
}

// files lists the regular files below a folder.
func files(t *testing.T, dir string) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(dir, func(name string, d os.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			out = append(out, name)
		}
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func timeout(t *testing.T) (context.Context, context.CancelFunc) {
	return context.WithTimeout(t.Context(), 200*time.Millisecond)
}
