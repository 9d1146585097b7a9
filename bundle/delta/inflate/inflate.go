package inflate

import (
	"encoding/binary"
	"errors"
)

// What stands behind the ends of both buffers, so that one step needs no
// check: it reads eight bytes and writes at most a literal or a match.
const (
	inSlack  = 16
	outSlack = 264
)

var errDamaged = errors.New("inflate: not a deflate stream that ends where it should")

// Decoder keeps its tables and the buffer for what it reads.
type Decoder struct {
	lit    [litSize]entry // the second tables as well
	dist   [distSize]entry
	lens   [1 << lenBits]entry
	length [maxLit + maxDist]uint8
	in     []byte
	source
	out []byte
	pos int
}

// source is where the decoder reads: bits that were taken from in up to at.
type source struct {
	at   int
	bits uint64
	n    uint // of them that are good
}

// Input gives n bytes of memory for the stream that Unpack is to unpack.
func (d *Decoder) Input(n int) []byte {
	if cap(d.in) < n+inSlack {
		d.in = make([]byte, n+inSlack)
	}
	d.in = d.in[:n+inSlack]
	clear(d.in[n:])
	return d.in[:n]
}

// Unpack gives the size bytes that the stream in Input unpacks to. What follows the
// stream is not looked at.
func (d *Decoder) Unpack(size int) ([]byte, error) {
	d.out, d.pos, d.source = make([]byte, size+outSlack), 0, source{}
	defer func() { d.out = nil }()
	for last := false; !last; {
		d.refill()
		last = d.take(1) == 1
		var err error
		switch d.take(2) {
		case 0:
			err = d.stored()
		case 1:
			err = d.fixed()
		case 2:
			err = d.dynamic()
		default:
			err = errDamaged
		}
		if err != nil {
			return nil, err
		}
	}
	if d.pos != size || d.overrun() {
		return nil, errDamaged
	}
	return d.out[:size:size], nil
}

// fill brings the good bits to 56 at least, while there are eight bytes.
func (s *source) fill(in []byte) {
	if s.at+8 <= len(in) {
		s.bits |= binary.LittleEndian.Uint64(in[s.at:]) << (s.n & 63)
		s.at += int(63-s.n) >> 3
		s.n |= 56
	}
}

// refill does; behind the stream they are zero, and overrun tells.
func (d *Decoder) refill() { d.fill(d.in) }

// overrun: more bits were used than there are.
func (d *Decoder) overrun() bool { return d.at-int(d.n>>3) > len(d.in)-inSlack }

func (d *Decoder) take(n uint) uint {
	v := uint(d.bits & (1<<(n&63) - 1))
	d.bits >>= n & 63
	d.n -= n
	return v
}

// stored copies a block that is not packed.
func (d *Decoder) stored() error {
	d.at -= int(d.n >> 3) // back to the first byte that no bit was used of
	d.bits, d.n = 0, 0
	end := len(d.in) - inSlack
	if d.at+4 > end {
		return errDamaged
	}
	n := int(binary.LittleEndian.Uint16(d.in[d.at:]))
	if int(^binary.LittleEndian.Uint16(d.in[d.at+2:])) != n || d.at+4+n > end || n > len(d.out)-outSlack-d.pos {
		return errDamaged
	}
	d.pos += copy(d.out[d.pos:], d.in[d.at+4:d.at+4+n])
	d.at += 4 + n
	return nil
}

// block unpacks symbols up to the end of a block.
func (d *Decoder) block(s source) error {
	lit, dist := &d.lit, &d.dist
	in, out, pos := d.in, d.out, d.pos
	size := len(out) - outSlack
	for pos <= size {
		s.fill(in)
		if s.n < 48 {
			return errDamaged
		}
		e := lit[s.bits&(1<<litBits-1)]
		if e&second != 0 {
			e = lit[(uint64(e.base())+s.bits>>litBits&(1<<e.extra()-1))&(litSize-1)]
		}
		s.skip(e.used())
		if e&literal != 0 {
			out[pos] = byte(e.base())
			pos++
			e = lit[s.bits&(1<<litBits-1)] // one more fits into the bits that are there
			if e&literal == 0 {
				continue
			}
			s.skip(e.used())
			out[pos] = byte(e.base())
			pos++
			continue
		}
		if e&stop != 0 {
			d.source, d.pos = s, pos
			if e&bad != 0 {
				return errDamaged
			}
			return nil
		}
		n := int(e.base()) + int(s.bits&(1<<e.extra()-1))
		s.skip(e.extra())
		e = dist[s.bits&(1<<distBits-1)]
		if e&second != 0 {
			e = dist[(uint64(e.base())+s.bits>>distBits&(1<<e.extra()-1))&(distSize-1)]
		}
		s.skip(e.used())
		back := int(e.base()) + int(s.bits&(1<<e.extra()-1))
		s.skip(e.extra())
		if e&bad != 0 || back > pos {
			return errDamaged
		}
		copyMatch(out, pos, back, n)
		pos += n
	}
	return errDamaged
}

func (s *source) skip(n uint) {
	s.bits >>= n & 63
	s.n -= n
}

// copyMatch copies n bytes from back bytes before pos; they may overlap. What it writes
// beyond them is written again.
func copyMatch(out []byte, pos, back, n int) {
	from, to := out[pos-back:], out[pos:pos+outSlack]
	if back >= 8 {
		for i := 0; i < n; i += 8 {
			binary.LittleEndian.PutUint64(to[i:], binary.LittleEndian.Uint64(from[i:]))
		}
		return
	}
	for i := range n {
		to[i] = from[i]
	}
}
