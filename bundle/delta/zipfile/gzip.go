package zipfile

import (
	"bytes"
	"encoding/binary"
	"io"
)

// GzipEnd is the length of what follows the data of a gzip file: CRC and size.
const GzipEnd = 8

// MaxGzipHead is the longest header that is looked at.
const MaxGzipHead = 4096

// GzipHead is the length of the header of a gzip file (RFC 1952).
func GzipHead(r io.ReaderAt, size int64) (int64, error) {
	head := make([]byte, min(size, MaxGzipHead))
	if n, err := r.ReadAt(head, 0); n < len(head) {
		return 0, err
	}
	if len(head) < 18 || head[0] != 0x1f || head[1] != 0x8b || head[2] != Deflated || head[3]&0xE0 != 0 {
		return 0, form("no gzip header")
	}
	flags, at := head[3], 10
	if flags&4 != 0 {
		at += 2 + int(head[10]) + int(head[11])<<8
	}
	for _, text := range []byte{8, 16} {
		if flags&text == 0 || at > len(head) {
			continue
		}
		n := bytes.IndexByte(head[at:], 0)
		if n < 0 {
			return 0, form("a gzip header without end")
		}
		at += n + 1
	}
	if flags&2 != 0 {
		at += 2
	}
	if int64(at) > size-GzipEnd || at > len(head) {
		return 0, form("a gzip file that ends in its header")
	}
	return int64(at), nil
}

// GzipTail is what stands behind the data.
func (f Facts) GzipTail() []byte {
	out := binary.LittleEndian.AppendUint32(nil, f.CRC)
	return binary.LittleEndian.AppendUint32(out, uint32(f.Plain))
}
