package zipfile

import (
	"errors"
	"fmt"

	"packlift/bundle/delta/streams"
)

// putColumn writes numbers; a run of zeros is a zero and its length less one.
func putColumn(w *streams.Writer, column []uint64) {
	for i := 0; i < len(column); {
		w.Uint(streams.Frame, column[i])
		run := i + 1
		for column[i] == 0 && run < len(column) && column[run] == 0 {
			run++
		}
		if column[i] == 0 {
			w.Uint(streams.Frame, uint64(run-i-1))
		}
		i = run
	}
}

// column reads n numbers of at most most.
func column(r *streams.Reader, n int, most uint64) ([]uint64, error) {
	out := make([]uint64, n)
	for i := 0; i < n; i++ {
		v, err := r.Uint(streams.Frame)
		if err != nil {
			return nil, err
		}
		if v > most {
			return nil, fmt.Errorf("delta: %d in a column of at most %d", v, most)
		}
		if out[i] = v; v != 0 {
			continue
		}
		run, err := r.Upto(streams.Frame, int64(n-i-1))
		if err != nil {
			return nil, err
		}
		i += int(run)
	}
	return out, nil
}

// difference of two fields as a number that is small for small ones.
func difference(a, b uint32) uint64 {
	d := int32(a - b)
	return uint64(uint32(d<<1) ^ uint32(d>>31))
}

func addDifference(b uint32, d uint64) uint32 {
	v := uint32(d)
	return b + (v>>1 ^ -(v & 1))
}

func zigzag(v int64) uint64   { return uint64(v<<1) ^ uint64(v>>63) }
func unzigzag(v uint64) int64 { return int64(v>>1) ^ -int64(v&1) }

// putChosen writes a column as differences from the better of two
// expectations: a first, or before, the value of the row above.
func putChosen(w *streams.Writer, value, first, before func(i int) uint32, n int) {
	var columns [2][]uint64
	var costs [2]int
	for c, expected := range []func(int) uint32{first, before} {
		columns[c] = make([]uint64, n)
		for i := range n {
			columns[c][i] = difference(value(i), expected(i))
			if columns[c][i] != 0 {
				costs[c]++
			}
		}
	}
	choice := 0
	if costs[1] < costs[0] {
		choice = 1
	}
	w.Uint(streams.Frame, uint64(choice))
	putColumn(w, columns[choice])
}

// chosen reads such a column: set is called in order, with the choice made.
func chosen(r *streams.Reader, n int, set func(i, choice int, d uint64)) error {
	choice, err := r.Upto(streams.Frame, 1)
	if err != nil {
		return err
	}
	values, err := column(r, n, max32)
	if err != nil {
		return err
	}
	for i, d := range values {
		set(i, int(choice), d)
	}
	return nil
}

// putStrings writes strings as differences from what is expected: nothing if
// it is that, else what differs between a common front and end.
func putStrings(w *streams.Writer, n int, value, expected func(i int) string) {
	lengths := make([]uint64, n)
	var fronts, ends []uint64
	var bytes []byte
	for i := range n {
		v, x := value(i), expected(i)
		if v == x {
			continue
		}
		front := 0
		for front < min(len(v), len(x)) && v[front] == x[front] {
			front++
		}
		end := 0
		for end < min(len(v), len(x))-front && v[len(v)-1-end] == x[len(x)-1-end] {
			end++
		}
		middle := v[front : len(v)-end]
		lengths[i] = uint64(len(middle)) + 1
		fronts, ends, bytes = append(fronts, uint64(front)), append(ends, uint64(end)), append(bytes, middle...)
	}
	putColumn(w, lengths)
	putColumn(w, fronts)
	putColumn(w, ends)
	w.Bytes(streams.Frame, bytes)
}

const maxString = 1<<16 - 1

// getStrings reads such a column. Strings that are not as expected are counted
// against left.
func getStrings(r *streams.Reader, n int, left *int, expected func(i int) string, set func(i int, s string)) error {
	lengths, err := column(r, n, maxString+1)
	if err != nil {
		return err
	}
	changed := 0
	for _, v := range lengths {
		if v != 0 {
			changed++
		}
	}
	fronts, err := column(r, changed, maxString)
	if err != nil {
		return err
	}
	ends, err := column(r, changed, maxString)
	if err != nil {
		return err
	}
	k := 0
	for i, v := range lengths {
		x := expected(i)
		if v == 0 {
			set(i, x)
			continue
		}
		middle, err := r.Take(streams.Frame, int(v-1))
		if err != nil {
			return err
		}
		front, end := int(fronts[k]), int(ends[k])
		k++
		size := front + len(middle) + end
		if *left -= size; front+end > len(x) || size > maxString || *left < 0 {
			return errors.New("delta: a name that is too long")
		}
		set(i, x[:front]+string(middle)+x[len(x)-end:])
	}
	return nil
}
