// Package lzma2 encodes LZMA2 (the XZ file format 1.1.0, section 5.3.1; LZMA as
// in lzma-specification.txt of the LZMA SDK).
//
// It encodes one buffer of at most MaxPlain bytes at a time, with the buffer
// itself as the window. The output depends on the input alone. An Encoder takes
// up to 17 MiB and 8 bytes for each byte of its largest input, rounded up to a
// power of two; a Quick one 5 MiB and 4 bytes.
//
// The parser prices every way through the next few thousand bytes and takes the
// cheapest (lzma_encoder_optimum_normal.c of liblzma, public domain), over binary
// trees. The one of a Quick encoder is the greedy one with a look-ahead of one byte that
// xz uses at its lower presets (lzma_encoder_optimum_fast.c), over hash chains.
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
