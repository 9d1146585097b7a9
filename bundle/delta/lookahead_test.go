package delta

import (
	"bytes"
	"fmt"
	"runtime"
	"slices"
	"testing"
)

// TestSameOnAnyCores: what is made does not depend on how many cores make it,
// also where settings change and there are several rows.
func TestSameOnAnyCores(t *testing.T) {
	var more [2][]member
	for i := range 9 {
		for version := range more {
			c := text(uint64(1000+i), 20<<10)
			copy(c[i<<10:], fmt.Sprintf("version %d", version))
			more[version] = append(more[version], member{name: fmt.Sprintf("page%d-%d.js", i, version), content: c, level: []int{9, 6, 1}[i%3]},
				member{name: fmt.Sprintf("row%d", i), content: bytes.Repeat([]byte{byte(i)}, rowBytes/5)}) // as it was
		}
	}
	old, new := jar(t, 1, 60, more[0]...), jar(t, 2, 60, more[1]...)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	var first []byte
	for _, cores := range []int{1, 3} {
		runtime.GOMAXPROCS(cores)
		var out bytes.Buffer
		if _, err := make1(t, new, [][]byte{old}).WriteTo(&out); err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = out.Bytes()
		}
		if !bytes.Equal(first, out.Bytes()) {
			t.Errorf("%d cores give other bytes", cores)
		}
	}
	if len(first) > 12_000 {
		t.Errorf("the delta has %d bytes: nothing was inflated", len(first))
	}
}

func TestRows(t *testing.T) {
	sizes := []int64{rowBytes / 2, rowBytes / 2, 1, rowBytes + 1, 5, 0}
	var rows []int
	for rest := sizes; len(rest) > 0; {
		k := rowOf(len(rest), func(i int) int64 { return rest[i] })
		rows, rest = append(rows, k), rest[k:]
	}
	if !slices.Equal(rows, []int{2, 1, 1, 2}) {
		t.Error(rows)
	}
	if n := rowOf(rowMost+1, func(int) int64 { return 0 }); n != rowMost {
		t.Error(n)
	}
}
