package merge

// hunk says that the lines from to to of a text are the lines start to end of
// another; ends are not included. Two hunks of one comparison never touch.
type hunk struct{ from, to, start, end int }

// leastCost is the number of differences that a search always takes.
const leastCost = 256

// compare finds how b differs from a: by Myers' algorithm (An O(ND) Difference
// Algorithm and Its Variations, 1986) in linear space, then with each run of
// changed lines moved to where git would show it.
func compare(a, b []int32) []hunk {
	n := len(a) + len(b) + 3
	c := &comparison{a: a, b: b, offA: make([]bool, len(a)), offB: make([]bool, len(b)), zero: len(b) + 1,
		fwd: make([]int, n), bwd: make([]int, n), most: leastCost}
	for c.most*c.most < n {
		c.most *= 2
	}
	c.box(0, len(a), 0, len(b))
	slide(a, c.offA, c.offB)
	slide(b, c.offB, c.offA)
	return c.hunks()
}

// comparison marks the lines of each side that the other has not.
type comparison struct {
	a, b       []int32
	offA, offB []bool
	fwd, bwd   []int // how far each diagonal is reached, by x-y+zero
	zero       int
	most       int // differences after which a search settles for what it has
}

// box compares a[a0:a1] with b[b0:b1].
func (c *comparison) box(a0, a1, b0, b1 int) {
	for {
		for a0 < a1 && b0 < b1 && c.a[a0] == c.b[b0] {
			a0, b0 = a0+1, b0+1
		}
		for a0 < a1 && b0 < b1 && c.a[a1-1] == c.b[b1-1] {
			a1, b1 = a1-1, b1-1
		}
		if a0 == a1 || b0 == b1 {
			mark(c.offA[a0:a1])
			mark(c.offB[b0:b1])
			return
		}
		x, y := c.split(a0, a1, b0, b1)
		c.box(a0, x, b0, y)
		a0, b0 = x, y
	}
}

func mark(off []bool) {
	for i := range off {
		off[i] = true
	}
}

// search is one search for the middle of a box, from both of its ends.
type search struct {
	*comparison
	a0, a1, b0, b1         int
	fmin, fmax, bmin, bmax int // the diagonals that each end has reached
}

// split gives a point on a shortest way through the box, or on a short one.
func (c *comparison) split(a0, a1, b0, b1 int) (x, y int) {
	front, back := a0-b0, a1-b1
	s := &search{c, a0, a1, b0, b1, front, front, back, back}
	odd := (front-back)&1 != 0
	c.fwd[front+c.zero], c.bwd[back+c.zero] = a0, a1
	for cost := 1; ; cost++ {
		if at, met := s.forward(odd); met {
			return at.x, at.y
		}
		if at, met := s.backward(odd); met {
			return at.x, at.y
		}
		if cost >= c.most {
			return s.settle()
		}
	}
}

type point struct{ x, y int }

// widen adds a diagonal at each end of min to max, or takes one away at the box's edge.
func (s *search) widen(reach []int, min, max *int, unreached int) {
	if *min > s.a0-s.b1 {
		*min--
		reach[*min-1+s.zero] = unreached
	} else {
		*min++
	}
	if *max < s.a1-s.b0 {
		*max++
		reach[*max+1+s.zero] = unreached
	} else {
		*max--
	}
}

// forward goes one difference further; met tells that it came upon the other end.
// The two ends come upon each other's diagonals in turns, which odd tells.
func (s *search) forward(odd bool) (at point, met bool) {
	s.widen(s.fwd, &s.fmin, &s.fmax, -1)
	for k := s.fmax; k >= s.fmin; k -= 2 {
		x := max(s.fwd[k-1+s.zero]+1, s.fwd[k+1+s.zero])
		y := x - k
		for x < s.a1 && y < s.b1 && s.a[x] == s.b[y] {
			x, y = x+1, y+1
		}
		s.fwd[k+s.zero] = x
		if odd && s.bmin <= k && k <= s.bmax && s.bwd[k+s.zero] <= x {
			return point{x, y}, true
		}
	}
	return point{}, false
}

func (s *search) backward(odd bool) (at point, met bool) {
	s.widen(s.bwd, &s.bmin, &s.bmax, len(s.a)+1)
	for k := s.bmax; k >= s.bmin; k -= 2 {
		x := min(s.bwd[k-1+s.zero], s.bwd[k+1+s.zero]-1)
		y := x - k
		for x > s.a0 && y > s.b0 && s.a[x-1] == s.b[y-1] {
			x, y = x-1, y-1
		}
		s.bwd[k+s.zero] = x
		if !odd && s.fmin <= k && k <= s.fmax && x <= s.fwd[k+s.zero] {
			return point{x, y}, true
		}
	}
	return point{}, false
}

// settle takes the point that is furthest from its own end.
func (s *search) settle() (x, y int) {
	best, far := point{s.a0, s.b0}, -1
	for k := s.fmin; k <= s.fmax; k += 2 {
		x := min(s.fwd[k+s.zero], s.a1)
		y := x - k
		if y > s.b1 {
			x, y = s.b1+k, s.b1
		}
		if d := x - s.a0 + y - s.b0; d > far {
			best, far = point{x, y}, d
		}
	}
	for k := s.bmin; k <= s.bmax; k += 2 {
		x := max(s.bwd[k+s.zero], s.a0)
		y := x - k
		if y < s.b0 {
			x, y = s.b0+k, s.b0
		}
		if d := s.a1 - x + s.b1 - y; d > far {
			best, far = point{x, y}, d
		}
	}
	return best.x, best.y
}

func (c *comparison) hunks() (out []hunk) {
	for i, j := 0, 0; i < len(c.a) || j < len(c.b); {
		h := hunk{from: i, start: j}
		for i < len(c.a) && c.offA[i] {
			i++
		}
		for j < len(c.b) && c.offB[j] {
			j++
		}
		if h.to, h.end = i, j; h.to > h.from || h.end > h.start {
			out = append(out, h)
		}
		i, j = i+1, j+1
	}
	return out
}
