//go:build failpoint && linux

package apply

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"packlift/internal/pack"
)

// TestAdoptingFails: a heal that brings the manifest as well, ended at any effect by a
// kill or a full disk, leaves the damaged pack without it or the healed one with it.
func TestAdoptingFails(t *testing.T) {
	work := scratch(t)
	lay := func(dir string) { must(t, initPack(t, dir, adoptDamaged, 3).Close()) }
	probe, list := filepath.Join(work, "probe"), filepath.Join(work, "list")
	lay(probe)
	if out, err := waitHelper("adopt", probe, "count:"+list); err != nil {
		t.Fatal(err, out)
	}
	b, err := os.ReadFile(list)
	must(t, err)
	points := strings.Split(strings.TrimSpace(string(b)), "\n")
	if len(points) < 30 {
		t.Fatalf("only %d points", len(points))
	}
	each(2*len(points), func(i int) {
		n, how := (i+1)/2, []string{"kill:%d", "errno:%d:ENOSPC"}[i%2]
		dir := filepath.Join(work, fmt.Sprint(i))
		lay(dir)
		waitHelper("adopt", dir, fmt.Sprintf(how, n))
		what := fmt.Sprintf(how+", %s", n, points[n-1])
		adopted(t, what, dir, false)
		if out, err := waitHelper("adopt", dir, ""); err != nil {
			t.Errorf("%s: once more: %v %s", what, err, out)
		}
		adopted(t, what+", once more", dir, true)
		must(t, os.RemoveAll(dir))
	})
	t.Logf("%d points, each killed and on a full disk", len(points))
}

// adopted looks at the pack after a recovery: one thing or the other, or the new one.
func adopted(t *testing.T, what, dir string, done bool) {
	if out, err := waitHelper("recover", dir, ""); err != nil {
		t.Errorf("%s: recover: %v %s", what, err, out)
		return
	}
	p, err := pack.Open(dir)
	must(t, err)
	defer p.Close()
	s, err := p.State()
	must(t, err)
	want := adoptHealed
	if s.Manifest.IsZero() && !done {
		want = adoptDamaged
	}
	sameTree(t, what, readTree(t, dir), want)
	tidy(t, p)
}
