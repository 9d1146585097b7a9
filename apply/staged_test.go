package apply

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"packlift/internal/manifest"
	"packlift/internal/pack"
)

// stageFor stages f on p.
func stageFor(t *testing.T, p *pack.Pack, f *fakeBundle) {
	t.Helper()
	pl, err := f.plan(p, testOptions())
	must(t, err)
	info, err := pl.stageAll(context.Background(), p, &fakeBlobs{f: f}, testOptions().withDefaults())
	must(t, err)
	if !info.Complete || info.Contents == 0 {
		t.Errorf("staged: %+v", info)
	}
}

// An update whose contents are staged takes nothing from the bundle.
func TestStagedServes(t *testing.T) {
	p, f := newPack(t, oldTree, 3), newFake(t, oldTree, newTree, 3, 10)
	stageFor(t, p, f)
	sameTree(t, "staged", readTree(t, p.Dir()), oldTree)
	f.lacks = len(f.contents)
	update(t, p, f, testOptions())
	sameTree(t, "updated", readTree(t, p.Dir()), newTree)
	tidy(t, p)
	must(t, SweepStaged(p, testOptions().withDefaults().Log))
	if there, err := exists(p.Root(), stagedDir); there || err != nil {
		t.Errorf("what was staged is left (%v)", err)
	}
	revert(t, p, testOptions())
	sameTree(t, "reverted", readTree(t, p.Dir()), oldTree)
}

// Staged files that somebody changed, of the same size and time or not, or made
// links of, are not taken.
func TestStagedIsBelievedInNothing(t *testing.T) {
	for name, spoil := range map[string]func(t *testing.T, file string){
		"same size and time": func(t *testing.T, file string) {
			info, err := os.Stat(file)
			must(t, err)
			b, err := os.ReadFile(file)
			must(t, err)
			for i := range b {
				b[i] ^= 1
			}
			must(t, os.Chmod(file, 0o600))
			must(t, os.WriteFile(file, b, 0o600))
			must(t, os.Chtimes(file, info.ModTime(), info.ModTime()))
		},
		"shorter": func(t *testing.T, file string) {
			must(t, os.Chmod(file, 0o600))
			must(t, os.Truncate(file, 0))
		},
		"a link": func(t *testing.T, file string) {
			must(t, os.Rename(file, file+".away"))
			must(t, os.Symlink(filepath.Base(file)+".away", file))
		},
		"a folder": func(t *testing.T, file string) {
			must(t, os.Remove(file))
			must(t, os.Mkdir(file, 0o755))
		},
		"gone": func(t *testing.T, file string) { must(t, os.Remove(file)) },
	} {
		t.Run(name, func(t *testing.T) {
			p, f := newPack(t, oldTree, 3), newFake(t, oldTree, newTree, 3, 10)
			stageFor(t, p, f)
			for _, c := range f.contents {
				spoil(t, filepath.Join(p.Dir(), filepath.FromSlash(stagedName(c.SHA256))))
			}
			update(t, p, f, testOptions())
			sameTree(t, "updated", readTree(t, p.Dir()), newTree)
			tidy(t, p)
		})
	}
}

// A second name of a staged file sees nothing of the product's.
func TestStagedHardLink(t *testing.T) {
	p, f := newPack(t, oldTree, 3), newFake(t, oldTree, newTree, 3, 10)
	stageFor(t, p, f)
	d := manifest.Sum([]byte("core 2"))
	other := filepath.Join(filepath.Dir(p.Dir()), "other")
	must(t, os.Link(filepath.Join(p.Dir(), filepath.FromSlash(stagedName(d))), other))
	update(t, p, f, testOptions())
	must(t, os.WriteFile(other, []byte("evil 2"), 0o644))
	sameTree(t, "updated", readTree(t, p.Dir()), newTree)
}
