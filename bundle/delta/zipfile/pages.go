package zipfile

import "io"

const pageSize = 64 << 10

// pages is a ReaderAt over one that is dear to ask: it keeps the last page.
type pages struct {
	r    io.ReaderAt
	size int64
	buf  []byte
	at   int64
}

// ReadAt fills p or fails.
func (g *pages) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 || off > g.size-int64(len(p)) {
		return 0, io.ErrUnexpectedEOF
	}
	if len(p) >= pageSize {
		return full(g.r, p, off)
	}
	if off < g.at || off+int64(len(p)) > g.at+int64(len(g.buf)) {
		n := int(min(pageSize, g.size-off))
		if cap(g.buf) < n {
			g.buf = make([]byte, pageSize)
		}
		g.buf, g.at = g.buf[:n], off
		if _, err := full(g.r, g.buf, off); err != nil {
			g.buf = g.buf[:0]
			return 0, err
		}
	}
	return copy(p, g.buf[off-g.at:]), nil
}

// full reads all of p; a ReaderAt may say io.EOF together with the last bytes.
func full(r io.ReaderAt, p []byte, off int64) (int, error) {
	n, err := r.ReadAt(p, off)
	if n == len(p) {
		return n, nil
	}
	if err == nil || err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}
