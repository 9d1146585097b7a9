package merge

import (
	"bytes"
	"encoding/binary"
	"unicode/utf16"
	"unicode/utf8"
)

// Kind is how the bytes of a file stand for text.
type Kind int

// Binary is everything that is not safely text: too long, with a control
// character that texts do not have, or malformed UTF-16. EightBit is text with
// bytes above 0x7f that is not UTF-8: Latin-1 and its like, and the Asian
// encodings that keep the line feed for itself.
const (
	Binary Kind = iota
	ASCII
	UTF8
	EightBit
	UTF16LE
	UTF16BE
)

const (
	markUTF8    = "\xef\xbb\xbf"
	markUTF16LE = "\xff\xfe"
	markUTF16BE = "\xfe\xff"
)

// KindOf looks at all of b.
func KindOf(b []byte) Kind {
	switch {
	case len(b) > MaxText:
		return Binary
	case bytes.HasPrefix(b, []byte(markUTF16LE)):
		return kindOfUTF16(b, UTF16LE)
	case bytes.HasPrefix(b, []byte(markUTF16BE)):
		return kindOfUTF16(b, UTF16BE)
	}
	ascii := true
	for _, c := range b {
		if control(rune(c)) {
			return Binary
		}
		ascii = ascii && c < utf8.RuneSelf
	}
	switch {
	case ascii:
		return ASCII
	case utf8.Valid(b):
		return UTF8
	}
	return EightBit
}

// IsText tells whether b can be merged.
func IsText(b []byte) bool { return KindOf(b) != Binary }

// control tells characters that no text holds; escape stands in scripts.
func control(r rune) bool {
	return r < ' ' && r != '\n' && r != '\r' && r != '\t' && r != '\f' && r != 0x1b || r == 0x7f
}

func kindOfUTF16(b []byte, k Kind) Kind {
	s, ok := decodeUTF16(b, k)
	if !ok {
		return Binary
	}
	for _, r := range s {
		if control(r) {
			return Binary
		}
	}
	return k
}

// decodeUTF16 gives b, less its mark, as UTF-8; false where encoding it again
// would give other bytes.
func decodeUTF16(b []byte, k Kind) (string, bool) {
	if len(b)%2 != 0 {
		return "", false
	}
	order := orderOf(k)
	units := make([]uint16, 0, len(b)/2-1)
	for i := 2; i < len(b); i += 2 {
		units = append(units, order.Uint16(b[i:]))
	}
	s := string(utf16.Decode(units))
	return s, bytes.Equal(encodeUTF16(s, k), b)
}

func encodeUTF16(s string, k Kind) []byte {
	order := orderOf(k)
	out := order.AppendUint16(nil, 0xfeff)
	for _, u := range utf16.Encode([]rune(s)) {
		out = order.AppendUint16(out, u)
	}
	return out
}

func orderOf(k Kind) interface {
	binary.ByteOrder
	binary.AppendByteOrder
} {
	if k == UTF16BE {
		return binary.BigEndian
	}
	return binary.LittleEndian
}
