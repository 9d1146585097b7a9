package delta

import (
	"bytes"
	"io"
	"runtime"
	"sync"

	"packlift/bundle/delta/deflate"
	"packlift/bundle/delta/zipfile"
)

// Entries are deflated ahead of their turn, on all cores: their plain bytes are
// made one after the other, which is quick, and packed at the same time.
const (
	aheadSize = 2 << 20 // plain bytes of an entry, at most
	aheadMost = 8 << 20 // memory of all that wait
	aheadRow  = 256     // entries that wait
)

// packers are deflate.Writers to be used again; as many work at once as there
// are cores.
type packers struct {
	mu    sync.Mutex
	idle  []*deflate.Writer
	slots chan struct{}
}

func newPackers() *packers { return &packers{slots: make(chan struct{}, runtime.GOMAXPROCS(0))} }

func (k *packers) take(w io.Writer, setting int) (*deflate.Writer, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if n := len(k.idle); n > 0 {
		x := k.idle[n-1]
		k.idle = k.idle[:n-1]
		return x, x.Reset(w, zipfile.Setting(setting))
	}
	return deflate.NewWriter(w, zipfile.Setting(setting))
}

func (k *packers) free(x *deflate.Writer) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.idle = append(k.idle, x)
}

// lend is a deflate.Lend. A core goes to an entry that waits for one before it goes on helping.
func (k *packers) lend(work func(*deflate.Writer) bool) bool {
	if !k.seize() {
		return false
	}
	x, err := k.take(io.Discard, 0)
	if err != nil {
		<-k.slots
		return false
	}
	go k.help(x, work)
	return true
}

// help works until there is nothing to do or somebody waits for the core.
func (k *packers) help(x *deflate.Writer, work func(*deflate.Writer) bool) {
	for more := true; more; {
		more = work(x)
		<-k.slots
		more = more && k.seize()
	}
	k.free(x)
}

// seize takes a core if one is free and nobody waits.
func (k *packers) seize() bool {
	select {
	case k.slots <- struct{}{}:
		return true
	default:
		return false
	}
}

// pack deflates all of plain, a large one on all cores that are free.
func (k *packers) pack(plain []byte, setting int) ([]byte, error) {
	k.slots <- struct{}{}
	defer func() { <-k.slots }()
	var out bytes.Buffer
	x, err := k.take(&out, setting)
	if err != nil {
		return nil, err
	}
	defer k.free(x)
	err = x.Pack(plain, k.lend)
	return out.Bytes(), err
}

// ahead is an entry that waits for its turn.
type ahead struct {
	e      *zipfile.Entry
	p      zipfile.Plan
	from   *item // its data stands there, or
	packed []byte
	facts  zipfile.Facts
	err    error
	cost   int64
	counts bool          // its cost is counted memory
	ready  chan struct{} // closed once packed is there
}

// row are entries in the order of the file. What is counted is what a reader counts that
// writes all that waits when there is no more room, which is what the limit of a delta's
// memory was made with; here no more is written then than makes room, so that there is
// always something to deflate.
type row struct {
	waiting []*ahead
	cost    int64 // of all that wait
	counted int64
}

// wait is for a row that is given up.
func (r *row) wait() {
	for _, x := range r.waiting {
		<-x.ready
	}
}

// aheadEntry makes the content of an entry and has it deflated.
func (z *unzipper) aheadEntry(e *zipfile.Entry, p zipfile.Plan, size int64) error {
	if int(p.Mode-modeDeflate) >= zipfile.Settings {
		return errMode
	}
	cost := 2*size + size/512 + 1024
	if err := z.room(cost); err != nil {
		return err
	}
	content := bytes.NewBuffer(make([]byte, 0, size))
	out := &sink{w: content, left: size, sum: true}
	if err := z.node(out, size, z.depth+1); err != nil {
		return err
	}
	if out.left > 0 {
		return errShorter
	}
	x := &ahead{e: e, p: p, cost: cost, counts: true, ready: make(chan struct{})}
	x.facts.CRC, x.facts.Plain = out.crc, size
	go func() {
		defer close(x.ready)
		x.packed, x.err = z.packers.pack(content.Bytes(), int(p.Mode-modeDeflate))
		x.facts.Length = int64(len(x.packed))
	}()
	return z.queue(x)
}

// room counts what an entry costs that is to wait.
func (z *unzipper) room(cost int64) error {
	if z.row.counted+cost > aheadMost || z.take(cost) != nil {
		for _, x := range z.row.waiting {
			x.counts = false
		}
		z.used -= z.row.counted
		z.row.counted = 0
		if err := z.take(cost); err != nil {
			return err
		}
	}
	for len(z.row.waiting) > 0 && z.row.cost+cost > aheadMost {
		if err := z.first(); err != nil {
			return err
		}
	}
	z.row.counted += cost
	z.row.cost += cost
	return nil
}

// queue lets an entry wait, and the first ones go if too many do.
func (z *unzipper) queue(x *ahead) error {
	z.row.waiting = append(z.row.waiting, x)
	for len(z.row.waiting) > aheadRow || len(z.row.waiting) > 0 && z.row.waiting[0].from != nil {
		if err := z.first(); err != nil {
			return err
		}
	}
	return nil
}

// drain writes all that waits.
func (z *unzipper) drain() error {
	for len(z.row.waiting) > 0 {
		if err := z.first(); err != nil {
			return err
		}
	}
	return nil
}

// first writes the first entry that waits.
func (z *unzipper) first() error {
	x := z.row.waiting[0]
	<-x.ready
	if x.err != nil {
		return x.err
	}
	z.row.waiting[0] = nil
	z.row.waiting = z.row.waiting[1:]
	z.row.cost -= x.cost
	if x.counts {
		z.row.counted -= x.cost
		z.used -= x.cost
	}
	x.e.At = z.out.n
	if _, err := z.out.Write(x.e.Settle(x.p, x.facts)); err != nil {
		return err
	}
	if x.from != nil {
		if err := z.copied(z.out, x.from); err != nil {
			return err
		}
	} else if _, err := z.out.Write(x.packed); err != nil {
		return err
	}
	_, err := z.out.Write(x.e.After(x.facts))
	return err
}
