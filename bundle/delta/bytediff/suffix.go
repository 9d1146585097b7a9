package bytediff

// sortSuffixes fills sa, as long as text, with the starts of text's suffixes in
// bytewise order. It takes no memory beside sa but two tables of 256 counts:
// induced sorting after Nong, Zhang and Chan, with the names of the reduced
// text kept in sa itself as in Yuta Mori's sais-lite.
func sortSuffixes(text []byte, sa []int32) {
	switch len(text) {
	case 0:
	case 1:
		sa[0] = 0
	default:
		sais(text, sa, 0, len(text), 256)
	}
}

type symbol interface{ ~uint8 | ~int32 }

// sais sorts text, n symbols below k, into sa[:n]; sa has spare more items at its end.
func sais[T symbol](text []T, sa []int32, spare, n, k int) {
	bucket := make([]int32, k)
	m := sortPieces(text, sa[:n], bucket)
	names := namePieces(text, sa[:n], m)
	if names < m {
		reduced := sa[n+spare-m : n+spare]
		for i, j := m+n/2-1, m-1; i >= m; i-- {
			if sa[i] != 0 {
				reduced[j] = sa[i] - 1
				j--
			}
		}
		sais(reduced, sa, spare+n-2*m, m, names)
		j := m - 1
		eachStart(text, func(p int) {
			reduced[j] = int32(p)
			j--
		})
		for i := range m {
			sa[i] = reduced[sa[i]]
		}
	}
	settle(text, sa[:n], bucket, m)
	induce(text, sa[:n], bucket)
}

// eachStart calls f with the start of each leftmost S symbol, from the end down:
// one that is smaller than what follows, after one that is larger.
func eachStart[T symbol](text []T, f func(p int)) {
	after, smaller := text[len(text)-1], false
	for i := len(text) - 2; i >= 0; i-- {
		c := text[i]
		if c < after || c == after && smaller {
			smaller = true
		} else if smaller {
			f(i + 1)
			smaller = false
		}
		after = c
	}
}

// starts sets bucket to where the suffixes of each first symbol begin, ends to
// where they end.
func starts[T symbol](text []T, bucket []int32) {
	clear(bucket)
	for _, c := range text {
		bucket[c]++
	}
	sum := int32(0)
	for i, n := range bucket {
		bucket[i] = sum
		sum += n
	}
}

func ends[T symbol](text []T, bucket []int32) {
	starts(text, bucket)
	copy(bucket, bucket[1:])
	bucket[len(bucket)-1] = int32(len(text))
}

// sortPieces sorts the pieces between leftmost S symbols into sa[:m].
func sortPieces[T symbol](text []T, sa, bucket []int32) (m int) {
	ends(text, bucket)
	clear(sa)
	eachStart(text, func(p int) {
		bucket[text[p]]--
		sa[bucket[text[p]]] = int32(p)
	})
	induce(text, sa, bucket)
	for _, v := range sa {
		p := int(v)
		if p == 0 || text[p-1] <= text[p] {
			continue
		}
		c, j := text[p], p+1
		for j < len(text) && text[j] == c {
			j++
		}
		if j < len(text) && c < text[j] {
			sa[m] = v
			m++
		}
	}
	return m
}

// namePieces gives the sorted pieces numbers from 1, equal ones the same, and
// leaves them in sa[m:] in the order of the text, zeros between. It returns
// how many there are.
func namePieces[T symbol](text []T, sa []int32, m int) (name int) {
	n := len(text)
	lengths := sa[m : m+n/2]
	clear(lengths)
	next := n
	eachStart(text, func(p int) {
		lengths[p>>1] = int32(next - p)
		next = p
	})
	before, beforeLen := n, 0
	for _, v := range sa[:m] {
		p, length := int(v), int(lengths[v>>1])
		if length != beforeLen || !equal(text[p:p+length], text[before:before+length]) {
			name++
			before, beforeLen = p, length
		}
		lengths[p>>1] = int32(name)
	}
	return name
}

func equal[T symbol](a, b []T) bool {
	for i, c := range a {
		if c != b[i] {
			return false
		}
	}
	return true
}

// settle puts the sorted starts in sa[:m] at the ends of their buckets.
func settle[T symbol](text []T, sa, bucket []int32, m int) {
	ends(text, bucket)
	clear(sa[m:])
	for i := m - 1; i >= 0; i-- {
		p := sa[i]
		sa[i] = 0
		bucket[text[p]]--
		sa[bucket[text[p]]] = p
	}
}

// induce derives the order of all suffixes from that of the starts in sa.
// A negative item, the complement, has no suffix before it to derive in this pass.
func induce[T symbol](text []T, sa, bucket []int32) {
	starts(text, bucket)
	last := int32(len(text) - 1)
	c := text[last]
	b := bucket[c]
	sa[b] = mark(last, last > 0 && text[max(last-1, 0)] < c)
	b++
	for i := range sa {
		j := sa[i]
		sa[i] = ^j
		if j <= 0 {
			continue
		}
		j--
		if d := text[j]; d != c {
			bucket[c] = b
			c, b = d, bucket[d]
		}
		sa[b] = mark(j, j > 0 && text[max(j-1, 0)] < c)
		b++
	}
	induceSmaller(text, sa, bucket)
}

func induceSmaller[T symbol](text []T, sa, bucket []int32) {
	ends(text, bucket)
	c := T(0)
	b := bucket[c]
	for i := len(sa) - 1; i >= 0; i-- {
		j := sa[i]
		if j <= 0 {
			sa[i] = ^j
			continue
		}
		j--
		if d := text[j]; d != c {
			bucket[c] = b
			c, b = d, bucket[d]
		}
		b--
		sa[b] = mark(j, j == 0 || text[max(j-1, 0)] > c)
	}
}

func mark(p int32, done bool) int32 {
	if done {
		return ^p
	}
	return p
}
