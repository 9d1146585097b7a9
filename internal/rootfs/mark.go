package rootfs

import (
	"io/fs"
)

// Mark tells a file from any other, and from itself once it was written to. It is
// much smaller than the fs.FileInfo that it is made of, for those who keep many.
// The zero Mark is no file's.
type Mark struct {
	id    identity
	size  int64
	mtime int64 // nanoseconds
}

// MarkOf is the mark of a file; nil gives the zero Mark.
func MarkOf(info fs.FileInfo) Mark {
	if info == nil {
		return Mark{}
	}
	return Mark{identityOf(info), info.Size(), info.ModTime().UnixNano()}
}

// Known reports whether m is a file's.
func (m Mark) Known() bool { return m.id != identity{} }

// Size is the file's length in bytes when it was seen.
func (m Mark) Size() int64 { return m.size }

// Is reports whether info is of the very same file, with the same size and time.
func (m Mark) Is(info fs.FileInfo) bool {
	return m.Known() && m.id.is(info) && m.size == info.Size() && m.mtime == info.ModTime().UnixNano()
}
