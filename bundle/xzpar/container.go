// Package xzpar writes and reads xz files that are a row of independent
// streams, so that every core can work on its own.
//
// The form is a strict subset of the .xz file format 1.2.1 (tukaani.org/xz),
// which `xz -d` reads as one file. Each stream holds:
//
//   - check CRC64 and exactly one block
//   - a block header that states both sizes and LZMA2 as the only filter
//   - at most MaxStream plain bytes, and a dictionary of at most MaxDict bytes
//   - an index of the one record, minimal integers and zero padding of minimal length
//
// So a stream is fixed by its LZMA2 data: the reader rebuilds every other byte
// and compares. Between and after streams there is no padding.
//
// The writer cuts at places that depend on the plain bytes only, so the output
// is the same for any number of jobs. Memory of both is bounded by MaxMemory.
// The reader decodes into a buffer of the stated size and never beyond it: a
// stream that would grow past its size ends there, as an error.
package xzpar

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"hash/crc64"
	"math/bits"
)

// Caps of the format, in bytes.
const (
	MaxStream = 32 << 20 // plain bytes of one stream
	MaxDict   = 64 << 20 // dictionary stated in a block header
)

// Stream is where a stream begins: Offset in the xz bytes, Plain in the plain
// bytes, both from 0.
type Stream struct {
	Offset int64 `json:"offset"`
	Plain  int64 `json:"plain"`
}

// Sizes of the xz structures, in bytes.
const (
	edgeSize   = 12 // stream header or footer
	checkSize  = 8  // CRC64
	maxBlock   = 28 // our longest block header: sizes of up to nine bytes each
	filterID   = 0x21
	bothSizes  = 0xC0 // flags: one filter, compressed and uncompressed size present
	maxVarint  = 9
	minDictLog = 12
)

var (
	streamHeader = []byte{0xFD, '7', 'z', 'X', 'Z', 0, 0, 4, 0xE6, 0xD6, 0xB4, 0x46}

	errShort = errors.New("stream ends too early")
)

// checksum makes the tables of CRC-64 at its first use, which most runs do not come to: 32 KiB.
func checksum(b []byte) uint64 { return crc64.Checksum(b, crc64.MakeTable(crc64.ECMA)) }

// block is what a block header says.
type block struct {
	packed, plain int64 // bytes of LZMA2 data, and what it unpacks to
	dict          byte  // LZMA2 dictionary size property
}

// header gives the block header in its one spelling.
func (b block) header() []byte {
	out := []byte{0, bothSizes}
	out = binary.AppendUvarint(out, uint64(b.packed))
	out = binary.AppendUvarint(out, uint64(b.plain))
	out = append(out, filterID, 1, b.dict)
	out = append(out, make([]byte, -len(out)&3)...)
	out[0] = byte(len(out) / 4)
	return binary.LittleEndian.AppendUint32(out, crc32.ChecksumIEEE(out))
}

// tail gives all that follows the LZMA2 data: padding, check, index and footer.
func (b block) tail(check uint64) []byte {
	out := make([]byte, -b.packed&3, 64)
	out = binary.LittleEndian.AppendUint64(out, check)
	index := []byte{0, 1}
	index = binary.AppendUvarint(index, uint64(int64(len(b.header()))+b.packed+checkSize))
	index = binary.AppendUvarint(index, uint64(b.plain))
	index = append(index, make([]byte, -len(index)&3)...)
	index = binary.LittleEndian.AppendUint32(index, crc32.ChecksumIEEE(index))
	end := binary.LittleEndian.AppendUint32(nil, uint32(len(index)/4-1))
	end = append(end, 0, 4)
	out = append(out, index...)
	out = binary.LittleEndian.AppendUint32(out, crc32.ChecksumIEEE(end))
	return append(append(out, end...), 'Y', 'Z')
}

// size is the length of the whole stream.
func (b block) size() int64 {
	return edgeSize + int64(len(b.header())) + b.packed + int64(len(b.tail(0)))
}

// parseBlock reads a block header from the front of p and returns its length.
// A size or dictionary over the caps is refused here, before anything is allocated.
func parseBlock(p []byte) (block, int, error) {
	var b block
	if len(p) < 2 || len(p) < int(p[0])*4+4 {
		return b, 0, errShort
	}
	n := int(p[0])*4 + 4
	if p[0] == 0 || n > maxBlock {
		return b, 0, fmt.Errorf("no block header of the allowed form")
	}
	if p[1] != bothSizes {
		return b, 0, fmt.Errorf("block header flags are %#02x, want %#02x: one filter, both sizes", p[1], bothSizes)
	}
	rest := p[2 : n-4]
	packed, i := binary.Uvarint(rest[:min(len(rest), maxVarint)])
	if i <= 0 {
		return b, 0, fmt.Errorf("block header has no compressed size")
	}
	rest = rest[i:]
	plain, i := binary.Uvarint(rest[:min(len(rest), maxVarint)])
	if i <= 0 || len(rest) < i+3 {
		return b, 0, fmt.Errorf("block header has no uncompressed size or filter")
	}
	b = block{int64(packed), int64(plain), rest[i+2]}
	if err := b.check(); err != nil {
		return b, 0, err
	}
	if !bytes.Equal(b.header(), p[:n]) {
		return b, 0, fmt.Errorf("block header is not canonical, or its CRC32 is wrong")
	}
	return b, n, nil
}

func (b block) check() error {
	switch {
	case b.plain < 1 || b.plain > MaxStream:
		return fmt.Errorf("block states %d plain bytes, the most is %d", b.plain, MaxStream)
	case b.packed < 1 || b.packed > maxPacked(b.plain):
		return fmt.Errorf("block states %d packed bytes for %d plain ones", b.packed, b.plain)
	case b.dict > 40 || dictSize(b.dict) > MaxDict:
		return fmt.Errorf("block asks for a dictionary of %d bytes, the most is %d", dictSize(b.dict), MaxDict)
	}
	return nil
}

// maxPacked bounds the LZMA2 data for n plain bytes: LZMA2 stores what does not
// shrink with three bytes for each 64 KiB; other writers may be somewhat worse.
func maxPacked(n int64) int64 { return n + n/256 + 1024 }

// dictSize decodes the LZMA2 property (xz format, 5.3.1).
func dictSize(p byte) int64 { return (2 | int64(p&1)) << (p/2 + 11) }

// dictFor is the property of the smallest power of two that holds n bytes, at
// most maxLog of a dictionary.
func dictFor(n, maxLog int) byte {
	log := max(minDictLog, min(maxLog, bits.Len(uint(max(n, 1)-1))))
	return byte(2 * (log - minDictLog))
}
