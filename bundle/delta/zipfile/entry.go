package zipfile

import (
	"encoding/binary"
	"strings"
)

// Field is a number in a header.
type Field int

// The fields of a local header, then those that only the central directory has.
const (
	Version Field = iota
	Flags
	Method
	Stamp // date and time of MS-DOS
	CRC
	Packed
	Size
	localFields

	Made   = localFields + iota - 8 // by which version
	Disk                            // on which disk it begins
	Inner                           // attributes
	Outer                           // attributes, of the file system
	Offset                          // of the local header
	centralFields
)

const (
	localSize   = 30
	centralSize = 46
	endSize     = 22
	localSig    = 0x04034b50
	centralSig  = 0x02014b50
	endSig      = 0x06054b50
	end64Sig    = 0x06064b50
	locatorSig  = 0x07064b50
	dataSig     = 0x08074b50
	max32       = 0xFFFFFFFF

	// FlagData means that sizes and CRC follow the data.
	FlagData = 8
	// Deflated is the method number.
	Deflated = 8
)

// Entry is one entry of a zip file: both its headers, and where its data lies.
type Entry struct {
	Local        [localFields]uint32
	Central      [centralFields]uint32
	Name         string // of the local header
	Extra        string // of the local header
	CentralName  string
	CentralExtra string
	Comment      string

	At         int64 // local header
	Gap        int64 // bytes before it that belong to no entry
	Data       int64 // packed bytes
	Descriptor uint32
	Wide       uint32 // 1: the sizes in Extra's zip64 field are those of Facts, and zero here
	Facts
}

// wideHead begins an extra field of zip64 with both sizes, as some writers of
// jars put into every local header.
const wideHead = "\x01\x00\x10\x00"

const wideLen = len(wideHead) + 16

// widen takes the sizes out of Extra if they are those of Facts, and the header
// is written when these are known.
func (e *Entry) widen() {
	if e.Local[Flags]&FlagData == 0 && strings.HasPrefix(e.Extra, e.Facts.wide()) {
		e.Wide, e.Extra = 1, wideHead+string(make([]byte, 16))+e.Extra[wideLen:]
	}
}

// Narrow puts the sizes back into Extra.
func (e *Entry) Narrow() {
	if e.Wide == 1 {
		e.Wide, e.Extra = 0, e.wholeExtra()
	}
}

func (e *Entry) wholeExtra() string {
	if e.Wide == 1 && strings.HasPrefix(e.Extra, wideHead) && len(e.Extra) >= wideLen {
		return e.Facts.wide() + e.Extra[wideLen:]
	}
	return e.Extra
}

func (f Facts) wide() string {
	out := binary.LittleEndian.AppendUint64([]byte(wideHead), uint64(f.Plain))
	return string(binary.LittleEndian.AppendUint64(out, uint64(f.Length)))
}

// Facts are what the content of an entry makes true.
type Facts struct {
	CRC    uint32
	Length int64 // of the packed bytes
	Plain  int64 // of the inflated ones
}

// field is what the facts would put into a header's field of 32 bits.
func (f Facts) field(n Field) uint32 {
	switch n {
	case CRC:
		return f.CRC
	case Packed:
		return uint32(min(f.Length, max32))
	case Size:
		return uint32(min(f.Plain, max32))
	}
	return 0
}

// Forms of a data descriptor.
const (
	noDescriptor = iota
	signed32
	plain32
	signed64
	plain64
	descriptors
)

// appendDescriptor adds the data descriptor of a form.
func (f Facts) appendDescriptor(out []byte, form uint32) []byte {
	if form == noDescriptor || form >= descriptors {
		return out
	}
	if form == signed32 || form == signed64 {
		out = binary.LittleEndian.AppendUint32(out, dataSig)
	}
	out = binary.LittleEndian.AppendUint32(out, f.CRC)
	if form == signed32 || form == plain32 {
		out = binary.LittleEndian.AppendUint32(out, uint32(f.Length))
		return binary.LittleEndian.AppendUint32(out, uint32(f.Plain))
	}
	out = binary.LittleEndian.AppendUint64(out, uint64(f.Length))
	return binary.LittleEndian.AppendUint64(out, uint64(f.Plain))
}

// appendLocal adds the local header.
func (e *Entry) appendLocal(out []byte) []byte {
	le := binary.LittleEndian
	out = le.AppendUint32(out, localSig)
	out = le.AppendUint16(out, uint16(e.Local[Version]))
	out = le.AppendUint16(out, uint16(e.Local[Flags]))
	out = le.AppendUint16(out, uint16(e.Local[Method]))
	out = le.AppendUint32(out, e.Local[Stamp])
	out = le.AppendUint32(out, e.Local[CRC])
	out = le.AppendUint32(out, e.Local[Packed])
	out = le.AppendUint32(out, e.Local[Size])
	out = le.AppendUint16(out, uint16(len(e.Name)))
	out = le.AppendUint16(out, uint16(len(e.Extra)))
	out = append(out, e.Name...)
	return append(out, e.wholeExtra()...)
}

// appendCentral adds the record of the central directory.
func (e *Entry) appendCentral(out []byte) []byte {
	le := binary.LittleEndian
	c := &e.Central
	out = le.AppendUint32(out, centralSig)
	out = le.AppendUint16(out, uint16(c[Made]))
	out = le.AppendUint16(out, uint16(c[Version]))
	out = le.AppendUint16(out, uint16(c[Flags]))
	out = le.AppendUint16(out, uint16(c[Method]))
	out = le.AppendUint32(out, c[Stamp])
	out = le.AppendUint32(out, c[CRC])
	out = le.AppendUint32(out, c[Packed])
	out = le.AppendUint32(out, c[Size])
	out = le.AppendUint16(out, uint16(len(e.CentralName)))
	out = le.AppendUint16(out, uint16(len(e.CentralExtra)))
	out = le.AppendUint16(out, uint16(len(e.Comment)))
	out = le.AppendUint16(out, uint16(c[Disk]))
	out = le.AppendUint16(out, uint16(c[Inner]))
	out = le.AppendUint32(out, c[Outer])
	out = le.AppendUint32(out, c[Offset])
	out = append(out, e.CentralName...)
	out = append(out, e.CentralExtra...)
	return append(out, e.Comment...)
}
