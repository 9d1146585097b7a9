// Package tarball reads and writes tar archives in the one canonical form of
// docs/format.md, "Canonical tar".
//
// It guarantees of everything it reads:
//
//   - each 512-byte header equals its own re-serialisation: a POSIX ustar header of a regular file with
//     mode 0644, owner and group 0 without names, time 0, no link, no prefix and a checksum in one spelling
//   - a size up to 8 GiB less one byte is octal, a larger one is GNU base-256, up to MaxSize
//   - padding is zero, exactly two zero blocks end the archive, and nothing follows them
//   - each name passes package safepath, is at most MaxName bytes long, and no two collide
//   - counts and sizes stay under the caller's Limits
//
// No link, folder, device, pax or GNU extension header is ever accepted, so
// that a reader never has to decide what one means.
package tarball

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// BlockSize is the unit of a tar archive, in bytes.
const BlockSize = 512

// Caps of the canonical form.
const (
	MaxName  = 100           // bytes of a name: the ustar name field
	MaxSize  = 1 << 42       // bytes of one member
	maxOctal = 1<<33 - 1     // largest size in eleven octal digits
	Trailer  = 2 * BlockSize // bytes of the two zero blocks that end an archive
)

// Field offsets of a ustar header (POSIX.1-2017, pax, "ustar Interchange Format").
const (
	offMode  = 100
	offUID   = 108
	offGID   = 116
	offSize  = 124
	offMtime = 136
	offSum   = 148
	offType  = 156
	offLink  = 157
	offMagic = 257
	offMajor = 329
	offMinor = 337
	offFill  = 345
)

// Header gives the canonical header block of a regular file. The name is 1 to
// MaxName bytes, the size 0 to MaxSize.
func Header(name string, size int64) ([BlockSize]byte, error) {
	var b [BlockSize]byte
	if len(name) == 0 || len(name) > MaxName {
		return b, fmt.Errorf("tar: name %.120q has %d bytes, the most is %d", name, len(name), MaxName)
	}
	if size < 0 || size > MaxSize {
		return b, fmt.Errorf("tar: %q has size %d, the most is %d", name, size, int64(MaxSize))
	}
	copy(b[:], name)
	copy(b[offMode:], "0000644\x000000000\x000000000\x00")
	putSize(b[offSize:offMtime], size)
	copy(b[offMtime:], "00000000000\x00        0")
	copy(b[offMagic:], "ustar\x0000")
	copy(b[offMajor:], "0000000\x000000000\x00")
	copy(b[offSum:], fmt.Sprintf("%06o\x00 ", checksum(&b)))
	return b, nil
}

// putSize writes eleven octal digits and a NUL, or above maxOctal the GNU
// base-256 form: the first bit set, then a big-endian number.
func putSize(field []byte, size int64) {
	if size <= maxOctal {
		copy(field, fmt.Sprintf("%011o\x00", size))
		return
	}
	field[0] = 0x80
	binary.BigEndian.PutUint64(field[4:], uint64(size))
}

// checksum is the sum of all bytes, those of the checksum field as spaces.
func checksum(b *[BlockSize]byte) (sum int64) {
	for i, c := range b {
		if i >= offSum && i < offType {
			c = ' '
		}
		sum += int64(c)
	}
	return sum
}

// IsZero reports whether b is all zero bytes.
func IsZero(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}

// ParseHeader reads one canonical header block; name is not yet checked for
// safety. An error names the first thing that differs from the canonical form.
func ParseHeader(b *[BlockSize]byte) (name string, size int64, err error) {
	if string(b[offMagic:offMagic+8]) != "ustar\x0000" {
		return "", 0, fmt.Errorf("no ustar header here")
	}
	name = string(b[:MaxName])
	if i := bytes.IndexByte(b[:MaxName], 0); i >= 0 {
		name = name[:i]
	}
	if b[offType] != '0' {
		return "", 0, fmt.Errorf("%q is %s; only regular files are allowed", name, typeName(b[offType]))
	}
	if size, err = parseSize(b[offSize:offMtime]); err != nil {
		return "", 0, fmt.Errorf("%q: %w", name, err)
	}
	want, err := Header(name, size)
	if err != nil {
		return "", 0, err
	}
	if want != *b {
		return "", 0, fmt.Errorf("header of %q is not canonical: %s", name, firstDifference(b, &want))
	}
	return name, size, nil
}

func parseSize(field []byte) (int64, error) {
	if field[0] == 0x80 && IsZero(field[1:4]) {
		size := binary.BigEndian.Uint64(field[4:])
		if size > MaxSize {
			return 0, fmt.Errorf("size %d is more than %d", size, int64(MaxSize))
		}
		return int64(size), nil
	}
	var size int64
	for _, c := range field[:11] {
		if c < '0' || c > '7' {
			return 0, fmt.Errorf("size field %q is not octal", field)
		}
		size = size<<3 | int64(c-'0')
	}
	return size, nil
}

var typeNames = map[byte]string{
	0: "an old-style file", '1': "a hard link", '2': "a symbolic link", '3': "a character device", '4': "a block device",
	'5': "a folder", '6': "a fifo", '7': "a contiguous file", 'x': "a pax header", 'g': "a global pax header",
	'L': "a GNU long name", 'K': "a GNU long link", 'S': "a sparse file",
}

func typeName(t byte) string {
	if s, ok := typeNames[t]; ok {
		return s
	}
	return fmt.Sprintf("of type %q", t)
}

var fields = []struct {
	name string
	end  int
}{
	{"name", offMode}, {"mode", offUID}, {"owner", offGID}, {"group", offSize}, {"size", offMtime}, {"time", offSum}, {"checksum", offType},
	{"type", offLink}, {"link", offMagic}, {"magic", offMagic + 8}, {"owner or group name", offMajor}, {"device", offFill}, {"prefix or padding", BlockSize},
}

func firstDifference(got, want *[BlockSize]byte) string {
	for i := range got {
		if got[i] != want[i] {
			for _, f := range fields {
				if i < f.end {
					return fmt.Sprintf("%s field differs at byte %d", f.name, i)
				}
			}
		}
	}
	return "no difference"
}

// Padding is the number of zero bytes after a member of this size.
func Padding(size int64) int64 { return -size & (BlockSize - 1) }

// Room is what a member of size bytes takes in an archive: header, content and padding.
func Room(size int64) int64 { return BlockSize + size + Padding(size) }
