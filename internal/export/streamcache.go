package export

import (
	"cmp"
	"crypto/sha256"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"packlift/bundle/xzpar"
	"packlift/internal/rootfs"
)

// A stream cache keeps so many packed streams, those used last: the importers of
// some releases for each platform.
const (
	mostStreams = 32
	mostStream  = sha256.Size + xzpar.StreamSize + xzpar.StreamSize/256 + 1024
)

// DefaultCache is the user's folder for packed importers, "" where there is none.
func DefaultCache() string {
	dir, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "packlift", "streams")
}

// streamCache is a folder of packed streams, each behind its own digest. It only
// saves time: whatever goes wrong with it, the streams are packed anew.
type streamCache struct{ root *rootfs.Root }

// openCache opens the folder dir, made where it is missing. It returns nil, which
// means none, where that cannot be.
func openCache(dir string) *streamCache {
	if dir == "" {
		return nil
	}
	root, err := rootfs.MkdirAllOpen(dir, 0o700)
	if err != nil {
		return nil
	}
	return &streamCache{root}
}

func (c *streamCache) Get(name string) []byte {
	b, err := c.root.ReadFile(name, mostStream)
	if err != nil || len(b) < sha256.Size || sha256.Sum256(b[sha256.Size:]) != [sha256.Size]byte(b) {
		return nil
	}
	_ = c.root.Chtimes(name, time.Now()) // it only says what was used last
	return b[sha256.Size:]
}

func (c *streamCache) Put(name string, stream []byte) {
	sum := sha256.Sum256(stream)
	_ = c.root.WriteFile(name, append(sum[:], stream...), 0o600)
}

// close leaves the streams that were used last.
func (c *streamCache) close() {
	if c == nil {
		return
	}
	defer c.root.Close()
	list, err := c.root.ReadDir(".")
	if err != nil || len(list) <= mostStreams {
		return
	}
	type file struct {
		name string
		time time.Time
	}
	var files []file
	for _, e := range list {
		if info, err := c.root.Lstat(e.Name()); err == nil && info.Mode()&fs.ModeType == 0 {
			files = append(files, file{e.Name(), info.ModTime()})
		}
	}
	slices.SortFunc(files, func(a, b file) int { return cmp.Or(b.time.Compare(a.time), cmp.Compare(a.name, b.name)) })
	for _, f := range files[min(mostStreams, len(files)):] {
		_ = c.root.Remove(f.name)
	}
}
