package fetch

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"packlift/internal/fault"
	"packlift/internal/manifest"
	"packlift/internal/rootfs"
)

// DefaultCacheMax is what the cache keeps from one run to the next, in bytes.
const DefaultCacheMax = 10 << 30

const (
	partials   = "partial"
	oldPartial = 7 * 24 * time.Hour
	heldPause  = 200 * time.Millisecond
)

// DefaultCache is the user's own cache folder for objects.
func DefaultCache() (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fault.New(fault.Usage, "there is no cache folder for this user: %w", err).WithHint("give one with --cache DIR")
	}
	return filepath.Join(dir, "packlift", "objects"), nil
}

// cache is a folder of objects by digest: ab/<digest>, and partial/<digest> for those on their way.
// What this run has used stays; what others have is removed, the longest unused
// first, where it would be more than max.
type cache struct {
	root *rootfs.Root
	max  int64
	log  func(string, ...any)

	mu    sync.Mutex
	used  map[string]fs.FileInfo // names that this run has used, with the file where it was compared
	total int64
}

func openCache(dir string, max int64, log func(string, ...any)) (*cache, error) {
	if dir == "" {
		var err error
		if dir, err = DefaultCache(); err != nil {
			return nil, err
		}
	}
	root, err := rootfs.MkdirAllOpen(dir, 0o700)
	if err == nil {
		err = root.MkdirAll(partials, 0o700)
	}
	if err != nil {
		return nil, noCache(err)
	}
	c := &cache{root: root, max: max, log: log, used: map[string]fs.FileInfo{}}
	_, err = c.shrink(0)
	return c, err
}

// noCache says of an error of the cache's folder what to do.
func noCache(err error) error {
	if isNoSpace(err) {
		return fault.New(fault.NoSpace, "the cache: %w", err).WithHint("free space there, or give a folder on another file system with --cache DIR")
	}
	return fault.New(fault.General, "the cache cannot be used: %w", err).WithHint("give a folder that you may write to with --cache DIR")
}

func place(d manifest.Digest) string {
	s := d.String()
	return path.Join(s[:2], s)
}

// open gives the entry of an object, compared with its digest; nil where there
// is none, or none that is as it should be.
func (c *cache) open(ctx context.Context, want Want) (Object, error) {
	name := place(want.SHA256)
	f, err := c.root.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, c.drop(name, err)
	}
	info, err := f.Stat()
	if err == nil && info.Size() != want.Size {
		err = errors.New("its length differs")
	}
	o := newObject(c.root.Full(name), f, want, err == nil && c.same(name, info))
	if err == nil {
		err = o.ensureChecked(ctx)
	}
	if err != nil {
		f.Close()
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, c.drop(name, err)
	}
	c.use(name, info)
	return o, nil
}

// same reports whether this run has compared this very file before.
func (c *cache) same(name string, now fs.FileInfo) bool {
	c.mu.Lock()
	before := c.used[name]
	c.mu.Unlock()
	return before != nil && os.SameFile(before, now) && before.Size() == now.Size()
}

func (c *cache) use(name string, info fs.FileInfo) {
	c.mu.Lock()
	c.used[name] = info
	c.mu.Unlock()
	_ = c.root.Chtimes(name, time.Now()) // it only says what was used last
}

// drop removes an entry that is not what its name says.
func (c *cache) drop(name string, why error) error {
	c.log("cache: %s is damaged and is fetched anew: %s", c.root.Full(name), why)
	if err := c.root.RemoveAll(name); err != nil {
		return noCache(err)
	}
	return nil
}

// begin gives the place where an object comes to be, alone; nil if another run
// has brought it meanwhile.
func (c *cache) begin(ctx context.Context, want Want) (*partial, error) {
	name := path.Join(partials, want.SHA256.String())
	for waiting := false; ; waiting = true {
		f, err := c.root.HoldFile(name, 0o600)
		if errors.Is(err, rootfs.ErrNoHold) {
			name = path.Join(partials, rootfs.TempPrefix+want.SHA256.String())
			f, err = c.alone(name)
		}
		there, existsErr := c.root.Exists(place(want.SHA256))
		switch {
		case existsErr != nil || err != nil && !errors.Is(err, rootfs.ErrHeld):
			closeFile(f)
			return nil, noCache(errors.Join(err, existsErr))
		case there:
			closeFile(f)
			return nil, nil
		case err == nil:
			return newPartial(ctx, c, name, f, want)
		case !waiting:
			c.log("cache: another run fetches %s: waiting for it", want.Name)
		}
		if err := sleep(ctx, heldPause); err != nil {
			return nil, err
		}
	}
}

// alone begins anew what a file system that holds no files cannot share.
func (c *cache) alone(name string) (*rootfs.File, error) {
	if err := c.root.RemoveAll(name); err != nil {
		return nil, err
	}
	return c.root.Create(name, 0o600)
}

func closeFile(f *rootfs.File) {
	if f != nil {
		f.Close()
	}
}

// keep puts a whole, checked partial under its name. Another run may have done
// it at the same moment.
func (c *cache) keep(p *partial) error {
	name := place(p.want.SHA256)
	info, err := p.file.Stat()
	if err := errors.Join(err, p.file.Close()); err != nil {
		return noCache(err)
	}
	err = c.root.MkdirAll(path.Dir(name), 0o700)
	if err == nil {
		err = c.root.Rename(p.name, name)
	}
	if there, existsErr := c.root.Exists(name); err != nil && (existsErr != nil || !there) {
		return noCache(err)
	}
	c.use(name, info)
	c.mu.Lock()
	c.total += p.want.Size
	over := c.total > c.max
	c.mu.Unlock()
	if over {
		_, err = c.shrink(0)
		return err
	}
	return nil
}

// entry is a file of the cache.
type entry struct {
	name string
	size int64
	time time.Time
}

// shrink brings the cache to its size, and by extra bytes more, as far as other
// runs' files allow. It returns how many bytes went.
func (c *cache) shrink(extra int64) (freed int64, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	list, err := c.list()
	if err != nil {
		return 0, noCache(err)
	}
	c.total = 0
	for _, e := range list {
		c.total += e.size
	}
	aim := c.total - extra
	if c.total > c.max {
		aim = min(aim, c.max-c.max/10)
	}
	slices.SortFunc(list, func(a, b entry) int { return a.time.Compare(b.time) })
	for _, e := range list {
		if c.total <= aim {
			break
		}
		if _, used := c.used[e.name]; used || !c.remove(e) {
			continue
		}
		c.total -= e.size
		freed += e.size
	}
	if freed > 0 {
		c.log("cache: %d bytes that were not used for the longest time are removed", freed)
	}
	return freed, nil
}

// remove removes an entry; a partial one only if no run is at it.
func (c *cache) remove(e entry) bool {
	if path.Dir(e.name) != partials {
		return c.root.Remove(e.name) == nil
	}
	f, err := c.root.HoldFile(e.name, 0o600)
	if err != nil {
		return false
	}
	defer f.Close()
	return c.root.Remove(e.name) == nil
}

// list lists the entries, and removes partial ones that nobody has gone on with
// for long.
func (c *cache) list() ([]entry, error) {
	dirs, err := c.root.ReadDir(".")
	if err != nil {
		return nil, err
	}
	var out []entry
	for _, d := range dirs {
		if !d.IsDir() || d.Name() != partials && len(d.Name()) != 2 {
			continue // nothing of the cache's
		}
		files, err := c.root.ReadDir(d.Name())
		if err != nil {
			return nil, err
		}
		for _, f := range files {
			e, ok := c.entry(path.Join(d.Name(), f.Name()))
			if ok {
				out = append(out, e)
			}
		}
	}
	return out, nil
}

func (c *cache) entry(name string) (entry, bool) {
	digest := strings.TrimPrefix(path.Base(name), rootfs.TempPrefix)
	if _, err := manifest.ParseDigest(digest); err != nil {
		return entry{}, false
	}
	info, err := c.root.Lstat(name)
	if err != nil || !info.Mode().IsRegular() {
		return entry{}, false
	}
	e := entry{name, info.Size(), info.ModTime()}
	if path.Dir(name) == partials && time.Since(e.time) > oldPartial && c.remove(e) {
		return entry{}, false
	}
	return e, true
}

// full says that the disk takes no more, after all was removed that can be.
func (c *cache) full(err error) error {
	return fault.New(fault.NoSpace, "the cache %s: %w", c.root.Path(), err).
		WithHint("free space there, or give a folder on another file system with --cache DIR")
}

// sleep waits, at most until ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return fmt.Errorf("waiting: %w", context.Cause(ctx))
	case <-t.C:
		return nil
	}
}
