package apply

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"packlift/internal/fault"
	"packlift/internal/manifest"
)

const noCache = -1

// What the plan read of a base is what a delta is told from: the file is not read
// again. One that does not fit is.
func TestBaseIsReadOnce(t *testing.T) {
	for cache, once := range map[int64]bool{cacheMost: true, 100: false, noCache: false} {
		f, old, now := renamed(t)
		p := newPack(t, old, 3)
		o := testOptions().withDefaults()
		o.cache = cache
		pl, err := f.plan(p, o)
		must(t, err)
		must(t, os.Remove(filepath.Join(p.Dir(), "app-1.jar")))
		s := newStager(p, pl, o)
		must(t, s.makePlaces())
		err = s.contents(context.Background(), &fakeBlobs{f: f})
		if !once && fault.ClassOf(err) != fault.Conflict {
			t.Errorf("cache of %d bytes: class %v, %v", cache, fault.ClassOf(err), err)
		}
		if once {
			must(t, err)
			data, err := os.ReadFile(filepath.Join(p.Dir(), filepath.FromSlash(opOf(t, pl.ops, "app-2.jar").New)))
			if must(t, err); string(data) != now["app-2.jar"].text {
				t.Errorf("staged %.40q…", data)
			}
		}
		must(t, s.drop())
	}
}

// Room is for what is looked out for, as long as there is some, and once for each
// content. A file that is not what was expected, or of another size, is hashed as it
// is and takes none.
func TestBaseCache(t *testing.T) {
	a, b, own := strings.Repeat("a", 400), strings.Repeat("b", 400), strings.Repeat("o", 400)
	p := newPack(t, tree{"a": file(a), "again": file(a), "b": file(b), "own": file(own), "long": file(a + b)}, 3)
	item := manifest.Content{Delta: true, Bases: []manifest.Digest{manifest.Sum([]byte(a)), manifest.Sum([]byte(b))}}
	c := newBaseCache(newContentIndex([]manifest.Content{item}), 700)
	for _, x := range []struct {
		path, data, expected string
		left                 int64
	}{
		{"own", own, a, 700},       // customized
		{"own", own, own, 700},     // not a base
		{"long", a + b, a, 700},    // grew since it was looked at
		{"a", a, a, 300},           //
		{"again", a, a, 300},       // is there
		{"b", b, b, 300},           // no room
		{"again", a, a + "x", 300}, // nobody's
	} {
		sum, err := c.hash(p.Root(), x.path, 400, manifest.Sum([]byte(x.expected)))
		if must(t, err); sum != manifest.Sum([]byte(x.data)) || c.left != x.left {
			t.Errorf("%s for %.3s: %v, %d bytes left, want %d", x.path, x.expected, sum, c.left, x.left)
		}
	}
	if got := string(c.get(manifest.Sum([]byte(a)))); got != a || c.get(manifest.Sum([]byte(b))) != nil || c.get(manifest.Sum([]byte(own))) != nil {
		t.Errorf("holds %d bytes of a, %d of b", len(got), len(c.get(manifest.Sum([]byte(b)))))
	}
	if _, err := c.hash(p.Root(), "gone", 400, manifest.Sum([]byte(b))); !absent(err) || c.left != 300 {
		t.Errorf("%v, %d bytes left", err, c.left)
	}
}
