package delta

import (
	"runtime"
	"sync"
	"sync/atomic"

	"packlift/bundle/delta/bytediff"
	"packlift/bundle/delta/deflate"
	"packlift/bundle/delta/match"
	"packlift/bundle/delta/zipfile"
)

// What is found out of many contents apart from each other is found in rows, on
// all cores. A row does not depend on their number.
const (
	rowBytes = 16 << 20 // of the contents of a row of entries
	rowMost  = 4096     // contents of a row

	mostHands = 16 // more have nothing to do where rows end
)

// hand is what one core needs.
type hand struct {
	inflater
	packer zipfile.Packer
	bytes  bytediff.Maker
	buf    []byte
}

// hands are used row after row.
type hands []*hand

func newHands(jobs int) hands {
	if jobs <= 0 {
		jobs = runtime.GOMAXPROCS(0)
	}
	out := make(hands, min(jobs, mostHands))
	for i := range out {
		out[i] = &hand{}
	}
	return out
}

// each calls f for 0 to n-1, several at a time. Who has nothing to do helps to pack.
func (h hands) each(n int, f func(h *hand, i int)) {
	var next atomic.Int64
	var others sync.WaitGroup
	idle := make(chan *hand, len(h))
	work := func(h *hand) {
		h.packer.Lend = func(work func(*deflate.Writer) bool) bool { return lend(idle, &others, work) }
		for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
			f(h, i)
		}
		h.packer.Lend = nil
		idle <- h
	}
	busy := min(len(h), max(1, n))
	for _, x := range h[busy:] {
		idle <- x
	}
	for _, x := range h[1:busy] {
		others.Go(func() { work(x) })
	}
	work(h[0])
	others.Wait()
}

// lend is a deflate.Lend of hands that have nothing to do.
func lend(idle chan *hand, busy *sync.WaitGroup, work func(*deflate.Writer) bool) bool {
	select {
	case x := <-idle:
		busy.Go(func() {
			x.packer.Help(work)
			idle <- x
		})
		return true
	default:
		return false
	}
}

// rowOf is how many contents of n make the next row: most bytes, unless it is one.
func rowOf(n int, most int64, size func(i int) int64) int {
	k, sum := 0, int64(0)
	for k < min(n, rowMost) {
		if sum += size(k); sum > most && k > 0 {
			break
		}
		k++
	}
	return k
}

// seen is what was found out of an entry before its turn.
type seen struct {
	same    int64 // item with the same packed bytes, -1 for none
	content memory
	setting int
	sketch  match.Sketch
	err     error
}

// see gives what is known of the n-th entry, and looks at a row of those that follow it.
func (z *zipper) see(n int) *seen {
	if i := n - z.seenFrom; i < len(z.seen) {
		return &z.seen[i]
	}
	es := z.a.Entries[n:]
	es = es[:rowOf(len(es), rowBytes, func(i int) int64 { return max(0, es[i].Length) + max(0, min(es[i].Plain, MaxInside)) })]
	z.seen, z.seenFrom = make([]seen, len(es)), n
	z.hands.each(len(es), func(h *hand, i int) { z.seen[i] = z.look(h, &es[i]) })
	for i := range z.seen {
		if z.seen[i].content != nil {
			z.setting = z.seen[i].setting
		}
	}
	return &z.seen[0]
}

// look finds out all of an entry that does not depend on other entries.
func (z *zipper) look(h *hand, e *zipfile.Entry) (s seen) {
	s.same, s.err = z.same(e)
	if s.err != nil || s.same >= 0 || e.Local[zipfile.Method] == 0 {
		return s
	}
	s.content, s.setting, s.err = z.unpack(h, e)
	if len(s.content) >= leastSize {
		s.sketch = match.Of(s.content)
	}
	return s
}

// unpack inflates an entry if it can be packed again to the same bytes; nil if not.
func (z *zipper) unpack(h *hand, e *zipfile.Entry) (memory, int, error) {
	if e.Local[zipfile.Method] != zipfile.Deflated || e.Local[zipfile.Flags]&1 != 0 || e.Plain > MaxInside || e.Length > MaxInside {
		return nil, 0, nil
	}
	if int64(cap(h.buf)) < e.Length {
		h.buf = make([]byte, e.Length)
	}
	packed := h.buf[:e.Length]
	if err := readFull(z.in, packed, e.Data); err != nil {
		return nil, 0, err
	}
	content, err := h.inflate(&item{in: memory(packed), length: e.Length, plain: e.Plain})
	if err != nil {
		return nil, 0, nil // damaged, or not what its header says
	}
	setting, ok := h.packer.Find(content, packed, z.setting)
	if !ok {
		return nil, 0, nil
	}
	return content, setting, nil
}
