// Package match chooses the bases of deltas: which old contents of a pack a new
// one is best told from. It looks at paths, sizes and sketches alone.
package match

import (
	"cmp"
	"path"
	"slices"
)

// File is one content at one path.
type File struct {
	Path   string
	Size   int64
	Digest [32]byte
	Sketch Sketch
}

// Weights of what two files have in common. A path outweighs any likeness,
// but for the very same content.
const (
	sameContent = 16
	samePath    = 8
	samePlain   = 4 // but for version numbers and hashes
	sameBase    = 2 // in another folder
	leastAlike  = 0.09
	leastSize   = 64 // bytes below which a base saves nothing, unless it is the same path
	mostEqual   = 64 // candidates of one plain name or mark that are looked at

	smallSize = 16 << 10 // up to this, a base that is so much alike is enough:
	enough    = 0.75     // each further one costs more to name than it saves
)

// Bases gives for each new file the places in old of its candidates, the best
// first, at most most of them, each content once.
func Bases(new, old []File, most int) [][]int {
	x := newLookup(old)
	out := make([][]int, len(new))
	for i := range new {
		out[i] = x.best(&new[i], most)
	}
	return out
}

type lookup struct {
	old    []File
	keys   map[string][]int32 // by path and its plainer forms
	marks  map[uint64][]int32
	same   map[[32]byte]int32
	score  []float64 // of each old file for the one in hand; 0: no candidate
	shared []uint8   // marks that each has in common with the one in hand
	found  []int32   // those with a score or a shared mark
}

func newLookup(old []File) *lookup {
	x := &lookup{old: old, keys: map[string][]int32{}, marks: map[uint64][]int32{}, same: map[[32]byte]int32{},
		score: make([]float64, len(old)), shared: make([]uint8, len(old))}
	for i := range old {
		n := int32(i)
		for _, k := range keys(old[i].Path) {
			x.keys[k] = append(x.keys[k], n)
		}
		for _, m := range old[i].Sketch {
			if len(x.marks[m]) < mostEqual {
				x.marks[m] = append(x.marks[m], n)
			}
		}
		if _, ok := x.same[old[i].Digest]; !ok {
			x.same[old[i].Digest] = n
		}
	}
	return x
}

// keys are a path and what is left of it, from the closest to the farthest.
func keys(p string) []string {
	plain := Plain(p)
	return []string{"=" + p, "#" + plain, "/" + path.Base(plain)}
}

func (x *lookup) best(f *File, most int) []int {
	if i, ok := x.same[f.Digest]; ok {
		x.see(i, sameContent)
	}
	for n, k := range keys(f.Path) {
		all := x.keys[k]
		for _, i := range all[:min(len(all), mostEqual)] {
			x.see(i, samePath/float64(int(1)<<n))
		}
	}
	for _, m := range f.Sketch {
		for _, i := range x.marks[m] {
			x.see(i, 0)
			x.shared[i]++
		}
	}
	out := x.sorted(f, most)
	for _, i := range x.found {
		x.score[i], x.shared[i] = 0, 0
	}
	x.found = x.found[:0]
	return out
}

// see makes an old file a candidate.
func (x *lookup) see(i int32, score float64) {
	if x.score[i] == 0 && x.shared[i] == 0 {
		x.found = append(x.found, i)
	}
	x.score[i] = max(x.score[i], score)
}

// candidate is an old file that may serve, and how well.
type candidate struct {
	i            int32
	score, alike float64
}

func (x *lookup) sorted(f *File, most int) []int {
	var found []candidate
	for _, i := range x.found {
		c := candidate{i: i, score: x.score[i]}
		n := max(len(f.Sketch), len(x.old[i].Sketch))
		if c.score < sameBase && float64(x.shared[i]) < leastAlike*float64(n) {
			continue // most of what shares a mark or two, at little cost
		}
		c.alike = Alike(f.Sketch, x.old[i].Sketch)
		if c.score < sameBase && c.alike < leastAlike || c.score < samePath && x.old[i].Size < leastSize {
			continue
		}
		c.score += c.alike * (sameBase - 0.5)
		found = append(found, c)
	}
	slices.SortFunc(found, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(apart(f, &x.old[a.i]), apart(f, &x.old[b.i])), cmp.Compare(x.old[a.i].Path, x.old[b.i].Path), cmp.Compare(a.i, b.i))
	})
	if len(found) > 0 && f.Size <= smallSize && found[0].alike >= enough {
		most = min(most, 1)
	}
	return x.distinct(found, most)
}

// distinct takes each content once.
func (x *lookup) distinct(found []candidate, most int) []int {
	var out []int
	seen := map[[32]byte]bool{}
	for _, c := range found {
		if len(out) == most {
			break
		}
		if d := x.old[c.i].Digest; !seen[d] {
			seen[d] = true
			out = append(out, int(c.i))
		}
	}
	return out
}

func apart(a, b *File) int64 { return max(a.Size-b.Size, b.Size-a.Size) }
