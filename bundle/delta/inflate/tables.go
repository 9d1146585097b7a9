package inflate

import "math/bits"

// Sizes of the alphabets and tables.
const (
	maxLit   = 288
	maxDist  = 32
	maxBits  = 15
	litBits  = 10 // of codes that are found in one step
	distBits = 8
	lenBits  = 7
	litSize  = 1 << 13 // at most 143 second tables of 32
	distSize = 1 << 12 // at most 15 of 128
	endBlock = 256
)

// entry is what a code stands for: how many bits the code has (5), how many follow it (4),
// flags (4), and from bit 16 on a literal, the least length or distance, or where the second table begins.
type entry uint32

const (
	literal entry = 1 << (9 + iota)
	stop          // the end of the block, or bad
	second        // the code is longer: look into a second table
	bad
)

func (e entry) used() uint   { return uint(e & 31) }
func (e entry) extra() uint  { return uint(e >> 5 & 15) }
func (e entry) base() uint32 { return uint32(e >> 16) }

func made(base, extra int, flags entry) entry { return entry(base)<<16 | entry(extra)<<5 | flags }

var (
	lenOrder  = [19]uint8{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}
	litKinds  [maxLit]entry
	distKinds [maxDist]entry
	lenKinds  [19]entry
)

func init() {
	for i := range litKinds {
		litKinds[i] = made(i, 0, literal)
	}
	litKinds[endBlock] = stop
	base := 3
	for i := range 28 {
		extra := max(0, i/4-1)
		litKinds[endBlock+1+i] = made(base, extra, 0)
		base += 1 << extra
	}
	litKinds[285], litKinds[286], litKinds[287] = made(258, 0, 0), stop|bad, stop|bad
	base = 1
	for i := range 30 {
		extra := max(0, i/2-1)
		distKinds[i] = made(base, extra, 0)
		base += 1 << extra
	}
	distKinds[30], distKinds[31] = bad, bad
	for i := range lenKinds {
		lenKinds[i] = made(i, 0, 0)
	}
}

// build fills a table for codes of the lengths given. It reports whether they are a
// complete code, or one code of one bit, or none.
func build(table []entry, root int, lengths []uint8, kinds []entry) bool {
	var count, next [maxBits + 1]int
	most := 0
	for _, n := range lengths {
		count[n]++
		most = max(most, int(n))
	}
	count[0] = 0
	code := 0
	for n := 1; n <= most; n++ {
		code = (code + count[n-1]) << 1
		next[n] = code
	}
	none := entry(0)
	if complete := most > 0 && code+count[most] == 1<<most; !complete {
		if most > 1 || most == 1 && count[1] != 1 {
			return false
		}
		none = stop | bad
	}
	for i := range table[:1<<root] {
		table[i] = none
	}
	end := 1 << root
	for i, n := range lengths {
		if n == 0 {
			continue
		}
		c := int(bits.Reverse16(uint16(next[n])) >> (16 - n))
		next[n]++
		e := kinds[i] | entry(n)
		if int(n) <= root {
			for ; c < 1<<root; c += 1 << n {
				table[c] = e
			}
			continue
		}
		end = long(table, root, most, c, int(n), e, end)
	}
	return true
}

// long puts a code of more than root bits into the second table of its first ones, which
// begins at end if it is new.
func long(table []entry, root, most, c, n int, e entry, end int) int {
	first := &table[c&(1<<root-1)]
	if *first == 0 {
		*first = made(end, most-root, second)
		end += 1 << (most - root)
	}
	rest := table[first.base():][:1<<(most-root)]
	for c >>= root; c < len(rest); c += 1 << (n - root) {
		rest[c] = e
	}
	return end
}
