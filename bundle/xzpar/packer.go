package xzpar

import (
	"bytes"
	"fmt"
	"hash/crc64"

	"packlift/bundle/lzma2"
)

// packer makes streams; it is reused, and not safe for concurrent use.
type packer struct {
	encoder lzma2.Encoder
	decoder decoder
	back    []byte
}

// pack writes plain as one stream, and only after the stream decoded to plain
// again: what a site will read is proved where it can still be mended.
func (k *packer) pack(out *bytes.Buffer, plain []byte) error {
	data, err := k.encoder.Encode(plain)
	if err != nil {
		return fmt.Errorf("xz: %w", err)
	}
	b := block{int64(len(data)), int64(len(plain)), dictFor(len(plain), dictLog)}
	if err := b.check(); err != nil {
		return fmt.Errorf("xz: %w", err)
	}
	out.Grow(int(b.size()))
	out.Write(streamHeader)
	out.Write(b.header())
	out.Write(data)
	out.Write(b.tail(crc64.Checksum(plain, crc64Table)))
	return k.prove(out.Bytes(), plain)
}

func (k *packer) prove(stream, plain []byte) error {
	k.back = grow(k.back, len(plain))
	if err := k.decoder.stream(k.back, stream); err != nil {
		return fmt.Errorf("xz: a stream just written does not decode: %w", err)
	}
	if !bytes.Equal(k.back, plain) {
		return fmt.Errorf("xz: a stream just written decodes to something else")
	}
	return nil
}
