package depot

import (
	"context"
	"io"

	"packlift/internal/manifest"
)

// Source reads a depot's files by slash-separated names relative to the depot.
type Source interface {
	// Small gives a whole file of at most max bytes, always fresh. fs.ErrNotExist where it is missing.
	Small(ctx context.Context, name string, max int64) ([]byte, error)
	// Object gives a file of exactly size bytes with this SHA-256; its bytes are checked before io.EOF.
	Object(ctx context.Context, name string, size int64, sha256 manifest.Digest) (Object, error)
}

// Object is a file of a depot, open for reading.
type Object interface {
	io.ReadSeekCloser
	io.ReaderAt
}
