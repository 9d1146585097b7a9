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
	old   []File
	keys  map[string][]int // by path and its plainer forms
	marks map[uint64][]int
	same  map[[32]byte]int
}

func newLookup(old []File) *lookup {
	x := &lookup{old, map[string][]int{}, map[uint64][]int{}, map[[32]byte]int{}}
	for i := range old {
		for _, k := range keys(old[i].Path) {
			x.keys[k] = append(x.keys[k], i)
		}
		for _, m := range old[i].Sketch {
			if len(x.marks[m]) < mostEqual {
				x.marks[m] = append(x.marks[m], i)
			}
		}
		if _, ok := x.same[old[i].Digest]; !ok {
			x.same[old[i].Digest] = i
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
	score := map[int]float64{}
	if i, ok := x.same[f.Digest]; ok {
		score[i] = sameContent
	}
	for n, k := range keys(f.Path) {
		all := x.keys[k]
		for _, i := range all[:min(len(all), mostEqual)] {
			score[i] = max(score[i], samePath/float64(int(1)<<n))
		}
	}
	for _, m := range f.Sketch {
		for _, i := range x.marks[m] {
			score[i] += 0
		}
	}
	return x.sorted(f, score, most)
}

func (x *lookup) sorted(f *File, score map[int]float64, most int) []int {
	var found []int
	for i := range score {
		alike := Alike(f.Sketch, x.old[i].Sketch)
		if score[i] < sameBase && alike < leastAlike || score[i] < samePath && x.old[i].Size < leastSize {
			continue
		}
		score[i] += alike * (sameBase - 0.5)
		found = append(found, i)
	}
	slices.SortFunc(found, func(a, b int) int {
		return cmp.Or(cmp.Compare(score[b], score[a]), cmp.Compare(apart(f, &x.old[a]), apart(f, &x.old[b])), cmp.Compare(x.old[a].Path, x.old[b].Path), cmp.Compare(a, b))
	})
	var out []int
	seen := map[[32]byte]bool{}
	for _, i := range found {
		if d := x.old[i].Digest; !seen[d] && len(out) < most {
			seen[d] = true
			out = append(out, i)
		}
	}
	return out
}

func apart(a, b *File) int64 { return max(a.Size-b.Size, b.Size-a.Size) }
