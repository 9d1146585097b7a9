package zipfile

import (
	"errors"
	"io"

	"packlift/bundle/delta/streams"
)

// StartCentral comes between the last local header and the first record.
func (f *Frames) StartCentral() {
	f.before, f.item, f.offset = Entry{}, 0, 0
}

// PutOrder writes places in the order of the directory: each told from the one
// before.
func (f *Frames) PutOrder(w *streams.Writer, order []int) {
	values := make([]uint64, len(order))
	for i, place := range order {
		values[i] = zigzag(int64(place) - f.item)
		f.item = int64(place) + 1
	}
	putColumn(w, values)
}

// Order reads n places below total.
func (f *Frames) Order(r *streams.Reader, n, total int) ([]int, error) {
	values, err := column(r, n, 4*MaxEntries)
	if err != nil {
		return nil, err
	}
	order := make([]int, n)
	for i, v := range values {
		place := f.item + unzigzag(v)
		if place < 0 || place >= int64(total) {
			return nil, errors.New("delta: a record of no entry")
		}
		order[i] = int(place)
		f.item = place + 1
	}
	return order, nil
}

// PutCentral writes records of the central directory, at most Fit(es): es in
// the directory's order, order their places among the entries.
func (f *Frames) PutCentral(w *streams.Writer, es []Entry, plans []Plan, facts []Facts) {
	n := len(es)
	ref := func(i int) *Entry { return reference(&f.before, es, plans, i) }
	up := func(i int) *Entry { return above(&f.before, es, i) }
	for k := Field(0); k < centralFields; k++ {
		switch k {
		case Made, Disk, Inner, Outer:
			putChosen(w, func(i int) uint32 { return es[i].Central[k] }, func(i int) uint32 { return ref(i).Central[k] }, func(i int) uint32 { return up(i).Central[k] }, n)
		default:
			column := make([]uint64, n)
			for i := range es {
				column[i] = difference(es[i].Central[k], f.told(&es[i], facts[i], k))
				if k == Offset {
					f.offset += addDifference(0, column[i])
				}
			}
			putColumn(w, column)
		}
	}
	putStrings(w, n, func(i int) string { return es[i].CentralName }, func(i int) string { return es[i].Name })
	putStrings(w, n, func(i int) string { return es[i].CentralExtra }, func(i int) string { return ref(i).CentralExtra })
	putStrings(w, n, func(i int) string { return es[i].Comment }, func(i int) string { return ref(i).Comment })
	f.before = es[n-1]
}

// told is what a record says where nothing is unusual.
func (f *Frames) told(e *Entry, facts Facts, k Field) uint32 {
	switch k {
	case Offset:
		return uint32(min(e.At, max32)) + f.offset
	case CRC, Packed, Size:
		return facts.field(k)
	default:
		return e.Local[k]
	}
}

// Central reads records and writes them to w, little at a time: their strings
// may all be one that is long. es are the entries, settled and in the
// directory's order; they are completed.
func (f *Frames) Central(r *streams.Reader, w io.Writer, es []Entry, plans []Plan) error {
	if err := f.records(r, es, plans); err != nil {
		return err
	}
	var out []byte
	for i := range es {
		out = es[i].appendCentral(out)
		if len(out) < pageSize && i+1 < len(es) {
			continue
		}
		if _, err := w.Write(out); err != nil {
			return err
		}
		out = out[:0]
	}
	f.before = es[len(es)-1]
	return nil
}

// records reads the columns of records.
func (f *Frames) records(r *streams.Reader, es []Entry, plans []Plan) error {
	for k := Field(0); k < centralFields; k++ {
		switch k {
		case Made, Disk, Inner, Outer:
			if err := f.numbers(r, es, plans, func(e *Entry) *uint32 { return &e.Central[k] }); err != nil {
				return err
			}
		default:
			values, err := column(r, len(es), max32)
			if err != nil {
				return err
			}
			for i, d := range values {
				es[i].Central[k] = addDifference(f.told(&es[i], es[i].Facts, k), d)
				if k == Offset {
					f.offset += addDifference(0, d)
				}
			}
		}
	}
	return f.centralStrings(r, es, plans)
}

func (f *Frames) centralStrings(r *streams.Reader, es []Entry, plans []Plan) error {
	left := MaxStrings - f.strings
	ref := func(i int) *Entry { return reference(&f.before, es, plans, i) }
	err := getStrings(r, len(es), &left, func(i int) string { return es[i].Name }, func(i int, s string) { es[i].CentralName = s })
	if err != nil {
		return err
	}
	err = getStrings(r, len(es), &left, func(i int) string { return ref(i).CentralExtra }, func(i int, s string) { es[i].CentralExtra = s })
	if err != nil {
		return err
	}
	err = getStrings(r, len(es), &left, func(i int) string { return ref(i).Comment }, func(i int, s string) { es[i].Comment = s })
	f.strings = MaxStrings - left
	return err
}
