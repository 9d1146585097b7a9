package zipfile

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
)

// Archive is a zip file taken apart.
type Archive struct {
	Length  int64
	Entries []Entry // in the order of their data
	Order   []int   // of the central directory, as places in Entries
	Gap     int64   // bytes between the last entry and the central directory
	Central int64   // where that begins
	Tail    int64   // where it ends
}

// Parse takes the length bytes of r apart. ErrForm means that they are no zip
// file that can be rebuilt.
func Parse(r io.ReaderAt, length int64) (*Archive, error) {
	return ParseWithin(r, length, MaxEntries*EntryMemory)
}

// ParseWithin is Parse, but of a file whose entries take more than memory bytes
// it reads no entry: ErrForm.
func ParseWithin(r io.ReaderAt, length, memory int64) (*Archive, error) {
	p := parser{r: &pages{r: r, size: length}, length: length, memory: memory}
	err := p.parse()
	if err != nil && !errors.Is(err, ErrForm) {
		return nil, fmt.Errorf("zip: %w", err)
	}
	if err != nil {
		return nil, err
	}
	return &p.a, nil
}

type parser struct {
	r       *pages
	length  int64
	memory  int64
	a       Archive
	base    int64 // added to offsets: bytes before the zip file
	strings int
}

func form(why string) error { return fmt.Errorf("%w: %s", ErrForm, why) }

func (p *parser) parse() error {
	p.a.Length = p.length
	if p.length < endSize {
		return form("too short")
	}
	count, size, err := p.end()
	if err != nil {
		return err
	}
	if err := p.central(count, size); err != nil {
		return err
	}
	return p.locals()
}

// end finds the end of central directory record, and in a zip64 file what
// stands before it.
func (p *parser) end() (count int, size int64, err error) {
	n := min(p.length, endSize+1<<16)
	tail := make([]byte, n)
	if _, err := p.r.ReadAt(tail, p.length-n); err != nil {
		return 0, 0, err
	}
	at := -1
	for i := len(tail) - endSize; i >= 0; i-- {
		if binary.LittleEndian.Uint32(tail[i:]) == endSig && i+endSize+int(binary.LittleEndian.Uint16(tail[i+20:])) == len(tail) {
			at = i
			break
		}
	}
	if at < 0 {
		return 0, 0, form("no end of central directory")
	}
	end := tail[at:]
	if binary.LittleEndian.Uint32(end[4:]) != 0 || !bytes.Equal(end[8:10], end[10:12]) {
		return 0, 0, form("several disks")
	}
	total := int64(binary.LittleEndian.Uint16(end[8:]))
	size, offset := int64(binary.LittleEndian.Uint32(end[12:])), int64(binary.LittleEndian.Uint32(end[16:]))
	p.a.Tail = p.length - n + int64(at)
	if total == 0xFFFF || size == max32 || offset == max32 {
		if total, size, offset, err = p.end64(total, size, offset); err != nil {
			return 0, 0, err
		}
	}
	p.a.Central = p.a.Tail - size
	p.base = p.a.Central - offset
	if total > MaxEntries || size < total*centralSize || p.a.Central < 0 || p.base < 0 || offset < 0 || size > MaxStrings+total*centralSize {
		return 0, 0, form("a central directory of impossible size")
	}
	if total*EntryMemory > p.memory {
		return 0, 0, form("more entries than there is memory for")
	}
	return int(total), size, nil
}

// end64 reads the zip64 end record before p.a.Tail, if there is one, and moves
// p.a.Tail before it.
func (p *parser) end64(total, size, offset int64) (int64, int64, int64, error) {
	at := p.a.Tail - 20
	if at < 56 {
		return total, size, offset, nil
	}
	var rec [56]byte
	if _, err := p.r.ReadAt(rec[:20], at); err != nil {
		return 0, 0, 0, err
	}
	if binary.LittleEndian.Uint32(rec[:]) != locatorSig {
		return total, size, offset, nil
	}
	if _, err := p.r.ReadAt(rec[:], at-56); err != nil {
		return 0, 0, 0, err
	}
	if binary.LittleEndian.Uint32(rec[:]) != end64Sig || binary.LittleEndian.Uint64(rec[4:]) != 44 {
		return 0, 0, 0, form("no zip64 record before its locator")
	}
	p.a.Tail = at - 56
	for _, v := range [][]byte{rec[32:], rec[40:], rec[48:]} {
		if binary.LittleEndian.Uint64(v) > uint64(p.length) {
			return 0, 0, 0, form("a zip64 record that lies")
		}
	}
	return int64(binary.LittleEndian.Uint64(rec[32:])), int64(binary.LittleEndian.Uint64(rec[40:])), int64(binary.LittleEndian.Uint64(rec[48:])), nil
}

// central reads the records of the central directory and sorts them by place.
func (p *parser) central(count int, size int64) error {
	dir := make([]byte, size)
	if _, err := p.r.ReadAt(dir, p.a.Central); err != nil {
		return err
	}
	es, at := make([]Entry, count), make([]int, count)
	for i := range es {
		n, err := p.record(dir, &es[i])
		if err != nil {
			return err
		}
		at[i] = i
		dir = dir[n:]
	}
	if len(dir) > 0 {
		return form("something behind the central directory")
	}
	slices.SortStableFunc(at, func(a, b int) int { return cmp.Compare(es[a].At, es[b].At) })
	p.a.Entries, p.a.Order = es, make([]int, count)
	for place, i := range at {
		p.a.Order[i] = place
	}
	arrange(es, at)
	return nil
}

// arrange puts es[from[i]] at i, for each i, without a second copy of all. It uses up from.
func arrange(es []Entry, from []int) {
	for first := range from {
		if from[first] == first {
			continue
		}
		held, i := es[first], first
		for from[i] != first {
			next := from[i]
			es[i], from[i] = es[next], i
			i = next
		}
		es[i], from[i] = held, i
	}
}

func (p *parser) record(dir []byte, e *Entry) (int, error) {
	if len(dir) < centralSize || binary.LittleEndian.Uint32(dir) != centralSig {
		return 0, form("no record where one should be")
	}
	le := binary.LittleEndian
	e.Central = [centralFields]uint32{
		Made: uint32(le.Uint16(dir[4:])), Version: uint32(le.Uint16(dir[6:])), Flags: uint32(le.Uint16(dir[8:])), Method: uint32(le.Uint16(dir[10:])),
		Stamp: le.Uint32(dir[12:]), CRC: le.Uint32(dir[16:]), Packed: le.Uint32(dir[20:]), Size: le.Uint32(dir[24:]),
		Disk: uint32(le.Uint16(dir[34:])), Inner: uint32(le.Uint16(dir[36:])), Outer: le.Uint32(dir[38:]), Offset: le.Uint32(dir[42:]),
	}
	name, extra, comment := int(le.Uint16(dir[28:])), int(le.Uint16(dir[30:])), int(le.Uint16(dir[32:]))
	n := centralSize + name + extra + comment
	if n > len(dir) {
		return 0, form("a record that goes beyond the central directory")
	}
	rest := string(dir[centralSize:n])
	e.CentralName, e.CentralExtra, e.Comment = rest[:name], rest[name:name+extra], rest[name+extra:]
	e.CRC, e.Length, e.Plain, e.At = e.Central[CRC], int64(e.Central[Packed]), int64(e.Central[Size]), int64(e.Central[Offset])
	if err := e.wide(); err != nil {
		return 0, err
	}
	e.At += p.base
	if e.At > p.a.Central-localSize || e.Length > p.a.Central {
		return 0, form("an entry beyond the central directory")
	}
	return n, nil
}

// wide takes the zip64 values where the fields say so.
func (e *Entry) wide() error {
	extra := []byte(e.CentralExtra)
	for len(extra) >= 4 && binary.LittleEndian.Uint16(extra) != 1 {
		extra = extra[min(len(extra), 4+int(binary.LittleEndian.Uint16(extra[2:]))):]
	}
	values := []byte{}
	if len(extra) >= 4 {
		values = extra[4:min(len(extra), 4+int(binary.LittleEndian.Uint16(extra[2:])))]
	}
	for _, v := range []*int64{&e.Plain, &e.Length, &e.At} {
		if *v != max32 || len(extra) < 4 {
			continue
		}
		if len(values) < 8 || values[7] > 0x3F {
			return form("a zip64 field that is too short or too large")
		}
		*v = int64(binary.LittleEndian.Uint64(values))
		values = values[8:]
	}
	return nil
}

// locals reads the local headers and proves that everything stands in a row.
func (p *parser) locals() error {
	end := int64(0)
	for i := range p.a.Entries {
		e := &p.a.Entries[i]
		if e.Gap = e.At - end; e.Gap < 0 {
			return form("entries that overlap")
		}
		if err := p.local(e); err != nil {
			return err
		}
		if end = e.Data + e.Length; end > p.a.Central {
			return form("data beyond the central directory")
		}
		limit := p.a.Central
		if i+1 < len(p.a.Entries) {
			limit = p.a.Entries[i+1].At
		}
		n, err := p.descriptor(e, limit)
		if err != nil {
			return err
		}
		end += n
		e.widen()
	}
	p.a.Gap = p.a.Central - end
	return nil
}

func (p *parser) local(e *Entry) error {
	var h [localSize]byte
	if _, err := p.r.ReadAt(h[:], e.At); err != nil {
		return err
	}
	le := binary.LittleEndian
	if le.Uint32(h[:]) != localSig {
		return form("no local header where one should be")
	}
	e.Local = [localFields]uint32{
		Version: uint32(le.Uint16(h[4:])), Flags: uint32(le.Uint16(h[6:])), Method: uint32(le.Uint16(h[8:])),
		Stamp: le.Uint32(h[10:]), CRC: le.Uint32(h[14:]), Packed: le.Uint32(h[18:]), Size: le.Uint32(h[22:]),
	}
	name, extra := int(le.Uint16(h[26:])), int(le.Uint16(h[28:]))
	if e.Data = e.At + localSize + int64(name) + int64(extra); e.Data > p.a.Central {
		return form("a local header beyond the central directory")
	}
	if p.strings += extra + name; p.strings > MaxStrings {
		return form("too many names")
	}
	rest := make([]byte, name+extra)
	if _, err := p.r.ReadAt(rest, e.At+localSize); err != nil {
		return err
	}
	if e.Name, e.Extra = e.CentralName, string(rest[name:]); string(rest[:name]) != e.Name {
		e.Name = string(rest[:name])
	}
	return nil
}

// descriptor looks for a data descriptor of any form that says what is true.
func (p *parser) descriptor(e *Entry, limit int64) (int64, error) {
	at := e.Data + e.Length
	if e.Local[Flags]&FlagData == 0 || at > limit {
		return 0, nil
	}
	var got [24]byte
	n := int(min(limit-at, 24))
	if _, err := p.r.ReadAt(got[:n], at); err != nil {
		return 0, err
	}
	for _, f := range []uint32{signed64, signed32, plain64, plain32} {
		want := e.appendDescriptor(nil, f)
		if len(want) <= n && bytes.Equal(want, got[:len(want)]) {
			e.Descriptor = f
			return int64(len(want)), nil
		}
	}
	return 0, nil
}

// Memory is about how much a takes.
func (a *Archive) Memory() int64 {
	n := int64(len(a.Entries)) * EntryMemory
	for i := range a.Entries {
		e := &a.Entries[i]
		n += int64(len(e.Extra) + len(e.CentralName) + len(e.CentralExtra) + len(e.Comment))
	}
	return n
}
