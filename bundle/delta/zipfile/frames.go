package zipfile

import (
	"encoding/binary"
	"errors"

	"packlift/bundle/delta/streams"
)

// Rows is the most entries whose frames are written at once.
const Rows = 1024

// Plan says for an entry what its frame is told from, and how its content
// comes. Item is the twin's number, -1 for none.
type Plan struct {
	Twin *Entry
	Item int64
	Mode uint32
	// Blind means that the local header cannot wait for the content: nothing
	// is expected of its CRC and sizes.
	Blind bool
}

// Frames is what writing and reading the frames of one zip file carries from
// one call to the next. Its zero value begins.
type Frames struct {
	before  Entry // the last one
	item    int64 // of the last twin, plus one
	mode    uint64
	strings int
	offset  uint32
}

func (p *Plan) number() uint64 {
	n := uint64(p.Mode) << 1
	if p.Blind {
		n |= 1
	}
	return n
}

// expected is what a local header says of its content where nothing is unusual.
func (p *Plan) expected(flags uint32, f Facts, n Field) uint32 {
	if flags&FlagData != 0 || p.Blind {
		return 0
	}
	return f.field(n)
}

// reference is what row i is told from: its twin, else the row above.
func reference(before *Entry, es []Entry, plans []Plan, i int) *Entry {
	if plans[i].Twin != nil {
		return plans[i].Twin
	}
	return above(before, es, i)
}

func above(before *Entry, es []Entry, i int) *Entry {
	if i == 0 {
		return before
	}
	return &es[i-1]
}

// Fit is how many of the entries can be written at once.
func Fit(es []Entry) int {
	size := 0
	for i := range es[:min(len(es), Rows)] {
		e := &es[i]
		size += len(e.Name) + len(e.Extra) + len(e.CentralName) + len(e.CentralExtra) + len(e.Comment)
		if i > 0 && size > 1<<20 {
			return i
		}
	}
	return min(len(es), Rows)
}

// PutLocals writes what stands before and after the data of entries: at most
// Fit(es) of them. facts are those that the reader will have.
func (f *Frames) PutLocals(w *streams.Writer, es []Entry, plans []Plan, facts []Facts) {
	n := len(es)
	gaps, twins, modes := make([]uint64, n), make([]uint64, n), make([]uint64, n)
	for i := range es {
		gaps[i] = uint64(es[i].Gap)
		if plans[i].Twin != nil {
			twins[i] = 1 + zigzag(plans[i].Item-f.item)
			f.item = plans[i].Item + 1
		}
		modes[i] = zigzag(int64(plans[i].number()) - int64(f.mode))
		f.mode = plans[i].number()
	}
	putColumn(w, gaps)
	putColumn(w, twins)
	putColumn(w, modes)
	ref := func(i int) *Entry { return reference(&f.before, es, plans, i) }
	up := func(i int) *Entry { return above(&f.before, es, i) }
	putStrings(w, n, func(i int) string { return es[i].Name }, func(i int) string { return ref(i).Name })
	putStrings(w, n, func(i int) string { return es[i].Extra }, func(i int) string { return ref(i).Extra })
	for k := Version; k <= Stamp; k++ {
		putChosen(w, func(i int) uint32 { return es[i].Local[k] }, func(i int) uint32 { return ref(i).Local[k] }, func(i int) uint32 { return up(i).Local[k] }, n)
	}
	putChosen(w, func(i int) uint32 { return es[i].Descriptor }, func(i int) uint32 { return ref(i).Descriptor }, func(i int) uint32 { return up(i).Descriptor }, n)
	putChosen(w, func(i int) uint32 { return es[i].Wide }, func(i int) uint32 { return ref(i).Wide }, func(i int) uint32 { return up(i).Wide }, n)
	for k := CRC; k <= Size; k++ {
		column := make([]uint64, n)
		for i := range es {
			column[i] = difference(es[i].Local[k], plans[i].expected(es[i].Local[Flags], facts[i], k))
		}
		putColumn(w, column)
	}
	f.before = es[n-1]
}

// Locals reads the frames of n entries. Their CRC and sizes are still
// differences: Settle puts them right. find gives a twin by its number.
func (f *Frames) Locals(r *streams.Reader, n int, find func(item int64) (*Entry, error)) ([]Entry, []Plan, error) {
	if n < 1 || n > Rows {
		return nil, nil, errors.New("delta: a number of entries out of bounds")
	}
	es, plans := make([]Entry, n), make([]Plan, n)
	if err := f.plans(r, es, plans, find); err != nil {
		return nil, nil, err
	}
	if err := f.names(r, es, plans); err != nil {
		return nil, nil, err
	}
	for k := Version; k <= Stamp; k++ {
		if err := f.numbers(r, es, plans, func(e *Entry) *uint32 { return &e.Local[k] }); err != nil {
			return nil, nil, err
		}
	}
	if err := f.numbers(r, es, plans, func(e *Entry) *uint32 { return &e.Descriptor }); err != nil {
		return nil, nil, err
	}
	if err := f.numbers(r, es, plans, func(e *Entry) *uint32 { return &e.Wide }); err != nil {
		return nil, nil, err
	}
	for k := CRC; k <= Size; k++ {
		values, err := column(r, n, max32)
		if err != nil {
			return nil, nil, err
		}
		for i, v := range values {
			es[i].Local[k] = uint32(v)
		}
	}
	for i := range es {
		if es[i].Descriptor >= descriptors {
			return nil, nil, errors.New("delta: no such form of a data descriptor")
		}
		if es[i].Wide > 1 || es[i].Wide == 1 && (plans[i].Blind || es[i].Local[Flags]&FlagData != 0) {
			return nil, nil, errors.New("delta: a header of sizes that are not known")
		}
	}
	f.before = es[n-1]
	return es, plans, nil
}

func (f *Frames) plans(r *streams.Reader, es []Entry, plans []Plan, find func(item int64) (*Entry, error)) error {
	gaps, err := column(r, len(es), 1<<42)
	if err != nil {
		return err
	}
	twins, err := column(r, len(es), 1<<42)
	if err != nil {
		return err
	}
	modes, err := column(r, len(es), 1<<20)
	if err != nil {
		return err
	}
	for i := range es {
		es[i].Gap, plans[i].Item = int64(gaps[i]), -1
		if twins[i] != 0 {
			plans[i].Item = f.item + unzigzag(twins[i]-1)
			if plans[i].Twin, err = find(plans[i].Item); err != nil {
				return err
			}
			f.item = plans[i].Item + 1
		}
		f.mode += uint64(unzigzag(modes[i]))
		if f.mode > 1<<20 {
			return errors.New("delta: no such mode of an entry")
		}
		plans[i].Mode, plans[i].Blind = uint32(f.mode>>1), f.mode&1 != 0
	}
	return nil
}

func (f *Frames) names(r *streams.Reader, es []Entry, plans []Plan) error {
	left := MaxStrings - f.strings
	ref := func(i int) *Entry { return reference(&f.before, es, plans, i) }
	err := getStrings(r, len(es), &left, func(i int) string { return ref(i).Name }, func(i int, s string) { es[i].Name = s })
	if err != nil {
		return err
	}
	err = getStrings(r, len(es), &left, func(i int) string { return ref(i).Extra }, func(i int, s string) { es[i].Extra = s })
	f.strings = MaxStrings - left
	return err
}

// numbers reads a column that was told from the twin or the row above.
func (f *Frames) numbers(r *streams.Reader, es []Entry, plans []Plan, field func(e *Entry) *uint32) error {
	return chosen(r, len(es), func(i, choice int, d uint64) {
		from := above(&f.before, es, i)
		if choice == 0 {
			from = reference(&f.before, es, plans, i)
		}
		*field(&es[i]) = addDifference(*field(from), d)
	})
}

// Settle completes the local header of an entry that Locals gave, once what its
// content makes true is known (or, for a blind one, before), and returns it.
func (e *Entry) Settle(p Plan, facts Facts) []byte {
	e.Facts = facts
	for k := CRC; k <= Size; k++ {
		e.Local[k] = addDifference(p.expected(e.Local[Flags], facts, k), uint64(e.Local[k]))
	}
	return e.appendLocal(nil)
}

// Waits tells whether an entry's local header depends on its content.
func (e *Entry) Waits(p Plan) bool { return !p.Blind && e.Local[Flags]&FlagData == 0 }

// After is what follows the data.
func (e *Entry) After(facts Facts) []byte { return facts.appendDescriptor(nil, e.Descriptor) }

// AppendEnd adds the end of central directory record as it usually is. Its
// offset is off by what the last record's was.
func (f *Frames) AppendEnd(out []byte, count int, size, offset int64, comment []byte) []byte {
	le := binary.LittleEndian
	out = le.AppendUint32(out, endSig)
	out = le.AppendUint32(out, 0)
	out = le.AppendUint16(out, uint16(count))
	out = le.AppendUint16(out, uint16(count))
	out = le.AppendUint32(out, uint32(size))
	out = le.AppendUint32(out, uint32(offset)+f.offset)
	out = le.AppendUint16(out, uint16(len(comment)))
	return append(out, comment...)
}
