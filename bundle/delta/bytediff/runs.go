package bytediff

import (
	"io"
	"math/bits"
)

const (
	windowLen = 64  // bytes that a hash is of
	leastRun  = 256 // an equal run that is shorter is left to the matcher
	tableLog  = 20  // samples of old that are kept, at most
	partSize  = 256 << 10
)

// run is a piece of new that stands in old as well.
type run struct{ new, old, n int64 }

// gear gives each byte a random number: h<<1 + gear[b] is a hash of the last 64
// bytes, its high bits of all of them.
var gear = func() (g [256]uint64) {
	x := uint64(0x9E3779B97F4A7C15)
	for i := range g {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		g[i] = x
	}
	return g
}()

// sample is a hash of old and where its window ends.
type sample struct {
	hash uint64
	end  int64
}

// finder finds equal runs by hashes of old at places that content chooses, so
// that the same content is hashed at the same places in new.
type finder struct {
	new, old         io.ReaderAt
	newSize, oldSize int64
	shift            uint // a hash below 1<<shift is a sample
	table            []sample
	pages            [2]part
	err              error
}

// equalRuns gives runs in the order of new; they do not overlap there.
func equalRuns(new io.ReaderAt, newSize int64, old io.ReaderAt, oldSize int64) ([]run, error) {
	log := max(6, bits.Len64(uint64(oldSize))-tableLog+1)
	f := &finder{new: new, old: old, newSize: newSize, oldSize: oldSize, shift: uint(64 - log)}
	f.table = make([]sample, 1<<min(tableLog, max(4, bits.Len64(uint64(oldSize))-log+1)))
	scan(f.old, 0, oldSize, f.shift, &f.err, func(h uint64, end int64) bool {
		if s := f.slot(h); s.end == 0 {
			*s = sample{h, end}
		}
		return true
	})
	var runs []run
	done, shift := int64(0), int64(0) // where the last run ends, and from new to old there
	for at := int64(0); at < newSize && f.err == nil; {
		var hit run
		scan(f.new, at, newSize, f.shift, &f.err, func(h uint64, end int64) bool {
			if s := f.slot(h); s.end != 0 && s.hash == h {
				hit = f.extend(end, s.end, done)
				if end+shift != s.end {
					if on := f.going(end, end+shift, done); on.n >= hit.n {
						hit = on
					}
				}
			}
			return hit.n < leastRun && f.err == nil
		})
		if hit.n < leastRun {
			break
		}
		runs = append(runs, hit)
		done, shift = hit.new+hit.n, hit.old-hit.new
		at = done
	}
	return runs, f.err
}

func (f *finder) slot(h uint64) *sample {
	return &f.table[h*0xff51afd7ed558ccd>>(64-bits.Len(uint(len(f.table)-1)))]
}

// scan calls f with each sample of r from at on, until f returns false.
func scan(r io.ReaderAt, at, size int64, shift uint, failed *error, f func(h uint64, end int64) bool) {
	buf := make([]byte, min(partSize, size-at))
	h, seen := uint64(0), 0
	for at < size {
		p := buf[:min(int64(len(buf)), size-at)]
		if err := readFull(r, p, at); err != nil {
			*failed = err
			return
		}
		for i, c := range p {
			h = h<<1 + gear[c]
			if seen++; h>>shift == 0 && seen >= windowLen && !f(h, at+int64(i)+1) {
				return
			}
		}
		at += int64(len(p))
	}
}

// going is extend where old goes on as before: of what stands in old more than
// once that is the place which the rest of new comes from as well.
func (f *finder) going(newEnd, oldEnd, done int64) run {
	if oldEnd < windowLen || oldEnd > f.oldSize {
		return run{}
	}
	return f.extend(newEnd, oldEnd, done)
}

// extend grows the match of the bytes before two places both ways; not to
// before done in new.
func (f *finder) extend(newEnd, oldEnd, done int64) run {
	back := int64(0)
	for back < min(newEnd-done, oldEnd) {
		n := min(newEnd-done-back, oldEnd-back, 4096)
		a, b := f.part(0, newEnd-back-n, n), f.part(1, oldEnd-back-n, n)
		same := int64(0)
		for same < n && a[n-1-same] == b[n-1-same] {
			same++
		}
		back += same
		if same < n {
			break
		}
	}
	if back < windowLen {
		return run{}
	}
	forward := int64(0)
	for forward < min(f.newSize-newEnd, f.oldSize-oldEnd) {
		n := min(f.newSize-newEnd-forward, f.oldSize-oldEnd-forward, 4096)
		same := int64(common(f.part(0, newEnd+forward, n), f.part(1, oldEnd+forward, n)))
		forward += same
		if same < n {
			break
		}
	}
	return run{newEnd - back, oldEnd - back, back + forward}
}

// part is what was read last of one side.
type part struct {
	buf []byte
	at  int64
}

// part gives n bytes of new (0) or old (1); zeros after an error.
func (f *finder) part(side int, at, n int64) []byte {
	g := &f.pages[side]
	if at < g.at || at+n > g.at+int64(len(g.buf)) {
		r, size := f.new, f.newSize
		if side == 1 {
			r, size = f.old, f.oldSize
		}
		from := max(0, min(at-partSize/4, size-partSize))
		if cap(g.buf) < partSize {
			g.buf = make([]byte, partSize)
		}
		g.buf, g.at = g.buf[:min(partSize, size-from)], from
		if err := readFull(r, g.buf, from); err != nil {
			f.err = err
		}
	}
	return g.buf[at-g.at:][:n]
}
