package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"packlift/internal/fault"
)

// enough is how much an attempt has to bring, in bytes, for the next one to
// count as the first again.
const enough = 64 << 10

// broken is an attempt that ended early and may be made again.
type broken struct{ error }

func (b broken) Unwrap() error { return b.error }

// Small implements Source.
func (w *web) Small(ctx context.Context, name string, max int64) ([]byte, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	for try := 0; ; try++ {
		b, err := w.small(ctx, name, max)
		if err == nil {
			return b, nil
		}
		if err := w.pause(ctx, err, try); err != nil {
			return nil, w.vault.cleanError(err)
		}
	}
}

func (w *web) small(ctx context.Context, name string, max int64) ([]byte, error) {
	resp, err := w.get(ctx, name, nil)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	where := shown(w.url(name))
	if resp.StatusCode != http.StatusOK {
		return nil, w.refusal(where, resp)
	}
	if err := w.plainFile(where, name, resp); err != nil {
		return nil, err
	}
	if resp.ContentLength > max {
		return nil, tooLong(where, max)
	}
	b, err := io.ReadAll(io.LimitReader(resp.Body, max+1))
	switch {
	case err != nil:
		return nil, w.cut(ctx, where, err)
	case int64(len(b)) > max:
		return nil, tooLong(where, max)
	}
	return b, nil
}

func tooLong(where string, max int64) error {
	return fault.New(fault.Tampered, "%s: the server sends more than %d bytes, the most that there may be", where, max).WithHint("%s", otherBytes)
}

// download brings what is missing of an object, in as many attempts as it takes
// while each makes progress.
func (w *web) download(ctx context.Context, p *partial) error {
	w.progress.came(p.off)
	wholeOnly, best := false, p.off // progress is what goes beyond the best so far: an answer that begins anew is none
	for try := 0; ; try++ {
		err := w.attempt(ctx, p, wholeOnly)
		if err == nil && p.whole() {
			return nil
		}
		where := shown(w.url(p.want.Name))
		if err == nil {
			if !p.mixed || wholeOnly {
				return wrongBytes(where, p.want)
			}
			// Pieces of two contents, perhaps: the file changed between the answers. One whole answer decides.
			w.Log("%s: its pieces do not fit together; it is fetched anew", where)
			wholeOnly, err = true, w.startAnew(p, "")
			if err != nil {
				return err
			}
			continue
		}
		if p.off-best >= enough {
			try, best = 0, p.off
		}
		if err := w.pause(ctx, err, try); err != nil {
			return err
		}
	}
}

// pause waits before an attempt is made again, or gives the error that ends it.
func (w *web) pause(ctx context.Context, err error, try int) error {
	var b broken
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case !errors.As(err, &b):
		return err
	case try >= maxRetries:
		return b.error
	}
	w.Log("%s: it is tried again", b.error)
	return sleep(ctx, min(w.Pause<<try, maxPause))
}

// startAnew drops what is there of an object.
func (w *web) startAnew(p *partial, etag string) error {
	w.progress.came(-p.off)
	return p.restart(etag)
}

// attempt makes one request for what is missing and reads its answer.
func (w *web) attempt(ctx context.Context, p *partial, wholeOnly bool) error {
	if p.off == p.want.Size {
		return nil
	}
	if wholeOnly && p.off > 0 {
		if err := w.startAnew(p, ""); err != nil {
			return err
		}
	}
	header := http.Header{}
	if p.off > 0 {
		header.Set("Range", fmt.Sprintf("bytes=%d-", p.off))
		if p.etag != "" {
			header.Set("If-Range", p.etag)
		}
	}
	resp, err := w.get(ctx, p.want.Name, header)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	where := shown(w.url(p.want.Name))
	if err := w.accept(where, p, resp); err != nil {
		return err
	}
	return w.receive(ctx, where, p, resp)
}

// accept judges the head of an answer; the partial then stands where the body begins.
func (w *web) accept(where string, p *partial, resp *http.Response) error {
	resumed := p.off > 0
	switch {
	case resp.StatusCode == http.StatusOK:
		if err := w.plainFile(where, p.want.Name, resp); err != nil {
			return err
		}
		if resumed {
			w.Log("%s: the server starts anew", where)
		}
		if err := w.startAnew(p, resp.Header.Get("ETag")); err != nil {
			return err
		}
	case resp.StatusCode == http.StatusPartialContent && resumed && continues(resp, p.off, p.want.Size):
		if err := w.plainFile(where, p.want.Name, resp); err != nil {
			return err
		}
		w.Log("%s: goes on at %d", where, p.off)
		p.mixed = true
	case resumed && (resp.StatusCode == http.StatusPartialContent || resp.StatusCode == http.StatusRequestedRangeNotSatisfiable):
		if err := w.startAnew(p, ""); err != nil {
			return err
		}
		return broken{fault.New(fault.Unreachable, "%s: the server answers with another part of the file than it was asked for", where)}
	default:
		return w.refusal(where, resp)
	}
	if resp.ContentLength >= 0 && p.off+resp.ContentLength != p.want.Size {
		return wrongLength(where, p.off+resp.ContentLength, p.want.Size)
	}
	return nil
}

// continues reports whether a 206 is what was asked for: from off to the end (RFC 9110, 14.4).
func continues(resp *http.Response, off, size int64) bool {
	span, ok := strings.CutPrefix(resp.Header.Get("Content-Range"), "bytes ")
	if !ok {
		return false
	}
	span, total, _ := strings.Cut(span, "/")
	first, _, _ := strings.Cut(span, "-")
	start, err := strconv.ParseInt(first, 10, 64)
	return err == nil && start == off && (total == "*" || total == strconv.FormatInt(size, 10))
}

// receive writes a body to the partial, and no more than is missing.
func (w *web) receive(ctx context.Context, where string, p *partial, resp *http.Response) error {
	buf := make([]byte, copyBuffer)
	for {
		n, err := resp.Body.Read(buf)
		if int64(n) > p.want.Size-p.off {
			return tooLong(where, p.want.Size)
		}
		if n > 0 {
			if _, err := p.Write(buf[:n]); err != nil {
				return err
			}
			w.progress.came(int64(n))
		}
		switch {
		case errors.Is(err, io.EOF) && p.off == p.want.Size:
			return nil
		case errors.Is(err, io.EOF):
			return broken{fault.New(fault.Truncated, "%s: the server sent %d of %d bytes", where, p.off, p.want.Size).WithHint("%s", otherBytes)}
		case err != nil:
			return w.cut(ctx, where, err)
		}
	}
}

// cut is the error of a body that broke off.
func (w *web) cut(ctx context.Context, where string, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return broken{fault.New(fault.Unreachable, "%s: the connection broke: %w", where, err).
		WithHint("run the same command again: it goes on where it was")}
}
