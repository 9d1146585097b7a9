package xzpar

import (
	"bytes"
	"fmt"
	"slices"

	"packlift/bundle/lzma2"
)

// front is room before the LZMA2 data for what stands there, whose length
// depends on the data's.
const front = edgeSize + maxBlock

// packer makes streams; it is reused, and not safe for concurrent use.
type packer struct {
	encoder lzma2.Encoder
	decoder decoder
	back    []byte
}

// pack returns plain as one stream in the memory of buf where it fits, and the
// memory to be used again. Before that the stream decoded to plain again: what
// a site will read is proved where it can still be mended.
func (k *packer) pack(buf, plain []byte) (stream, memory []byte, err error) {
	n := roomFor(len(plain))
	if n += front + n/4096 + 256; cap(buf) < n { // noise and its chunk headers
		buf = nil // the larger one may take its memory
		buf = make([]byte, front, n)
	}
	buf, err = k.encoder.Encode(buf[:front], plain)
	if err != nil {
		return nil, buf, fmt.Errorf("xz: %w", err)
	}
	b := block{int64(len(buf) - front), int64(len(plain)), dictFor(len(plain), dictLog)}
	if err := b.check(); err != nil {
		return nil, buf, fmt.Errorf("xz: %w", err)
	}
	head := append(slices.Clip(streamHeader), b.header()...)
	buf = append(buf, b.tail(checksum(plain))...)
	stream = buf[front-len(head):]
	copy(stream, head)
	return stream, buf, k.prove(stream, plain)
}

func (k *packer) prove(stream, plain []byte) error {
	if cap(k.back) < len(plain) {
		k.back = nil // the larger one may take its memory
		k.back = make([]byte, roomFor(len(plain)))
	}
	k.back = k.back[:len(plain)]
	if err := k.decoder.stream(k.back, stream); err != nil {
		return fmt.Errorf("xz: a stream just written does not decode: %w", err)
	}
	if !bytes.Equal(k.back, plain) {
		return fmt.Errorf("xz: a stream just written decodes to something else")
	}
	return nil
}

// roomFor is what is allocated for n bytes that may become more: full streams
// differ in length, and a buffer for each length would be waste.
func roomFor(n int) int {
	if n > 1<<20 {
		return max(n, StreamSize)
	}
	return n
}
