package fetch

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"packlift/internal/fault"
)

func quiet() *log.Logger { return log.New(io.Discard, "", 0) }

const size = 300_000

// A server that is at fault in any way ends a fetch with a class and a hint, after no
// more requests, none longer than the options allow, than are worth it, and nothing wrong is kept.
func TestFaults(t *testing.T) {
	data := content(1, size)
	raw := func(head string, body func(net.Conn)) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			c, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				panic(err)
			}
			defer c.Close()
			fmt.Fprintf(c, "HTTP/1.1 200 OK\r\n%s\r\n", head)
			if body != nil {
				body(c)
			}
		}
	}
	status := func(code int, header ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			for i := 0; i < len(header); i += 2 {
				w.Header().Set(header[i], header[i+1])
			}
			w.WriteHeader(code)
		}
	}
	octets := func(b []byte) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) { serveFile(w, r, b) }
	}
	other := bytes.Clone(data)
	other[size/2] ^= 1
	until := func(c net.Conn) { c.SetReadDeadline(time.Now().Add(20 * time.Second)); io.Copy(io.Discard, c) }
	for _, c := range []struct {
		name  string
		h     http.HandlerFunc
		class fault.Class
		words []string
		both  bool // a small file meets it too
	}{
		{"too short", octets(data[:size-1]), fault.Truncated, []string{"299999 bytes long", "300000", "mirror"}, false},
		{"too long", octets(append(bytes.Clone(data), 0)), fault.Tampered, []string{"300001 bytes long"}, false},
		{"other bytes", octets(other), fault.Tampered, []string{"SHA-256"}, false},
		{"endless", func(w http.ResponseWriter, _ *http.Request) {
			for err := error(nil); err == nil; {
				_, err = w.Write(data)
			}
		}, fault.Tampered, []string{"more than"}, true},
		{"ends early without a length", raw("", func(c net.Conn) { c.Write(data[:1000]) }), fault.Truncated, []string{"1000 of 300000"}, false},
		{"breaks each time", raw("Content-Length: 300000\r\n", func(c net.Conn) { c.Write(data[:100]) }), fault.Unreachable, []string{"connection broke", "same command"}, true},
		{"breaks before it answers", func(w http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) }, fault.Unreachable, []string{"EOF"}, true},
		{"silent before it answers", func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, fault.Unreachable, []string{"timeout"}, true},
		{"silent in the body", raw("Content-Length: 300000\r\n", func(c net.Conn) { c.Write(data[:100]); until(c) }), fault.Unreachable, []string{"sends nothing more"}, true},
		{"trickles", raw("Content-Length: 300000\r\n", func(c net.Conn) {
			for err := error(nil); err == nil; time.Sleep(20 * time.Millisecond) {
				_, err = c.Write(data[:1])
			}
		}), fault.Unreachable, []string{"sends nothing more"}, true},
		{"no HTTP", func(w http.ResponseWriter, _ *http.Request) {
			c, _, _ := w.(http.Hijacker).Hijack()
			io.WriteString(c, "220 mail.example ESMTP\r\n")
			c.Close()
		}, fault.Unreachable, []string{"malformed"}, true},
		{"giant header", raw("X: "+strings.Repeat("x", 1<<20)+"\r\n", nil), fault.Unreachable, []string{"header"}, true},
		{"redirects in a circle", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.Path, http.StatusFound) }, fault.Unreachable, []string{"redirects more than 5 times", "final address"}, true},
		{"redirects elsewhere", status(302, "Location", "ftp://127.0.0.1/x"), fault.Unreachable, []string{`"ftp"`}, true},
		{"web page", status(200, "Content-Type", "text/html; charset=utf-8"), fault.Unreachable, []string{"web page", "browser"}, true},
		{"compressed", status(200, "Content-Encoding", "gzip"), fault.Unreachable, []string{"content encoding", "gzip off"}, true},
		{"part that was not asked for", status(206, "Content-Range", "bytes 5-9/300000"), fault.Unreachable, []string{"206"}, true},
		{"400", status(400), fault.Unreachable, []string{"400 Bad Request", "--client-cert"}, true},
		{"401", status(401, "WWW-Authenticate", "Basic"), fault.Denied, []string{"wants credentials (401)", "over http://"}, true},
		{"403", status(403), fault.Denied, []string{"403", "ask who keeps the depot"}, true},
		{"407", status(407), fault.Denied, []string{"proxy", "407", "%XX"}, true},
		{"429 for long", status(429, "Retry-After", "3600"), fault.Unreachable, []string{"429", "asks to wait for 1h0m0s", "later"}, true},
		{"429 for ever", status(429), fault.Unreachable, []string{"429", "later"}, true},
		{"503 for an age", status(503, "Retry-After", "99999999999999999999"), fault.Unreachable, []string{"503"}, true},
		{"500", status(500), fault.Unreachable, []string{"500 Internal Server Error", "its log"}, true},
		{"599", status(599), fault.Unreachable, []string{"599"}, true},
		{"204", status(204), fault.Unreachable, []string{"204"}, true},
		{"304", status(304), fault.Unreachable, []string{"304"}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			o := quick(t)
			var said said
			if strings.HasPrefix(c.name, "silent") || c.name == "trickles" {
				o.Stall, o.Log = 400*time.Millisecond, said.add // a busy machine may meet another timeout in the last attempt, not in all
			}
			var asked atomic.Int64
			s := mustOpen(t, serve(t, func(w http.ResponseWriter, r *http.Request) { asked.Add(1); c.h(w, r) }).URL+"/depot", o)
			_, err := readObject(ctxOf(t), s, wantOf("objects/x", data))
			wantFault(t, said.with(err), c.class, c.words...)
			if c.both {
				_, err = s.Small(ctxOf(t), "index.json", size)
				wantFault(t, said.with(err), c.class, c.words...)
			}
			if n := asked.Load(); n > 2*(1+maxRetries)*(1+maxRetries) {
				t.Errorf("%d requests", n)
			}
			for _, name := range files(t, o.Cache) {
				if !strings.Contains(name, partials) {
					t.Errorf("%s is kept", name)
				}
			}
		})
	}
}

func TestMissingFile(t *testing.T) {
	for _, code := range []int{404, 410} {
		s := mustOpen(t, serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }).URL, quick(t))
		_, err := s.Small(ctxOf(t), "index.json", 10)
		_, err2 := readObject(ctxOf(t), s, wantOf("x", []byte("x")))
		if !errors.Is(err, fs.ErrNotExist) || !errors.Is(err2, fs.ErrNotExist) {
			t.Errorf("%d: %v; %v", code, err, err2)
		}
	}
}

// said is what a run logs.
type said struct {
	mu    sync.Mutex
	lines []string
}

func (s *said) add(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines = append(s.lines, fmt.Sprintf(format, args...))
}

// with is err with what was logged before it behind its message, and forgets that.
func (s *said) with(err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil && len(s.lines) > 0 {
		err = fmt.Errorf("%w\nbefore:\n%s", err, strings.Join(s.lines, "\n"))
	}
	s.lines = nil
	return err
}

// Nobody there: told soon, with what to look at.
func TestNobodyThere(t *testing.T) {
	s := mustOpen(t, "http://"+deaf(t), quick(t))
	_, err := s.Small(ctxOf(t), "index.json", 10)
	wantFault(t, err, fault.Unreachable, "refused", "nothing listens there")

	noNames(t)
	s = mustOpen(t, "https://no-such-host.invalid", quick(t))
	_, err = s.Small(ctxOf(t), "index.json", 10)
	wantFault(t, err, fault.Unreachable, "no-such-host.invalid", "HTTPS_PROXY")
	_, err = mustOpen(t, "http://no-such-host.invalid", quick(t)).Small(ctxOf(t), "index.json", 10)
	wantFault(t, err, fault.Unreachable, "no-such-host.invalid", "http_proxy")
}

// deaf is a host and port where nothing listens, and nothing will while the test runs: a connection has it for its own end.
func deaf(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(); l.Close() })
	return c.LocalAddr().String()
}

// noNames has a name server of the test's own, which knows no name, asked for the rest of the test.
func noNames(t *testing.T) {
	t.Helper()
	before := net.DefaultResolver
	t.Cleanup(func() { net.DefaultResolver = before })
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		near, far := net.Pipe()
		go func() {
			defer far.Close()
			var length [2]byte // of a message over TCP: RFC 1035, 4.2.2
			if _, err := io.ReadFull(far, length[:]); err != nil {
				return
			}
			message := make([]byte, binary.BigEndian.Uint16(length[:]))
			if _, err := io.ReadFull(far, message); err != nil || len(message) < 12 {
				return
			}
			message[2] |= 0x80                  // an answer
			message[3] = message[3]&0xF0 | 0x03 // there is no such name
			far.Write(append(length[:], message...))
		}()
		return near, nil
	}}
}

// Faults that pass are waited for, as long as the server asks.
func TestFaultsThatPass(t *testing.T) {
	var q requests
	s := mustOpen(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch q.add(r) {
		case 1:
			w.WriteHeader(502)
		case 2:
			panic(http.ErrAbortHandler)
		case 3:
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(429)
		default:
			io.WriteString(w, "index")
		}
	}).URL, quick(t))
	start := time.Now()
	b, err := s.Small(ctxOf(t), "index.json", 5)
	if string(b) != "index" || err != nil || time.Since(start) < time.Second {
		t.Errorf("%q, %v after %s", b, err, time.Since(start))
	}
}

// A small file may be as long as is allowed, and no longer; it is asked for anew each time, past any cache.
func TestSmallIsCappedAndFresh(t *testing.T) {
	var q requests
	s := mustOpen(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
		q.add(r)
		io.WriteString(w, "12345")
	}).URL, quick(t))
	for range 2 {
		if b, err := s.Small(ctxOf(t), "a/index", 5); string(b) != "12345" || err != nil {
			t.Error(string(b), err)
		}
	}
	_, err := s.Small(ctxOf(t), "a/index", 4)
	wantFault(t, err, fault.Tampered, "more than 4 bytes")
	for _, r := range q.all() {
		if r.Header.Get("Cache-Control") != "no-cache" || r.Header.Get("Accept-Encoding") != "identity" {
			t.Errorf("asked with %v", r.Header)
		}
	}
	if n := len(q.all()); n != 3 {
		t.Errorf("%d requests", n)
	}
}

// A run that is called off ends at once, whatever it waits for.
func TestCalledOff(t *testing.T) {
	o := quick(t)
	s := mustOpen(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "300000")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}).URL, o)
	for _, read := range []func() error{
		func() error { ctx, stop := timeout(t); defer stop(); _, err := s.Small(ctx, "x", size); return err },
		func() error {
			ctx, stop := timeout(t)
			defer stop()
			_, err := readObject(ctx, s, wantOf("x", content(1, size)))
			return err
		},
	} {
		start := time.Now()
		err := read()
		if err == nil || time.Since(start) >= o.Stall || fault.ClassOf(err) != fault.General {
			t.Errorf("%v after %s", err, time.Since(start))
		}
	}
}
