package bytediff

import (
	"encoding/binary"
	"io"
)

// Region is a part of an executable file that is mapped into memory.
type Region struct {
	Off, Addr, Size uint64
	Code            bool
}

// Machines whose code is looked into.
const (
	noMachine = iota
	x86
	arm64
)

// image is what the headers of an executable say.
type image struct {
	machine int
	regions []Region
}

const maxRegions = 64

// imageOf reads the headers of an ELF, PE or Mach-O file of little-endian
// machines; machine is 0 for all others. What it returns is sent along, so
// applying never needs it.
func imageOf(r io.ReaderAt, size int64) image {
	head := make([]byte, min(size, 16<<10))
	if readFull(r, head, 0) != nil || len(head) < 1024 {
		return image{}
	}
	var m image
	le := binary.LittleEndian
	switch {
	case string(head[:4]) == "\x7fELF" && head[5] == 1:
		m = elf(head, head[4] == 2)
	case string(head[:2]) == "MZ":
		if at := le.Uint32(head[60:]); int64(at) < int64(len(head)-64) && string(head[at:at+4]) == "PE\x00\x00" {
			m = pe(head[at+4:])
		}
	case le.Uint32(head) == 0xfeedfacf:
		m = macho(head)
	}
	if len(m.regions) == 0 || len(m.regions) > maxRegions {
		return image{}
	}
	return m
}

func elf(head []byte, wide bool) (m image) {
	le := binary.LittleEndian
	m.machine = map[uint16]int{62: x86, 3: x86, 183: arm64}[le.Uint16(head[18:])]
	at, size, count := uint64(le.Uint32(head[28:])), 32, int(le.Uint16(head[44:]))
	if wide {
		at, size, count = le.Uint64(head[32:]), 56, int(le.Uint16(head[56:]))
	}
	for i := range count {
		from := at + uint64(i*size)
		if from > uint64(len(head)-size) {
			break
		}
		p := head[from:]
		if le.Uint32(p) != 1 { // PT_LOAD
			continue
		}
		if wide {
			m.regions = append(m.regions, Region{le.Uint64(p[8:]), le.Uint64(p[16:]), le.Uint64(p[40:]), p[4]&1 != 0})
		} else {
			m.regions = append(m.regions, Region{uint64(le.Uint32(p[4:])), uint64(le.Uint32(p[8:])), uint64(le.Uint32(p[20:])), p[24]&1 != 0})
		}
	}
	return m
}

func pe(head []byte) (m image) {
	le := binary.LittleEndian
	m.machine = map[uint16]int{0x8664: x86, 0x14c: x86, 0xaa64: arm64}[le.Uint16(head)]
	at := 20 + int(le.Uint16(head[16:]))
	for i := range int(le.Uint16(head[2:])) {
		from := at + i*40
		if from > len(head)-40 {
			break
		}
		p := head[from:]
		m.regions = append(m.regions, Region{uint64(le.Uint32(p[20:])), uint64(le.Uint32(p[12:])), uint64(max(le.Uint32(p[8:]), le.Uint32(p[16:]))), le.Uint32(p[36:])&0x20 != 0})
	}
	return m
}

func macho(head []byte) (m image) {
	le := binary.LittleEndian
	m.machine = map[uint32]int{0x01000007: x86, 0x0100000c: arm64}[le.Uint32(head[4:])]
	at := 32
	for range int(min(le.Uint32(head[16:]), 256)) {
		if at > len(head)-72 {
			break
		}
		p := head[at:]
		if le.Uint32(p) == 0x19 { // LC_SEGMENT_64
			m.regions = append(m.regions, Region{le.Uint64(p[40:]), le.Uint64(p[24:]), le.Uint64(p[32:]), p[60]&4 != 0})
		}
		at += int(min(le.Uint32(p[4:]), 1<<20))
	}
	return m
}

// Executable tells from its first bytes whether a file may be an executable.
func Executable(magic [4]byte) bool {
	return string(magic[:]) == "\x7fELF" || string(magic[:2]) == "MZ" || string(magic[:]) == "\xcf\xfa\xed\xfe"
}
