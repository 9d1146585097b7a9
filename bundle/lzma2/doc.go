// Package lzma2 encodes LZMA2 (the XZ file format 1.1.0, section 5.3.1; LZMA as
// in lzma-specification.txt of the LZMA SDK).
//
// It encodes one buffer of at most MaxPlain bytes at a time, with the buffer
// itself as the window. The output depends on the input alone. An Encoder takes
// about 5 MiB and 4 bytes for each byte of its largest input, rounded up to a
// power of two.
//
// The parser is the greedy one with a look-ahead of one byte that xz uses at its
// lower presets (lzma_encoder_optimum_fast.c, public domain), over hash chains.
package lzma2

// MaxPlain is the largest input, in bytes.
const MaxPlain = 16 << 20

// Parameters of LZMA: literal context bits, literal position bits, position
// bits. They are xz's defaults.
const (
	litContext = 3
	posBits    = 2
	props      = (posBits*5+0)*9 + litContext
)
