package xzpar

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"packlift/bundle/lzma2"
)

// Cache keeps packed streams from one run to the next, under names of 64 hex
// digits. Get gives nil for one that it has not; Put may forget. Both are called
// by several goroutines. What Get gives is decoded and compared like what was
// packed a moment ago, so that a damaged entry costs time and nothing else.
type Cache interface {
	Get(name string) []byte
	Put(name string, stream []byte)
}

// pack fills in p's stream.
func (x *Writer) pack(e *packer, p *packing) {
	if x.cache == nil {
		p.stream, p.memory, p.err = e.pack(p.memory, p.plain)
		return
	}
	name := cacheName(p.plain, x.quick)
	if s := x.cache.Get(name); len(s) > 0 && e.prove(s, p.plain) == nil {
		p.stream = s
		return
	}
	if p.stream, p.memory, p.err = e.pack(p.memory, p.plain); p.err == nil {
		x.cache.Put(name, p.stream)
	}
}

// cacheName is of the plain bytes and of all that decides what they are packed to.
func cacheName(plain []byte, quick bool) string {
	digest := sha256.Sum256(plain)
	sum := sha256.Sum256(fmt.Appendf(nil, "stream 1, encoder %d, quick %t, %x", lzma2.Version, quick, digest))
	return hex.EncodeToString(sum[:])
}
