package bytediff

import (
	"cmp"
	"container/heap"
	"encoding/binary"
	"slices"
)

// What is looked for in an executable: bits of the number sent.
const (
	refCalls    = 1 << iota // x86: call, jmp and jcc with 32 bits
	refData                 // x86-64: operands relative to the instruction
	refBranch               // arm64: bl, b
	refPages                // arm64: adrp, and the add or load after it
	refPointer8             // addresses of 8 bytes outside code
	refPointer4             // addresses of 4 bytes outside code
	refOffset4              // offsets of 4 bytes from their own place, outside code
	refAll      = 1<<iota - 1
)

// place is a copy step: where it lies in old and in new.
type place struct{ old, new, n uint64 }

// mover tells where an address of the old file went. All its sums wrap: what is
// wrong gives a wrong prediction, which the differences then put right.
type mover struct {
	old, new []Region
	places   []place // sorted by old
	kinds    uint64
	lastOld  int // where the last search ended: the next is often near
}

func newMover(old, new []Region, steps []place, kinds uint64) *mover {
	return &mover{old: old, new: new, kinds: kinds, places: flatten(steps)}
}

// flatten makes places that do not overlap in old: where several copies are of
// the same bytes, the longest tells where they went.
func flatten(steps []place) []place {
	var starts, out []place
	for _, s := range steps {
		if s.n > 0 {
			starts = append(starts, s)
		}
	}
	slices.SortStableFunc(starts, func(a, b place) int { return cmp.Compare(a.old, b.old) })
	var open longest
	at := uint64(0)
	for i := 0; i < len(starts) || len(open) > 0; {
		if len(open) == 0 {
			at = max(at, starts[i].old)
		}
		for i < len(starts) && starts[i].old <= at {
			heap.Push(&open, starts[i])
			i++
		}
		p := open[0]
		end := p.old + p.n
		if end <= at {
			heap.Pop(&open)
			continue
		}
		if i < len(starts) && starts[i].n > p.n {
			end = min(end, starts[i].old)
		} else if i < len(starts) && starts[i].old < end {
			heap.Push(&open, starts[i])
			i++
			continue
		}
		out = append(out, place{at, p.new + at - p.old, end - at})
		at = end
	}
	return out
}

// longest is a heap.
type longest []place

func (h longest) Len() int { return len(h) }
func (h longest) Less(i, j int) bool {
	return cmp.Or(cmp.Compare(h[j].n, h[i].n), cmp.Compare(h[i].old, h[j].old), cmp.Compare(h[i].new, h[j].new)) < 0
}
func (h longest) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *longest) Push(x any)   { *h = append(*h, x.(place)) }
func (h *longest) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}

func addr(regions []Region, off uint64) (uint64, bool) {
	for i := range regions {
		if r := &regions[i]; off-r.Off < r.Size {
			return r.Addr + off - r.Off, true
		}
	}
	return 0, false
}

func region(regions []Region, a uint64) *Region {
	for i := range regions {
		if r := &regions[i]; a-r.Addr < r.Size {
			return r
		}
	}
	return nil
}

// moved gives the new address for an old one.
func (m *mover) moved(a uint64) (uint64, bool) {
	r := region(m.old, a)
	if r == nil || len(m.places) == 0 {
		return 0, false
	}
	off := a - r.Addr + r.Off
	i := m.lastOld
	if p := m.places[i]; off-p.old >= p.n {
		i = max(0, m.after(off)-1)
		m.lastOld = i
	}
	return addr(m.new, off-m.places[i].old+m.places[i].new)
}

// after is the first place that begins behind off.
func (m *mover) after(off uint64) int {
	low, high := 0, len(m.places)
	for low < high {
		if mid := int(uint(low+high) >> 1); m.places[mid].old > off {
			high = mid
		} else {
			low = mid + 1
		}
	}
	return low
}

// predict changes p, a copy of old from oldAt on, to what is likely to stand in
// new at newAt.
func (m *mover) predict(p []byte, oldAt, newAt uint64) {
	for len(p) > 0 {
		n, r := m.regionPart(uint64(len(p)), oldAt)
		if r != nil {
			from := r.Addr + oldAt - r.Off
			to, ok := addr(m.new, newAt)
			switch {
			case !ok:
			case r.Code:
				m.code(p[:n], from, to)
			default:
				m.data(p[:n], from, to)
			}
		}
		p, oldAt, newAt = p[n:], oldAt+n, newAt+n
	}
}

// regionPart is how many of n bytes at off lie in one region, or in none.
func (m *mover) regionPart(n, off uint64) (uint64, *Region) {
	for i := range m.old {
		r := &m.old[i]
		if off-r.Off < r.Size {
			return min(n, r.Size-(off-r.Off)), r
		}
		if r.Off > off {
			n = min(n, r.Off-off)
		}
	}
	return n, nil
}

func (m *mover) code(p []byte, from, to uint64) {
	if m.kinds&(refCalls|refData) != 0 {
		m.x86(p, from, to)
	}
	if m.kinds&(refBranch|refPages) != 0 {
		m.arm64(p, from, to)
	}
}

// takesMemory are the opcodes, second bytes of long ones too, that commonly
// have an operand in memory.
var takesMemory = func() (t [256]bool) {
	for _, c := range []byte{0x01, 0x03, 0x09, 0x0B, 0x10, 0x11, 0x21, 0x23, 0x28, 0x29, 0x2B, 0x2E, 0x2F, 0x31, 0x33, 0x38, 0x39, 0x3A, 0x3B, 0x54, 0x57, 0x58, 0x59, 0x5C, 0x5E, 0x63,
		0x6F, 0x7F, 0x80, 0x81, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8A, 0x8B, 0x8D, 0xB0, 0xB1, 0xB6, 0xB7, 0xBE, 0xBF, 0xC1, 0xC6, 0xC7, 0xD6, 0xEF, 0xF6, 0xF7, 0xFE, 0xFF} {
		t[c] = true
	}
	return t
}()

// Of a byte of code and the one after it: what may begin there that has an
// operand of 32 bits relative to the next instruction.
const (
	opCall   = 1 << iota // call, jmp: one byte, whatever follows
	opJcc                // jcc: two bytes
	opMemory             // an opcode and a ModRM that addresses memory relative to rip
)

// firstByte and secondByte have a bit in common where something begins.
var firstByte, secondByte = func() (first, second [256]uint8) {
	for c := range 256 {
		second[c] = opCall
		if c&0xF0 == 0x80 {
			second[c] |= opJcc
		}
		if c&0xC7 == 0x05 {
			second[c] |= opMemory
		}
		if takesMemory[c] {
			first[c] = opMemory
		}
	}
	first[0xE8], first[0xE9], first[0x0F] = opCall, opCall, opJcc
	return first, second
}()

// operands are the bits that m looks for.
func (m *mover) operands() (out uint8) {
	if m.kinds&refCalls != 0 {
		out = opCall | opJcc
	}
	if m.kinds&refData != 0 {
		out |= opMemory
	}
	return out
}

func (m *mover) x86(p []byte, from, to uint64) {
	le := binary.LittleEndian
	wanted := m.operands()
	for i := 0; i+6 <= len(p); i++ {
		op := firstByte[p[i]] & secondByte[p[i+1]] & wanted
		if op == 0 {
			continue
		}
		at := i + 2
		if op == opCall {
			at = i + 1
		}
		q := p[at : at+4]
		next := uint64(at + 4)
		if target, ok := m.moved(from + next + uint64(int64(int32(le.Uint32(q))))); ok {
			le.PutUint32(q, uint32(target-(to+next)))
			i = at + 3
		}
	}
}

func (m *mover) arm64(p []byte, from, to uint64) {
	le := binary.LittleEndian
	for i := int(-from & 3); i+4 <= len(p); i += 4 {
		c := le.Uint32(p[i:])
		at := uint64(i)
		switch {
		case c&0x7C000000 == 0x14000000 && m.kinds&refBranch != 0:
			rel := uint64(int64(int32(c<<6)) >> 4)
			if target, ok := m.moved(from + at + rel); ok {
				le.PutUint32(p[i:], c&0xFC000000|uint32((target-(to+at))>>2)&0x03FFFFFF)
			}
		case c&0x9F000000 == 0x90000000 && m.kinds&refPages != 0:
			m.page(p[i:], c, from+at, to+at)
		}
	}
}

// page predicts an adrp and the next instruction that uses its register with an
// offset into the page.
func (m *mover) page(p []byte, c uint32, from, to uint64) {
	le := binary.LittleEndian
	imm := uint64(int64(int32(c<<8)&^0x1FFF)>>11 | int64(c>>29&3))
	page := from&^0xFFF + imm<<12
	at, low, scale := 0, uint64(0), uint(0)
	for k := 4; k <= 16 && k+4 <= len(p); k += 4 {
		d := le.Uint32(p[k:])
		if d>>5&31 != c&31 {
			continue
		}
		switch {
		case d&0x7FC00000 == 0x11000000: // add, no shift
			at, low = k, uint64(d>>10&0xFFF)
		case d&0x3B000000 == 0x39000000: // load or store, offset in units
			if scale = uint(d >> 30); d&0x04800000 == 0x04800000 {
				scale = 4
			}
			at, low = k, uint64(d>>10&0xFFF)<<scale
		}
		break
	}
	target, ok := m.moved(page + low)
	if !ok {
		return
	}
	pages := target>>12 - to>>12
	le.PutUint32(p, c&0x9F00001F|uint32(pages&3)<<29|uint32(pages>>2&0x7FFFF)<<5)
	if at > 0 {
		le.PutUint32(p[at:], le.Uint32(p[at:])&^(0xFFF<<10)|uint32(target&0xFFF>>scale)<<10)
	}
}

// data predicts addresses among data.
func (m *mover) data(p []byte, from, to uint64) {
	le := binary.LittleEndian
	if m.kinds&refPointer8 != 0 {
		for i := int(-from & 7); i+8 <= len(p); i += 8 {
			if v := le.Uint64(p[i:]); v != 0 {
				if target, ok := m.moved(v); ok {
					le.PutUint64(p[i:], target)
				}
			}
		}
	}
	if m.kinds&(refPointer4|refOffset4) == 0 {
		return
	}
	for i := int(-from & 3); i+4 <= len(p); i += 4 {
		v := le.Uint32(p[i:])
		if m.kinds&refOffset4 != 0 && v != 0 {
			if target, ok := m.moved(from + uint64(i) + uint64(int64(int32(v)))); ok {
				le.PutUint32(p[i:], uint32(target-(to+uint64(i))))
			}
		} else if v != 0 {
			if target, ok := m.moved(uint64(v)); ok {
				le.PutUint32(p[i:], uint32(target))
			}
		}
	}
}
