package fetch

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"packlift/internal/fault"
)

// A download whose connection is cut again and again goes on where it was: no
// byte comes twice.
func TestResume(t *testing.T) {
	data := content(2, 1<<20)
	var q requests
	var sent atomic.Int64
	s := mustOpen(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
		q.add(r)
		serveFile(&counting{&cutting{w, 200_000}, &sent}, r, data)
	}).URL, quick(t))
	wantObject(t, s, wantOf("objects/x", data), data)
	list := q.all()
	if len(list) < 5 {
		t.Fatalf("%d requests: nothing was cut", len(list))
	}
	for i, r := range list {
		ranged := r.Header.Get("Range") != "" && r.Header.Get("If-Range") != ""
		if ranged != (i > 0) {
			t.Errorf("request %d: %v", i, r.Header)
		}
	}
	if n := sent.Load(); n > int64(len(data))+int64(len(list))*64<<10 { // what was under way when it was cut
		t.Errorf("%d bytes were sent for %d", n, len(data))
	}
}

type counting struct {
	http.ResponseWriter
	n *atomic.Int64
}

func (c *counting) Write(b []byte) (int, error) {
	c.n.Add(int64(min(len(b), c.ResponseWriter.(*cutting).left)))
	return c.ResponseWriter.Write(b)
}

// Servers that know no ranges, or lie about them, are read anew from the start;
// what comes of it is right or an error.
func TestServersWithoutRanges(t *testing.T) {
	data := content(3, 600_000)
	old := content(4, 600_000)
	cutFirst := func(n int, w http.ResponseWriter) http.ResponseWriter {
		if n <= 2 {
			return &cutting{w, 200_000}
		}
		return w
	}
	for name, h := range map[string]func(n int, w http.ResponseWriter, r *http.Request){
		"ignores ranges": func(n int, w http.ResponseWriter, r *http.Request) {
			r.Header.Del("Range")
			serveFile(cutFirst(n, w), r, data)
		},
		"the file changed meanwhile": func(n int, w http.ResponseWriter, r *http.Request) {
			if n == 1 {
				serveFile(cutFirst(n, w), r, old)
				return
			}
			serveFile(cutFirst(n, w), r, data)
		},
		"the file changed, and the server minds no If-Range": func(n int, w http.ResponseWriter, r *http.Request) {
			r.Header.Del("If-Range")
			if n == 1 {
				serveFile(cutFirst(n, w), r, old)
				return
			}
			serveFile(cutFirst(n, w), r, data)
		},
		"another range": func(n int, w http.ResponseWriter, r *http.Request) {
			if n > 1 && r.Header.Get("Range") != "" {
				r.Header.Set("Range", "bytes=7-")
			}
			serveFile(cutFirst(n, w), r, data)
		},
		"a range of another length": func(n int, w http.ResponseWriter, r *http.Request) {
			if n == 2 {
				w.Header().Set("Content-Range", "bytes 200000-599999/700000")
				w.WriteHeader(206)
				return
			}
			serveFile(cutFirst(n, w), r, data)
		},
		"416": func(n int, w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Range") != "" && n < 4 {
				w.WriteHeader(416)
				return
			}
			serveFile(cutFirst(n, w), r, data)
		},
	} {
		t.Run(name, func(t *testing.T) {
			var q requests
			o := quick(t)
			var done, total int64
			o.Progress = func(d, all int64) { done, total = d, all }
			s := mustOpen(t, serve(t, func(w http.ResponseWriter, r *http.Request) { h(q.add(r), w, r) }).URL, o)
			wantObject(t, s, wantOf("x", data), data)
			if len(q.all()) < 3 || done != int64(len(data)) || total != done {
				t.Errorf("%d requests, progress %d of %d", len(q.all()), done, total)
			}
		})
	}
}

// A server that makes progress only by beginning anew does not keep a run for ever.
func TestNoProgress(t *testing.T) {
	data := content(5, 600_000)
	var q requests
	s := mustOpen(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
		if n := q.add(r); n%2 == 0 {
			w.WriteHeader(416)
			return
		}
		r.Header.Del("Range")
		serveFile(&cutting{w, 200_000}, r, data)
	}).URL, quick(t))
	_, err := readObject(ctxOf(t), s, wantOf("x", data))
	wantFault(t, err, fault.Unreachable)
	if n := len(q.all()); n > 20 {
		t.Errorf("%d requests", n)
	}
}

// What a run has left when it was called off, the next one goes on with.
func TestResumeInALaterRun(t *testing.T) {
	data := content(6, 900_000)
	var q requests
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if q.add(r) == 1 {
			w.Header().Set("Content-Length", fmt.Sprint(len(data)))
			w.Write(data[:500_000])
			w.(http.Flusher).Flush()
			<-r.Context().Done()
			return
		}
		serveFile(w, r, data)
	})
	o := quick(t)
	w := wantOf("x", data)
	ctx, cancel := context.WithCancel(t.Context())
	o.Progress = func(done, _ int64) {
		if done == 500_000 {
			cancel()
		}
	}
	if _, err := readObject(ctx, mustOpen(t, srv.URL, o), w); ctx.Err() == nil || err == nil {
		t.Fatalf("it was not called off: %v", err)
	}
	o.Progress = nil
	wantObject(t, mustOpen(t, srv.URL, o), w, data)
	if list := q.all(); len(list) != 2 || list[1].Header.Get("Range") != "bytes=500000-" {
		t.Errorf("%d requests, the last for %q", len(list), list[len(list)-1].Header.Get("Range"))
	}
	left := files(t, filepath.Join(o.Cache, partials))
	if len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

// What lies there from an earlier run may be anything: it costs a request, not the result.
func TestDamagedPartial(t *testing.T) {
	data := content(7, 400_000)
	w := wantOf("x", data)
	for name, left := range map[string][]byte{"other bytes": content(8, 100_000), "too long": content(8, 400_001), "whole, other": content(8, 400_000), "whole": data} {
		t.Run(name, func(t *testing.T) {
			var q requests
			srv := serve(t, func(w http.ResponseWriter, r *http.Request) { q.add(r); serveFile(w, r, data) })
			o := quick(t)
			at := filepath.Join(o.Cache, partials, w.SHA256.String())
			if err := os.MkdirAll(filepath.Dir(at), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(at, left, 0o600); err != nil {
				t.Fatal(err)
			}
			wantObject(t, mustOpen(t, srv.URL, o), w, data)
			if n := len(q.all()); bytes.Equal(left, data) != (n == 0) || n > 2 {
				t.Errorf("%d requests", n)
			}
		})
	}
}

// Several objects come at once, each once, no more at a time than is asked for.
func TestPrefetch(t *testing.T) {
	var now, most atomic.Int64
	contents := map[string][]byte{}
	var wants []Want
	for i := range 12 {
		b := content(uint64(100+i/2), 50_000) // each content has two names
		name := fmt.Sprintf("objects/%d", i)
		contents["/"+name] = b
		wants = append(wants, wantOf(name, b))
	}
	var q requests
	three := make(chan struct{})
	atOnce := sync.OnceFunc(func() { close(three) })
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) {
		q.add(r)
		n := now.Add(1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		if n == 3 {
			atOnce()
		}
		<-three
		time.Sleep(50 * time.Millisecond) // a fourth would come meanwhile
		now.Add(-1)
		serveFile(w, r, contents[r.URL.Path])
	})
	o := quick(t)
	o.Jobs = 3
	var done, total int64
	o.Progress = func(d, all int64) { done, total = d, all }
	s := mustOpen(t, srv.URL, o)
	if err := Prefetch(ctxOf(t), s, wants); err != nil {
		t.Fatal(err)
	}
	if most.Load() != 3 || len(q.all()) != 6 || done != 300_000 || total != 300_000 {
		t.Errorf("%d at a time, %d requests, progress %d of %d", most.Load(), len(q.all()), done, total)
	}
	for _, w := range wants {
		wantObject(t, s, w, contents["/"+w.Name])
	}
	if len(q.all()) != 6 {
		t.Error("what was fetched is fetched again")
	}
	contents["/bad"] = []byte("other")
	bad := Want{"bad", 5, wants[0].SHA256}
	bad.SHA256[0] ^= 1
	err := Prefetch(ctxOf(t), s, append(wants, bad))
	wantFault(t, err, fault.Tampered, "/bad")
}

// Who asks for the same object at the same time gets it by one request.
func TestOneRequestForMany(t *testing.T) {
	data := content(9, 100_000)
	var q requests
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) {
		q.add(r)
		time.Sleep(100 * time.Millisecond)
		serveFile(w, r, data)
	})
	o := quick(t)
	runs := []Source{mustOpen(t, srv.URL, o), mustOpen(t, srv.URL, o)} // as two processes
	errs := make(chan error)
	for i := range 8 {
		go func() {
			got, err := readObject(ctxOf(t), runs[i%2], wantOf("x", data))
			if err == nil && !bytes.Equal(got, data) {
				err = io.ErrUnexpectedEOF
			}
			errs <- err
		}()
	}
	for range 8 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if n := len(q.all()); n != 1 {
		t.Errorf("%d requests", n)
	}
}
