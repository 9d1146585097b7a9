package bytediff

import (
	"encoding/binary"
	"math/bits"
)

// bigOld is the length from which a table of first byte pairs pays.
const bigOld = 32 << 10

// index finds the longest matches of any bytes in old.
type index struct {
	old   []byte
	sa    []int32
	pairs []int32 // by first two bytes: the first suffix that is not before them
}

// newIndex sorts old; sa and pairs are memory to use again.
func newIndex(old []byte, memory index) index {
	x := index{old: old, sa: memory.sa, pairs: memory.pairs}
	if cap(x.sa) < len(old) {
		x.sa = make([]int32, len(old))
	}
	x.sa = x.sa[:len(old)]
	sortSuffixes(old, x.sa)
	if len(old) >= bigOld {
		x.countPairs()
	}
	return x
}

func (x *index) countPairs() {
	if len(x.pairs) == 0 {
		x.pairs = make([]int32, 1<<16+1)
	}
	clear(x.pairs)
	for i := range len(x.old) - 1 {
		x.pairs[int(x.old[i])<<8|int(x.old[i+1])]++
	}
	x.pairs[int(x.old[len(x.old)-1])<<8]++ // the last suffix stands before all that go on
	sum := int32(0)
	for i, n := range x.pairs {
		x.pairs[i] = sum
		sum += n
	}
}

// longest returns the place of old with the longest match of target's front,
// and its length.
func (x *index) longest(target []byte) (pos, n int) {
	lo, hi := 0, len(x.sa)
	if len(x.old) >= bigOld && len(target) >= 2 {
		pair := int(target[0])<<8 | int(target[1])
		lo, hi = int(x.pairs[pair]), int(x.pairs[pair+1])
		lo, hi = max(lo-1, 0), min(hi+1, len(x.sa)) // a neighbour may share one byte
	}
	loN, hiN := 0, 0 // bytes known to be shared with all at and beyond either end
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		at := int(x.sa[mid])
		same := min(loN, hiN)
		same += common(x.old[at+same:], target[same:])
		if same > n {
			pos, n = at, same
		}
		switch {
		case same == len(target):
			return pos, n
		case at+same == len(x.old) || x.old[at+same] < target[same]:
			lo, loN = mid+1, same
		default:
			hi, hiN = mid, same
		}
	}
	return pos, n
}

// common is the number of bytes that a and b share at their fronts.
func common(a, b []byte) int {
	n := min(len(a), len(b))
	i := 0
	for ; i+8 <= n; i += 8 {
		if d := binary.LittleEndian.Uint64(a[i:]) ^ binary.LittleEndian.Uint64(b[i:]); d != 0 {
			return i + bits.TrailingZeros64(d)>>3
		}
	}
	for i < n && a[i] == b[i] {
		i++
	}
	return i
}
