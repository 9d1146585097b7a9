package delta

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"packlift/bundle/delta/deflate"
	"packlift/bundle/delta/zipfile"
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
				member{name: fmt.Sprintf("row%d", i), content: bytes.Repeat([]byte{byte(i)}, rowBytes/5)}, // as it was
				member{name: fmt.Sprintf("lib%d.so", i), content: program(uint64(i), 16*version), level: 6})
		}
	}
	old, new := jar(t, 1, 60, more[0]...), jar(t, 2, 60, more[1]...)
	var first []byte
	for _, cores := range []int{1, 0, 5} {
		d, err := Make(blob(new), blobs([][]byte{old}), Options{Jobs: cores})
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if _, err := d.WriteTo(&out); err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = out.Bytes()
		}
		if !bytes.Equal(first, out.Bytes()) {
			t.Errorf("%d cores give other bytes", cores)
		}
	}
	if len(first) > 5_000 {
		t.Errorf("the delta has %d bytes: something was told as plain bytes", len(first))
	}
}

// program is an ELF file for x86-64 of a thousand functions that call one
// another; the middle one is longer by grown bytes.
func program(seed uint64, grown int) []byte {
	const head, function, count, base = 0x1000, 64, 1000, 0x400000
	at := func(i int) int { return head + i*function + min(max(i-count/2, 0), 1)*grown }
	out := make([]byte, at(count))
	le, r := binary.LittleEndian, rand.New(rand.NewPCG(seed, 7))
	copy(out, "\x7fELF\x02\x01\x01")
	le.PutUint16(out[18:], 62)
	le.PutUint64(out[32:], 64)
	le.PutUint16(out[56:], 1)
	le.PutUint64(out[64:], 5<<32|1)
	le.PutUint64(out[80:], base)
	le.PutUint64(out[96:], uint64(len(out)))
	le.PutUint64(out[104:], uint64(len(out)))
	for i := range count {
		for k := 0; k < function; k += 8 {
			le.PutUint64(out[at(i)+k:], r.Uint64()&0x1F1F1F1F1F1F1F1F)
		}
		out[at(i)+30] = 0xE8
		le.PutUint32(out[at(i)+31:], uint32(at(r.IntN(count))-at(i)-35))
	}
	return out
}

func TestRows(t *testing.T) {
	sizes := []int64{rowBytes / 2, rowBytes / 2, 1, rowBytes + 1, 5, 0}
	var rows []int
	for rest := sizes; len(rest) > 0; {
		k := rowOf(len(rest), rowBytes, func(i int) int64 { return rest[i] })
		rows, rest = append(rows, k), rest[k:]
	}
	if !slices.Equal(rows, []int{2, 1, 1, 2}) {
		t.Error(rows)
	}
	if n := rowOf(rowMost+1, rowBytes, func(int) int64 { return 0 }); n != rowMost {
		t.Error(n)
	}
}

// TestHandsHelp: who has nothing to do packs for others, and each comes to its end with all of them.
func TestHandsHelp(t *testing.T) {
	plain := text(1, 1<<20)
	packed := zlibbed(plain, zipfile.Setting(0).Level)
	for _, jobs := range []int{1, 2, 4} {
		h := newHands(jobs)
		var helped atomic.Int32
		h.each(2, func(x *hand, i int) {
			if i == 0 {
				return
			}
			for end := time.Now().Add(2 * time.Minute); jobs > 1 && helped.Load() == 0 && time.Now().Before(end); {
				x.packer.Lend(func(*deflate.Writer) bool {
					helped.Add(1)
					return false
				})
			}
			if n, ok := x.packer.Find(plain, packed, 0); n != 0 || !ok {
				t.Errorf("%d jobs: setting %d, %t", jobs, n, ok)
			}
			if n, ok := x.packer.Find(plain, packed, 1); n != 0 || !ok {
				t.Errorf("%d jobs, another one likely: setting %d, %t", jobs, n, ok)
			}
		})
		if (helped.Load() > 0) != (jobs > 1) {
			t.Errorf("%d jobs: %d helped", jobs, helped.Load())
		}
		for _, x := range h {
			if x.packer.Lend != nil {
				t.Errorf("%d jobs: lends on", jobs)
			}
		}
	}
}
