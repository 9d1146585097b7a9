package lzma2

import (
	"encoding/binary"
	"math/bits"
)

// tree finds matches in buf through a binary tree of all earlier positions for
// each hash of four bytes, sorted by what follows them (BT4; lz_encoder_mf.c of
// liblzma). Positions are stored plus one, 0 is none.
type tree struct {
	buf     []byte
	last    int // where the last match was found
	next    int // the first position that is not in the tree
	hash2   []uint32
	hash3   []uint32
	hash4   []uint32
	shift   int      // of a hash, to an index of hash4
	sons    []uint32 // two for each position: what sorts below it, and above
	matches []match
}

const (
	treeNice  = 128 // a match this long is taken at once
	treeDepth = 64  // nodes looked at for one position
	treeSkip  = 16  // where a long match is taken
	treeLeast = 4   // in noise
	treeBits  = 22  // of hash4's index; fewer for a smaller buffer
)

func (t *tree) reset(buf []byte) {
	if t.hash2 == nil {
		t.hash2, t.hash3 = make([]uint32, 1<<hash2Bits), make([]uint32, 1<<hash3Bits)
	}
	size := bits.Len(uint(max(len(buf), 1<<10) - 1))
	index := min(size, treeBits)
	t.hash4, t.shift = room(t.hash4, 1<<index), 32-index
	if len(t.sons) < 2*len(buf) {
		t.sons = nil // the larger one may take its memory
		t.sons = make([]uint32, 2<<size)
	}
	clear(t.hash2)
	clear(t.hash3)
	clear(t.hash4)
	t.buf, t.next, t.last = buf, 0, 0
}

// room is n numbers, in the memory of old where they fit.
func room(old []uint32, n int) []uint32 {
	if cap(old) < n {
		return make([]uint32, n)
	}
	return old[:n]
}

// heads are the last positions before pos with the same two, three and four bytes.
func (t *tree) heads(pos int) (p2, p3, p4 int) {
	v := binary.LittleEndian.Uint32(t.buf[pos:])
	h2, h3, h4 := v&(1<<hash2Bits-1), v<<8*0x9E3779B1>>(32-hash3Bits), v*0x9E3779B1>>t.shift
	p2, p3, p4 = int(t.hash2[h2])-1, int(t.hash3[h3])-1, int(t.hash4[h4])-1
	at := uint32(pos + 1)
	t.hash2[h2], t.hash3[h3], t.hash4[h4] = at, at, at
	return p2, p3, p4
}

// skip puts the next n positions into the tree.
func (t *tree) skip(n int) {
	t.last = t.next + n // what is skipped is in a match
	for end := t.last; t.next < end; t.next++ {
		if limit := min(treeNice, len(t.buf)-t.next); limit >= 4 {
			_, _, p4 := t.heads(t.next)
			t.descend(t.next, p4, limit, maxMatch, treeSkip)
		}
	}
}

// find gives the matches at the next position, each longer than the one before
// and the nearest of its length, and puts the position into the tree.
func (t *tree) find() []match {
	pos := t.next
	t.next++
	t.matches = t.matches[:0]
	limit := min(treeNice, len(t.buf)-pos)
	if limit < 4 {
		return nil
	}
	p2, p3, p4 := t.heads(pos)
	best := 1
	if p2 >= 0 && pos-p2 <= near2 {
		best = t.try(pos, p2, best, limit)
	}
	if p3 >= 0 && p3 != p2 && pos-p3 <= near3 {
		best = t.try(pos, p3, best, limit)
	}
	t.descend(pos, p4, limit, best, treeDepth)
	if longest(t.matches) >= noiseBreak {
		t.last = pos
	}
	if k := len(t.matches); k > 0 && t.matches[k-1].n == treeNice {
		m := &t.matches[k-1]
		m.n += common(t.buf[pos+m.n-int(m.dist)-1:], t.buf[pos+m.n:min(len(t.buf), pos+maxMatch)])
	}
	return t.matches
}

func (t *tree) try(pos, at, best, limit int) int {
	if n := common(t.buf[at:], t.buf[pos:pos+limit]); n > best {
		t.matches = append(t.matches, match{n, uint32(pos - at - 1)})
		return n
	}
	return best
}

// descend goes down the tree whose top is at, puts pos in its place and notes
// matches longer than best.
func (t *tree) descend(pos, at, limit, best, depth int) {
	buf, sons := t.buf, t.sons
	below, above := 2*pos, 2*pos+1 // where what sorts below and above pos is hung
	lenBelow, lenAbove := 0, 0
	here := buf[pos : pos+limit]
	for range max(treeLeast, depth>>min(max(0, pos-t.last)/noiseRun, 8)) {
		if at < 0 {
			break
		}
		n := min(lenBelow, lenAbove)
		n += common(buf[at+n:], here[n:])
		if n > best {
			best = n
			t.matches = append(t.matches, match{n, uint32(pos - at - 1)})
		}
		if n == limit {
			sons[below], sons[above] = sons[2*at], sons[2*at+1]
			return
		}
		if buf[at+n] < here[n] {
			sons[below] = uint32(at + 1)
			below, lenBelow = 2*at+1, n
			at = int(sons[below]) - 1
		} else {
			sons[above] = uint32(at + 1)
			above, lenAbove = 2*at, n
			at = int(sons[above]) - 1
		}
	}
	sons[below], sons[above] = 0, 0
}
