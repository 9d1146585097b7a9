//go:build realpacks && unix

package delta

import (
	"bytes"
	"crypto/sha256"
	"io"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// peak is the most heap that f had in use beside what was there before, in MiB.
func peak(f func()) int64 {
	debug.SetGCPercent(20)
	defer debug.SetGCPercent(100)
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	before := int64(m.HeapAlloc)
	var most atomic.Int64
	stop := make(chan struct{})
	var wait sync.WaitGroup
	wait.Add(1)
	go func() {
		defer wait.Done()
		for {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			most.Store(max(most.Load(), int64(m.HeapAlloc)-before))
			select {
			case <-stop:
				return
			case <-time.After(10 * time.Millisecond):
			}
		}
	}()
	f()
	close(stop)
	wait.Wait()
	return most.Load() >> 20
}

// vast is a content of which no byte is kept: pages of noise by number.
type vast struct {
	pages []uint64 // the number of each page's noise
	shift map[int]int
}

const vastPage = 64 << 10

func (v *vast) ReadAt(p []byte, off int64) (int, error) {
	done := 0
	for done < len(p) {
		n, at := off/vastPage, int(off%vastPage)
		if n >= int64(len(v.pages)) {
			return done, io.EOF
		}
		page := noise(v.pages[n], vastPage)
		if k, ok := v.shift[int(n)]; ok {
			copy(page[k:k+100], bytes.Repeat([]byte{byte(k)}, 100))
		}
		k := copy(p[done:], page[at:])
		done += k
		off += int64(k)
	}
	return done, nil
}

func (v *vast) blob(t *testing.T) Blob {
	size := int64(len(v.pages)) * vastPage
	h := sha256.New()
	if _, err := io.Copy(h, io.NewSectionReader(v, 0, size)); err != nil {
		t.Fatal(err)
	}
	return Blob{Content{size, [32]byte(h.Sum(nil))}, v}
}

// TestGigabyte: memory does not follow the size.
func TestGigabyte(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	old, new := &vast{}, &vast{shift: map[int]int{}}
	for i := range 1 << 30 / vastPage {
		old.pages = append(old.pages, uint64(i))
		if r.IntN(100) > 0 {
			new.pages = append(new.pages, uint64(i))
		}
		if r.IntN(50) == 0 {
			new.pages = append(new.pages, uint64(50000+i%10000))
		}
		if r.IntN(4) == 0 {
			new.shift[i] = r.IntN(vastPage - 100)
		}
	}
	base, blob := old.blob(t), new.blob(t)
	var d *Delta
	start := cpu()
	made := peak(func() {
		var err error
		if d, err = Make(blob, []Blob{base}, Options{}); err != nil {
			t.Fatal(err)
		}
	})
	took := cpu() - start
	start = cpu()
	applied := peak(func() {
		if err := d.Apply(io.Discard, []io.ReaderAt{base.Data}); err != nil {
			t.Fatal(err)
		}
	})
	t.Logf("%d bytes from %d: a delta of %d; made in %s CPU and %d MiB, applied in %s and %d MiB", blob.Size, base.Size, d.Size(), took, made, cpu()-start, applied)
	if made > 512+64 || applied > 64 {
		t.Error("too much memory")
	}
}
