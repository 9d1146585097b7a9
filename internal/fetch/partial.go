package fetch

import (
	"context"
	"crypto/sha256"
	"errors"
	"hash"
	"io"
	"strings"

	"packlift/internal/rootfs"
)

// partial is an object on its way into the cache. Its file is held: no other
// run writes to it.
type partial struct {
	cache *cache
	name  string
	file  *rootfs.File
	want  Want
	off   int64     // how much is there
	sum   hash.Hash // of it
	etag  string    // of the answer it is from; "" where that is not known
	mixed bool      // it is from several answers
}

// newPartial takes up what an earlier run has left.
func newPartial(ctx context.Context, c *cache, name string, f *rootfs.File, want Want) (*partial, error) {
	p := &partial{cache: c, name: name, file: f, want: want, sum: sha256.New()}
	err := p.takeUp(ctx)
	if err != nil {
		f.Close()
		return nil, err
	}
	return p, nil
}

func (p *partial) takeUp(ctx context.Context) error {
	info, err := p.file.Stat()
	if err != nil {
		return noCache(err)
	}
	if info.Size() > p.want.Size {
		return p.restart("")
	}
	buf := make([]byte, copyBuffer)
	for p.off < info.Size() {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		n, err := p.file.ReadAt(buf, p.off)
		p.sum.Write(buf[:n])
		p.off += int64(n)
		if err != nil && !errors.Is(err, io.EOF) || n == 0 {
			return p.restart("") // the disk does not give it back
		}
	}
	p.mixed = p.off > 0
	return nil
}

// restart drops what is there.
func (p *partial) restart(etag string) error {
	p.sum.Reset()
	p.off, p.mixed, p.etag = 0, false, ""
	if strings.HasPrefix(etag, `"`) { // a weak one says nothing of bytes (RFC 9110, 13.1.5)
		p.etag = etag
	}
	if err := p.file.Truncate(0); err != nil {
		return noCache(err)
	}
	return nil
}

// Write adds bytes. Where the disk is full, the cache makes room once.
func (p *partial) Write(b []byte) (int, error) {
	n, err := p.add(b)
	if err == nil || !isNoSpace(err) {
		return n, err
	}
	if freed, shrinkErr := p.cache.shrink(p.want.Size - p.off); shrinkErr != nil || freed == 0 {
		return n, p.cache.full(err)
	}
	more, err := p.add(b[n:])
	if err != nil && isNoSpace(err) {
		err = p.cache.full(err)
	}
	return n + more, err
}

func (p *partial) add(b []byte) (int, error) {
	n, err := p.file.WriteAt(b, p.off)
	p.sum.Write(b[:n])
	p.off += int64(n)
	return n, err
}

// whole reports whether all is there and right.
func (p *partial) whole() bool {
	return p.off == p.want.Size && [sha256.Size]byte(p.sum.Sum(nil)) == p.want.SHA256
}

// give lets go of the file: what is there stays for a later run, unless it is
// of no use.
func (p *partial) give(useless bool) {
	if useless {
		_ = p.cache.root.Remove(p.name) // it is only in the way
	}
	p.file.Close()
}
