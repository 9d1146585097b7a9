package match

import (
	"encoding/binary"
	"math"
	"slices"
)

// Marks is how many values a Sketch keeps.
const Marks = 32

// Sketch is a sample of what a content is made of: the least of the hashes of
// all its runs of eight bytes. Contents that share runs share marks. Marks rise.
type Sketch []uint64

// Sketcher makes a Sketch of what is written to it. Its zero value is ready.
type Sketcher struct {
	least  []uint64 // sorted
	bound  uint64
	window uint64
	filled int
}

// Write takes content; it never fails.
func (s *Sketcher) Write(p []byte) (int, error) {
	if len(s.least) == 0 {
		s.bound = math.MaxUint64
	}
	n := len(p)
	for s.filled < 7 && len(p) > 0 {
		s.window = s.window<<8 | uint64(p[0])
		p = p[1:]
		s.filled++
	}
	window, bound := s.window, s.bound
	for _, c := range p {
		window = window<<8 | uint64(c)
		if h := mix(window); h < bound {
			bound = s.add(h)
		}
	}
	s.window, s.bound = window, bound
	return n, nil
}

// mix spreads eight bytes over a hash (the end of MurmurHash3).
func mix(x uint64) uint64 {
	x = (x ^ x>>33) * 0xff51afd7ed558ccd
	x = (x ^ x>>33) * 0xc4ceb9fe1a85ec53
	return x ^ x>>33
}

func (s *Sketcher) add(h uint64) uint64 {
	at, found := slices.BinarySearch(s.least, h)
	if !found {
		s.least = slices.Insert(s.least, at, h)
		s.least = s.least[:min(len(s.least), Marks)]
	}
	if len(s.least) < Marks {
		return math.MaxUint64
	}
	return s.least[Marks-1]
}

// Sketch returns what was gathered.
func (s *Sketcher) Sketch() Sketch { return slices.Clone(s.least) }

// Of sketches one content.
func Of(p []byte) Sketch {
	var s Sketcher
	s.Write(p)
	return s.Sketch()
}

// Alike estimates which share of two contents' runs they have in common, 0 to 1.
func Alike(a, b Sketch) float64 {
	n := min(max(len(a), len(b)), Marks)
	if n == 0 {
		return 0
	}
	shared, i, j := 0, 0, 0
	for seen := 0; seen < n && i < len(a) && j < len(b); seen++ {
		switch {
		case a[i] < b[j]:
			i++
		case a[i] > b[j]:
			j++
		default:
			shared++
			i++
			j++
		}
	}
	return float64(shared) / float64(n)
}

// AppendBinary adds the marks, eight bytes each.
func (s Sketch) AppendBinary(out []byte) []byte {
	for _, m := range s {
		out = binary.LittleEndian.AppendUint64(out, m)
	}
	return out
}
