package apply

import (
	"strings"
	"testing"

	"packlift/internal/fault"
	"packlift/internal/manifest"
)

// TestCustomizedNote: what is noted is hostile input like all that lies in the pack; it
// may say of a path how it is, a link that leads anywhere too, and no more.
func TestCustomizedNote(t *testing.T) {
	p := newPack(t, tree{"a": file("a")}, 3)
	d := manifest.Sum([]byte("level"))
	put := func(text string) {
		t.Helper()
		must(t, p.Root().MkdirAll(customizedDir, 0o700))
		must(t, p.Root().WriteFile(customizedName(d), []byte(text), 0o600))
	}
	if list, err := readCustomized(p.Root(), d); list != nil || err != nil {
		t.Errorf("without a note: %v, %v", list, err)
	}
	for _, text := range []string{"", "{", `{"customized":2,"paths":[]}`, `{"customized":1,"paths":[{"path":"../a","as":"merged","is":null}]}`,
		`{"customized":1,"paths":[{"path":"updates/product.txt","as":"merged","is":null}]}`, `{"customized":1,"paths":[{"path":"a","as":"preserved","is":null}]}`} {
		put(text)
		if _, err := readCustomized(p.Root(), d); fault.ClassOf(err) != fault.Differs || !strings.Contains(fault.HintOf(err), "move it aside") {
			t.Errorf("%q: %v", text, err)
		}
	}
	put(`{"customized":1,"paths":[{"path":"a","as":"decided","is":{"type":"symlink","target":"/etc/a"}},{"path":"gone","as":"decided","is":null}]}`)
	list, err := readCustomized(p.Root(), d)
	must(t, err)
	for _, c := range []struct {
		path string
		now  *manifest.Entry
		fits bool
	}{
		{"a", &manifest.Entry{Path: "a", Type: manifest.Symlink, Target: "/etc/a"}, true},
		{"a", &manifest.Entry{Path: "a", Type: manifest.Symlink, Target: "/etc/b"}, false},
		{"a", nil, false}, {"gone", nil, true}, {"gone", &manifest.Entry{Path: "gone", Type: manifest.Dir, Mode: 0o755}, false},
	} {
		if got := list[c.path].fits(c.now); got != c.fits {
			t.Errorf("%s, %+v: %v", c.path, c.now, got)
		}
	}
}
