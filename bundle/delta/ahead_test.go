package delta

import (
	"bytes"
	"runtime"
	"sync"
	"testing"
	"time"

	"packlift/bundle/delta/zipfile"
)

// TestPackersShare: an entry that is alone is packed on the other cores too, and never by more
// at once than there are.
func TestPackersShare(t *testing.T) {
	large := text(1, aheadSize)
	want := zlibbed(large, zipfile.Setting(0).Level)
	for _, slots := range []int{1, 2, 4} {
		k := &packers{slots: make(chan struct{}, slots)}
		got, err := k.pack(large, 0)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d slots: another result, %v", slots, err)
		}
		least := min(slots, 2)
		for end := time.Now().Add(2 * time.Minute); k.writers() < least && time.Now().Before(end); {
			runtime.Gosched() // who came too late to help is still going
		}
		if n := k.writers(); n < least || n > slots {
			t.Errorf("%d slots: %d Writers", slots, n)
		}
	}
}

// writers are how many are idle.
func (k *packers) writers() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.idle)
}

// TestPackersMany: large and small ones at once.
func TestPackersMany(t *testing.T) {
	plain := [][]byte{text(1, aheadSize), noise(2, 1<<20), text(3, 1000), make([]byte, 1<<20), text(4, 400<<10)}
	k := &packers{slots: make(chan struct{}, 3)}
	var want [][]byte
	for _, p := range plain {
		want = append(want, zlibbed(p, zipfile.Setting(0).Level))
	}
	var all sync.WaitGroup
	for i := range 4 * len(plain) {
		all.Go(func() {
			i %= len(plain)
			if got, err := k.pack(plain[i], 0); err != nil || !bytes.Equal(got, want[i]) {
				t.Errorf("content %d: another result, %v", i, err)
			}
		})
	}
	all.Wait()
}
