package apply

import (
	"io"
	"sync"

	"packlift/internal/manifest"
	"packlift/internal/pack"
	"packlift/internal/rootfs"
)

// What of the old files a plan holds in memory, in bytes, and how many contents
// it looks out for.
const (
	cacheMost  = 24 << 20
	cacheFiles = 16 << 10
)

// baseCache holds old contents that deltas are told from, as the plan read them to
// hash them: a file that fits is read once, and what a delta takes of it is what
// was judged. Those that do not fit are read again. A nil one holds nothing.
type baseCache struct {
	mu   sync.Mutex
	left int64                      // bytes that may come yet
	data map[manifest.Digest][]byte // of what is looked out for; nil: not read
}

// cacheFor is nil where contents lie staged: few deltas are made then, or none.
func cacheFor(root *rootfs.Root, contents *contentIndex, o Options) (*baseCache, error) {
	if staged, err := exists(root, stagedDir); err != nil || staged {
		return nil, err
	}
	return newBaseCache(contents, o.withDefaults().cache), nil
}

// newBaseCache looks out for the first bases of the bundle's deltas.
func newBaseCache(contents *contentIndex, most int64) *baseCache {
	c := &baseCache{left: most, data: map[manifest.Digest][]byte{}}
	for i := range contents.items {
		for _, d := range contents.items[i].Bases {
			if len(c.data) == cacheFiles {
				return c
			}
			c.data[d] = nil
		}
	}
	return c
}

// hash is hashAt of the file at p, which has size bytes and is probably d.
func (c *baseCache) hash(root *rootfs.Root, p string, size int64, d manifest.Digest) (manifest.Digest, error) {
	if !c.reserve(d, size) {
		sum, _, err := hashAt(root, p)
		return sum, err
	}
	f, err := root.Open(p)
	if err != nil {
		return manifest.Digest{}, err
	}
	defer f.Close()
	held := &limitedBuffer{left: int(size), data: make([]byte, 0, size)}
	sum, n, err := pack.HashFile(io.TeeReader(f, held))
	if n != size || err != nil { // changed in this moment
		c.giveBack(size)
		return sum, err
	}
	c.put(d, sum, held.data)
	return sum, nil
}

// reserve takes room for d if it is looked out for, and not there.
func (c *baseCache) reserve(d manifest.Digest, size int64) bool {
	if c == nil {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if data, wanted := c.data[d]; !wanted || data != nil || size > c.left {
		return false
	}
	c.left -= size
	return true
}

func (c *baseCache) giveBack(size int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.left += size
}

// put takes what was read for d, if it is d, and gives the room back if not.
func (c *baseCache) put(d, sum manifest.Digest, data []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if sum != d || c.data[d] != nil {
		c.left += int64(len(data))
		return
	}
	c.data[d] = data
}

// get is the content d, nil if it is not there.
func (c *baseCache) get(d manifest.Digest) []byte {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.data[d]
}

// limitedBuffer holds the first bytes of what is written.
type limitedBuffer struct {
	left int
	data []byte
}

func (b *limitedBuffer) Write(p []byte) (int, error) {
	n := min(len(p), b.left)
	b.data, b.left = append(b.data, p[:n]...), b.left-n
	return len(p), nil
}
